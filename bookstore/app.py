"""``jupyter bookstore``: what Bookstore does, in a shell and without a running server."""

from __future__ import annotations

import os
import sys

from jupyter_core.application import JupyterApp

from .commands.base import USAGE, BookstoreApplication

_MODULES = {
    "status": ("status.Status", "Tell where saves are archived and how that goes."),
    "doctor": ("doctor.Doctor", "Find out whether archiving can work, and what to do."),
    "versions": ("versions.Versions", "List the versions of a notebook."),
    "show": ("versions.Show", "Write out a version of a notebook."),
    "diff": ("versions.Diff", "Tell how two versions of a notebook differ."),
    "restore": ("copies.Restore", "Bring a version of a notebook back."),
    "clone": ("copies.Clone", "Copy a notebook from a bucket."),
    "publish": ("sharing.Publish", "Publish a notebook."),
    "archive": ("archive.Archive", "Archive the notebooks that are in a folder."),
    "drain": ("archive.Drain", "Upload the saves that are pending."),
    "export": ("export.Export", "Write the whole archive to a folder."),
    "prune": ("prune.Prune", "List old versions, and remove them."),
    "link": ("sharing.Link", "Give links to clone a published notebook by."),
}


class BookstoreApp(BookstoreApplication):
    """The application whose subcommands all of them are."""

    description = """Every save of a Jupyter notebook is a version: list, read, compare, restore and
    share versions, and look after their archive. The configuration is that of the Jupyter
    server."""
    examples = """
    jupyter bookstore doctor
    jupyter bookstore versions team/report.ipynb
    jupyter bookstore versions --help
    """
    subcommands = {
        name: (f"bookstore.commands.{place}", told) for name, (place, told) in _MODULES.items()
    }

    def parse_command_line(self, argv: list[str] | None = None) -> None:
        """Hand over to the command that comes first."""
        others = [argument for argument in argv or [] if not argument.startswith("-")]
        if argv and others[:1] == argv[:1] and others[0] in (*self.subcommands, "help"):
            super(JupyterApp, self).parse_command_line(argv)
        elif others:
            name = others[0]
            self.fail(
                (
                    f"The command comes first: jupyter bookstore {name} …."
                    if name in self.subcommands
                    else f"There is no command {name!r}: see jupyter bookstore --help."
                ),
                USAGE,
            )
        else:
            super().parse_command_line(argv)

    def start(self) -> None:
        """Run the command; where none is named, tell which there are."""
        super().start()
        self.print_help()
        self.exit(USAGE)


def main() -> None:
    """Run what the command line says."""
    try:
        try:
            BookstoreApp.launch_instance()
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        # Whoever reads us has seen enough; Python must not try to write the rest at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
