"""Document the commands of ``jupyter bookstore`` from their classes, as ``--help`` does."""

from collections.abc import Iterator
from pkgutil import resolve_name
from textwrap import dedent
from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from traitlets import Enum

from bookstore.app import BookstoreApp
from bookstore.commands.base import EXIT_CODES, BookstoreApplication, BookstoreCommand


class Commands(SphinxDirective):
    """A section for each command that is named; without names, what all commands share."""

    optional_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        """Write Markdown, and parse it as a part of the page."""
        names = self.arguments[0].split() if self.arguments else []
        text = "\n\n".join(map(section, names)) if names else shared()
        parent = nodes.section()
        parent.document = self.state.document
        lines = StringList(text.splitlines(), "commands")
        self.state.nested_parse(lines, 0, parent, match_titles=True)
        return parent.children


def shared() -> str:
    """Write what all commands share: the application's description, options and exit codes."""
    codes = "\n".join(f"| {code} | {meaning} |" for code, meaning in EXIT_CODES.items())
    return "\n\n".join(
        [
            paragraphs(BookstoreApp.description),
            paragraphs(BookstoreApp.option_description),
            "```{program} jupyter bookstore\n```",
            *options(BookstoreCommand),
            f"| Exit code | |\n|---|---|\n{codes}",
        ]
    )


def section(name: str) -> str:
    """Write the section of a command: usage, description, its own options and examples."""
    command = resolve_name(BookstoreApp.subcommands[name][0])
    return "\n\n".join(
        [
            f"### `{name}`",
            f"```text\n{command.name} {command.usage}".rstrip() + "\n```",
            paragraphs(command.description),
            f"```{{program}} {command.name}\n```",
            *options(command, without=BookstoreCommand),
            f"```shell\n{dedent(command.examples).strip()}\n```",
        ]
    )


def paragraphs(text: str) -> str:
    """Remove the indentation of a string in code; paragraphs stay."""
    first, _, others = text.partition("\n")
    return f"{first}\n{dedent(others)}".strip()


def options(
    command: type[BookstoreApplication], without: type[BookstoreApplication] | None = None
) -> Iterator[str]:
    """Write the options of a command, those of another class left out."""
    for name, (_, meaning) in command.flags.items():
        if not without or name not in without.flags:
            yield option(f"--{name}", meaning)
    for name, setting in command.aliases.items():
        if not without or name not in without.aliases:
            place, meaning = setting if isinstance(setting, tuple) else (setting, "")
            trait = command.class_traits(config=True)[place.rpartition(".")[2]]
            explained = f"{meaning or trait.help}{default_of(trait)}"
            yield option(f"--{name} {values(name, trait)}", explained)


def option(signature: str, meaning: str) -> str:
    """Write one option."""
    return f"```{{option}} {signature}\n{paragraphs(meaning)}\n```"


def values(name: str, trait: Any) -> str:
    """Return what stands for the value of an option."""
    return "|".join(trait.values) if isinstance(trait, Enum) else name.upper()


def default_of(trait: Any) -> str:
    """Return the default as a sentence, unless it is empty."""
    return f" Default: {trait.default_value}." if trait.default_value else ""


def setup(app: Sphinx) -> dict[str, Any]:
    """Add the directive."""
    app.add_directive("commands", Commands)
    return {"parallel_read_safe": True}
