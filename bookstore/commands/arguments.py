"""Command lines, checked and put in order before traitlets reads them.

traitlets wants all options before the other arguments, or all after them, and answers a mistake
with several lines.
"""

from __future__ import annotations

from collections.abc import Iterable

from traitlets.config import Application

from ..bookstore_config import BookstoreSettings

_SHORT = ("-h", "-V")


class UsageError(Exception):
    """A command line, or a configuration, that cannot be used; the message says what to do."""


def options_first(app: Application, argv: Iterable[str]) -> list[str]:
    """Put the options before what is no option, and ``--`` between them.

    An option of several letters begins with two dashes. One dash may be that of a version id.

    Raises
    ------
    UsageError
        If there is an option that the application does not have.
    """
    options: list[str] = []
    others: list[str] = []
    left = iter(argv)
    for argument in left:
        if argument == "--":
            others += left
        elif argument.startswith("--") or argument in _SHORT:
            options.append(argument)
            name, given, _ = argument.lstrip("-").partition("=")
            if _takes_value(app, name) and not given:
                value = next(left, None)
                if value is None or value.startswith("--"):
                    raise UsageError(f"The option --{name} needs a value, as in --{name}=….")
                options[-1] += f"={value}"
            elif given and name in app.flags:
                raise UsageError(f"The option --{name} takes no value.")
        else:
            others.append(argument)
    return [*options, "--", *others] if others else options


def _takes_value(app: Application, name: str) -> bool:
    if name in app.aliases:
        return True
    section, dot, setting = name.partition(".")
    if dot:
        if section == BookstoreSettings.__name__ and setting not in _settings():
            raise UsageError(f"There is no setting {name}: see --help-all.")
        return True
    if name not in (*app.flags, "h", "help", "help-all", "version", "V"):
        raise UsageError(
            f"There is no option --{name}: see {app.name} --help. What is not meant as an option"
            " comes after -- by itself."
        )
    return False


def _settings() -> set[str]:
    return set(BookstoreSettings.class_own_traits(config=True))
