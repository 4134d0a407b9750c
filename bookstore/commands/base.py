"""Define what the commands share: configuration, output, errors and exit codes."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from collections.abc import Generator
from functools import cached_property
from textwrap import dedent, fill
from typing import Any, ClassVar

from jupyter_core.application import JupyterApp, base_flags
from traitlets import Bool, TraitError, TraitType, Unicode, default
from traitlets.config import Config

from .._version import __version__
from ..bookstore_config import BookstoreSettings
from ..core import Bookstore, get_bookstore
from ..notebooks.json import NotANotebook
from ..operations.clone import NotAllowed, NotOffered
from ..operations.publish import PublishedByAnother
from ..saves.recorder import Recorder
from ..storage import NoStore, NotVersioned, StoreRefused, StoreUnavailable, VersionNotFound
from ..validation import BadInput, notebook_path, shown
from .arguments import UsageError, options_first, require_usable

FAILED = 1
USAGE = 2
NOT_FOUND = 3
REFUSED = 4
UNAVAILABLE = 5
INTERRUPTED = 130

# What each means, for `--help` and the documentation.
EXIT_CODES = {
    0: "done",
    FAILED: "not done, or not all of it; or `doctor` found a problem",
    USAGE: "the command line or the configuration cannot be used, or it names no store",
    NOT_FOUND: "there is no such notebook, version or bucket",
    REFUSED: "the store refuses the credentials, the action or the bucket; cloning is off, or not"
    " allowed from that bucket; or another user published the notebook",
    UNAVAILABLE: "the store cannot be reached, or is not ready",
    INTERRUPTED: "interrupted by Ctrl-C",
}

# The most specific errors first. Other errors of our own end with FAILED.
_CODES: tuple[tuple[type[Exception], int], ...] = (
    (NoStore, USAGE),
    (VersionNotFound, NOT_FOUND),
    (NotOffered, NOT_FOUND),
    (StoreUnavailable, UNAVAILABLE),
    (StoreRefused, REFUSED),
    (NotVersioned, REFUSED),
    (NotAllowed, REFUSED),
    (PublishedByAnother, REFUSED),
    (NotANotebook, FAILED),
    (UsageError, USAGE),
    (TraitError, USAGE),
    (BadInput, USAGE),
)
# The settings that say which folder a server serves.
_ROOTS = (
    ("ServerApp", "root_dir"),
    ("NotebookApp", "notebook_dir"),
    ("FileContentsManager", "root_dir"),
)
# A later file overrides an earlier one.
_CONFIG_FILES = (
    "jupyter_config",
    "jupyter_notebook_config",
    "jupyter_server_config",
    "jupyter_bookstore_config",
)


class Failed(Exception):
    """A command could not do what it should; the message says why."""


class BookstoreApplication(JupyterApp):
    """Define what the commands, and the application that has them, have in common."""

    name = "jupyter bookstore"
    version = __version__
    raise_config_file_errors = True
    option_description = """Options may be written before or after the arguments. After `--`,
    nothing is an option: write it before a version id that begins with two dashes."""
    classes = [BookstoreSettings]
    flags = {"debug": (base_flags["debug"][0], "Log in detail, also what led to an error.")}
    aliases = {
        "config": (
            "JupyterApp.config_file",
            "A configuration file to read instead of those of the server.",
        )
    }

    def __init_subclass__(cls) -> None:
        """Give each setting of a command an option; the tag ``option`` names it otherwise."""
        super().__init_subclass__()
        for name, trait in dict(vars(cls)).items():
            if isinstance(trait, TraitType) and trait.metadata.get("config"):
                option = trait.metadata.get("option", name)
                if isinstance(trait, Bool):
                    flag = ({cls.__name__: {name: True}}, trait.help)
                    cls.flags = {**cls.flags, option: flag}
                else:
                    cls.aliases = {**cls.aliases, option: f"{cls.__name__}.{name}"}

    def _log_level_default(self) -> int:
        return logging.WARNING

    @default("log_format")
    def _plain_log(self) -> str:
        return "%(message)s"

    def exit(self, exit_status: int | str | None = 0) -> None:
        """End the process; traitlets says 1 for bad usage, and we say USAGE."""
        super().exit(USAGE if exit_status == 1 else exit_status)

    def fail(self, message: str, code: int) -> None:
        """Print what went wrong, and exit."""
        print(message, file=sys.stderr)
        sys.exit(code)

    def parse_command_line(self, argv: list[str] | None = None) -> None:
        """Read the options and the arguments, in any order."""
        try:
            super().parse_command_line(options_first(self, argv or []))
        except UsageError as error:
            self.fail(str(error), USAGE)

    def update_config(self, config: Config) -> None:
        """Take in options, or what a file says of them. Raises `UsageError`."""
        require_usable(self, config)
        super().update_config(config)

    def emit_examples(self) -> Generator[str, None, None]:
        """Yield the examples, all of them as far to the left as the first."""
        self.examples = dedent(self.examples)
        yield from super().emit_examples()

    def emit_help_epilogue(self, classes: bool) -> Generator[str, None, None]:
        """Yield the exit codes, and how to see more."""
        yield "Exit codes"
        yield "----------"
        yield ""
        for code, meaning in EXIT_CODES.items():
            yield fill(meaning, 80, initial_indent=f"{code:>7}  ", subsequent_indent=" " * 9)
        yield ""
        yield from super().emit_help_epilogue(classes)


class BookstoreCommand(BookstoreApplication):
    """Run one command.

    Attributes
    ----------
    usage : str
        Its arguments, in brackets those that can be left out.
    """

    usage: ClassVar[str] = ""

    as_json = Bool(help="Print JSON on standard output, for programs.").tag(
        config=True, option="json"
    )
    root_dir = Unicode(
        help="""The folder with the notebooks. If empty, the folder that the Jupyter server is
        configured to serve, or else the current folder.""",
    ).tag(config=True, option="root-dir")

    async def answer(self, *arguments: str) -> Any:
        """Do the command's work, and return its answer."""
        raise NotImplementedError

    def show(self, answer: Any) -> None:
        """Print the answer for people, on standard output."""
        raise NotImplementedError

    def problems(self, answer: Any) -> list[str]:
        """Return a sentence for each thing that was not done."""
        return []

    def code(self, answer: Any) -> int:
        """Print the problems, on standard error, and return the exit code."""
        problems = self.problems(answer)
        for problem in problems:
            print(problem, file=sys.stderr)
        return FAILED if problems else 0

    def emit_description(self) -> Generator[str, None, None]:
        """Yield how the command is called, and what it does."""
        yield f"Usage: {self.name} {self.usage}".rstrip()
        yield ""
        yield from super().emit_description()

    # How it runs

    def load_config_file(self, suppress_errors: bool = True) -> None:  # type: ignore[override]
        """Read what the servers read, and what is only for the command line."""
        first, *servers_and_ours = _CONFIG_FILES
        own = os.path.abspath(self.config_file) if self.config_file else ""
        if own and not os.path.isfile(own):
            self.fail(f"There is no configuration file {own}.", USAGE)
        for name in (first, own) if own else (first, *servers_and_ours):
            try:
                super(JupyterApp, self).load_config_file(name, path=self.config_file_paths)
            except UsageError as error:
                self.fail(str(error), USAGE)
            except Exception as error:  # a configuration file in Python may raise anything
                self.log.debug("Reading %s.", name, exc_info=True)
                reason = " ".join(f"{type(error).__name__}: {error}".split())
                self.fail(f"The configuration {name} cannot be read: {reason}.", USAGE)

    def start(self) -> None:
        """Run the command; the process ends with its exit code."""
        try:
            self._require_arguments()
            answer = asyncio.run(self.answer(*self.extra_args))
            if self.as_json:
                print(json.dumps(answer, indent=2, ensure_ascii=False))
            else:
                self.show(answer)
            code = self.code(answer)
        except BrokenPipeError:
            raise
        except KeyboardInterrupt:
            self.fail("Interrupted.", INTERRUPTED)
        except Exception as error:
            self.log.debug("What went wrong:", exc_info=True)
            self.fail(*_sentence_and_code(error))
        sys.exit(code)

    def _require_arguments(self) -> None:
        names = self.usage.split()
        least = sum(not name.startswith("[") for name in names)
        if not least <= len(self.extra_args) <= len(names):
            wanted = f"takes {self.usage}" if names else "takes no arguments"
            raise UsageError(f"{self.name} {wanted}: see {self.name} --help.")

    # What it works on

    @cached_property
    def bookstore(self) -> Bookstore:
        """Return the `Bookstore` that is configured."""
        return get_bookstore(self)

    @property
    def recorder(self) -> Recorder:
        """Return what records saves."""
        self.bookstore.require_store()
        if self.bookstore.recorder is None:
            raise UsageError("Archiving is off: set c.BookstoreSettings.workspace_prefix.")
        return self.bookstore.recorder

    def contents_manager(self) -> Any:
        """Make a contents manager on the notebooks' folder, which archives what it saves."""
        try:
            from ..archive import BookstoreContentsArchiver
        except ImportError as error:
            raise Failed(
                "This needs a Jupyter server to be installed, though not to run: install notebook"
                " or jupyter_server."
            ) from error
        log = self.log.getChild("contents")
        if self.log_level != logging.DEBUG:
            # It warns of what is no problem here, such as that a clone is not trusted.
            log.setLevel(logging.ERROR)
        return BookstoreContentsArchiver(parent=self, root_dir=self.root, log=log)

    @default("root_dir")
    def _configured_root(self) -> str:
        for section, name in _ROOTS:
            folder = self.config.get(section, {}).get(name)
            if isinstance(folder, str) and folder:
                return folder
        return os.getcwd()

    @property
    def root(self) -> str:
        """Return the folder with the notebooks."""
        return os.path.realpath(os.path.expanduser(self.root_dir))

    @property
    def _roots(self) -> list[str]:
        """Return the names of that folder: as it is configured, and without links."""
        return [os.path.abspath(os.path.expanduser(self.root_dir)), self.root]

    def path_within(self, file: str) -> str:
        """Return the path, relative to the root folder, of a file or folder named in a shell.

        A relative one counts from the current folder if that leads into the root folder, and from
        the root folder otherwise. A link within the root folder is a folder of its own, as it is
        for the servers. The root folder's own path is empty.
        """
        folder, name = os.path.split(os.path.normpath(file))
        places = [os.path.abspath(file), os.path.join(os.path.realpath(folder), name)]
        places += [os.path.join(root, file) for root in self._roots]
        for place in map(os.path.normpath, places):
            for root in self._roots:
                if os.path.commonpath([place, root]) == root:
                    path = os.path.relpath(place, root).replace(os.sep, "/")
                    return "" if path == "." else path
        raise UsageError(
            f"{shown(file)} is outside of the folder with the notebooks, {self.root}:"
            " give --root-dir."
        )

    def path_of(self, file: str) -> str:
        """Return a notebook's path, by its name in a shell."""
        return notebook_path(self.path_within(file))


def code_of(error: Exception) -> int:
    """Return the exit code for an error."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), FAILED)


def _sentence_and_code(error: Exception) -> tuple[str, int]:
    """Write an error as a sentence, and give its exit code."""
    from tornado.web import HTTPError  # it would be a quarter of what each command imports

    if isinstance(error, HTTPError):  # raised by a contents manager
        message = error.log_message % error.args if error.log_message else error.reason
        return str(message), NOT_FOUND if error.status_code == 404 else FAILED
    if isinstance(error, OSError):
        return f"{error.filename or 'A file'}: {error.strerror or error}.", FAILED
    is_ours = type(error).__module__.startswith("bookstore.")
    if is_ours or isinstance(error, tuple(kind for kind, _ in _CODES)):
        return str(error), code_of(error)
    name = type(error).__name__
    return f"Unexpected error ({name}): run the command with --debug for the details.", FAILED
