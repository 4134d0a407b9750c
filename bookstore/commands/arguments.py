"""Check command lines and configurations before traitlets reads them.

traitlets wants all options before the other arguments, or all after them, and answers a mistake in
its own words, or with several lines.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from traitlets import Bool, Enum, Int, TraitError
from traitlets.config import Application, Config

from ..bookstore_config import BookstoreSettings
from ..validation import shown

_SHORT = ("-h", "-V")


class UsageError(Exception):
    """A command line, or a configuration, that cannot be used; the message says what to do."""


def options_first(app: Application, argv: Iterable[str]) -> list[str]:
    """Put the options before what is no option, and ``--`` between them.

    An option of several letters begins with two dashes. One dash may be that of a version id.

    Raises
    ------
    UsageError
        If there is an option that the application does not have, or one twice.
    """
    options: list[str] = []
    others: list[str] = []
    given_before: set[str] = set()
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
            if name in app.aliases and name in given_before:
                raise UsageError(f"The option --{name} can be given once only.")
            given_before.add(name)
        else:
            others.append(argument)
    return [*options, "--", *others] if others else options


def _takes_value(app: Application, name: str) -> bool:
    if name in app.aliases:
        return True
    section, dot, setting = name.partition(".")
    if dot:
        known = BookstoreSettings.class_own_traits(config=True)
        if section == BookstoreSettings.__name__ and setting not in known:
            raise UsageError(f"There is no setting {name}: see --help-all.")
        return True
    if name not in (*app.flags, "h", "help", "help-all", "version", "V"):
        raise UsageError(
            f"There is no option --{name}: see {app.name} --help. What is not meant as an option"
            " comes after -- by itself."
        )
    return False


def require_usable(app: Application, config: Config) -> None:
    """Check the values of an application's own options, wherever they come from.

    Raises
    ------
    UsageError
    """
    traits = app.traits(config=True)
    for section in app.section_names():
        for name, value in config.get(section, {}).items():
            if trait := traits.get(name):
                try:
                    trait._validate(app, value)
                except TraitError:
                    is_option = config is app.cli_config
                    given = _option(app, name) if is_option else f"c.{section}.{name}"
                    raise UsageError(
                        f"{given} must be {_wanted(trait)}, not {shown(str(value))}."
                    ) from None


def _option(app: Application, name: str) -> str:
    """Return by which option something is set."""
    options = {str(setting).rpartition(".")[2]: option for option, setting in app.aliases.items()}
    return f"--{options.get(name, f'{app.section_names()[-1]}.{name}')}"


def _wanted(trait: Any) -> str:
    """Return which values an option may have."""
    if isinstance(trait, Enum):
        return " or ".join(map(str, trait.values or ()))
    if isinstance(trait, Bool):
        return "True or False"
    if isinstance(trait, Int):
        bounds = [f"from {trait.min}"] if trait.min is not None else []
        bounds += [f"to {trait.max}"] if trait.max is not None else []
        return " ".join(["a whole number", *bounds])
    return str(trait.info())
