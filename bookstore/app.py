"""Run ``jupyter bookstore``: Bookstore in a shell, without a running server."""

from __future__ import annotations

import os
import sys
from difflib import get_close_matches

from jupyter_core.application import JupyterApp

from .commands.base import USAGE, BookstoreApplication

_MODULES = {
    "status": ("status.Status", "Show where saves are archived, and how many are pending."),
    "doctor": ("doctor.Doctor", "Check whether archiving can work, and say what to do."),
    "versions": ("versions.Versions", "List the versions of a notebook."),
    "show": ("versions.Show", "Write a version of a notebook to standard output."),
    "diff": ("versions.Diff", "Compare two versions of a notebook."),
    "name": ("versions.Name", "Give a version a name."),
    "restore": ("copies.Restore", "Restore a version of a notebook."),
    "clone": ("copies.Clone", "Copy a notebook from a bucket."),
    "publish": ("sharing.Publish", "Publish a notebook."),
    "archive": ("archive.Archive", "Archive the notebooks that are in a folder."),
    "drain": ("archive.Drain", "Upload the saves that are pending."),
    "export": ("export.Export", "Write the whole archive to a folder."),
    "rebuild": ("rebuild.Rebuild", "Rebuild the index of this machine."),
    "prune": ("prune.Prune", "List old versions, and remove them."),
    "link": ("sharing.Link", "Print the links that clone a published notebook."),
}


class BookstoreApp(BookstoreApplication):
    """Dispatch to the commands."""

    description = """List, read, compare, restore and share the versions of Jupyter notebooks, and
    maintain their archive. No server needs to run.

    Configuration: that of the server, from `jupyter_notebook_config` and `jupyter_server_config`
    (as `.py` or `.json`) in Jupyter's configuration directories, and from the environment
    variables. Where both files set the same option, the second one wins.
    `jupyter_bookstore_config`, which only these commands read, overrides both, and the command line
    overrides all of them, as in `--BookstoreSettings.s3_bucket=notebooks`. `--config FILE` replaces
    the server's files.

    Paths: as in any shell. They must lie in the folder that the server is configured to serve
    (`c.ServerApp.root_dir`, `c.NotebookApp.notebook_dir`, or `--root-dir`); where none is
    configured, it is the current folder. Outside of that folder, relative paths are taken relative
    to it.

    Versions: `PATH@VERSION`, by the ids that `versions` lists. The first 8 or more characters of an
    id are enough if no other version's id begins with them. Without a version, the newest is used.

    Output: results on standard output; progress and errors on standard error, each error as one
    sentence."""
    examples = """
    jupyter bookstore doctor
    jupyter bookstore versions team/report.ipynb
    jupyter bookstore versions --help
    """
    subcommands = {
        name: (f"bookstore.commands.{place}", summary)
        for name, (place, summary) in _MODULES.items()
    }

    def parse_command_line(self, argv: list[str] | None = None) -> None:
        """Dispatch to the command that the arguments begin with."""
        others = [argument for argument in argv or [] if not argument.startswith("-")]
        if argv and others[:1] == argv[:1] and others[0] in (*self.subcommands, "help"):
            super(JupyterApp, self).parse_command_line(argv)
        elif others:
            name = others[0]
            self.fail(
                (
                    f"The command comes first: jupyter bookstore {name} …."
                    if name in self.subcommands
                    else f"There is no command {name!r}{self._suggestion(name)}."
                ),
                USAGE,
            )
        else:
            super().parse_command_line(argv)

    def _suggestion(self, name: str) -> str:
        similar = get_close_matches(name, self.subcommands, n=1)
        return f"; did you mean {similar[0]}?" if similar else ": see jupyter bookstore --help"

    def start(self) -> None:
        """Run the command; without one, print the help."""
        super().start()
        self.print_help()
        self.exit(USAGE)


def main() -> None:
    """Run the command line."""
    try:
        try:
            BookstoreApp.launch_instance()
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        # The reader of our output has closed it; Python must not flush to it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
