"""What is there is documented, and what is documented is there."""

import pkgutil
import re
import runpy
from importlib.metadata import metadata
from pathlib import Path
from textwrap import dedent

import pytest
from traitlets.config import Config

import bookstore
from bookstore.bookstore_config import BookstoreSettings, require_working
from bookstore.core import Bookstore

ROOT = Path(__file__).resolve().parents[2]


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def pages() -> list[str]:
    return sorted(str(file.relative_to(ROOT)) for file in (ROOT / "docs").rglob("*.md"))


def test_every_setting_is_documented_and_no_other() -> None:
    settings = set(BookstoreSettings.class_own_traits(config=True))
    text = read("docs/configuration.md")
    documented = set(re.findall(r"`(?:c\.BookstoreSettings\.)?([a-z][a-z0-9_]+)`", text))
    assert settings <= documented
    assert {name for name in documented if f"c.BookstoreSettings.{name}" in text} <= settings


def test_every_setting_says_what_it_is_for() -> None:
    for name, trait in BookstoreSettings.class_own_traits(config=True).items():
        assert trait.help, name
        assert name in BookstoreSettings.class_get_help()


def test_every_setting_is_in_the_help_of_the_command_line() -> None:
    from bookstore.app import BookstoreApp

    told = "\n".join(BookstoreApp().emit_help(classes=True))
    for name in BookstoreSettings.class_own_traits(config=True):
        assert f"--BookstoreSettings.{name}=" in told


def test_the_example_config_sets_what_there_is() -> None:
    names = re.findall(r"c\.BookstoreSettings\.(\w+)", read("jupyter_config.py.example"))
    assert names
    assert set(names) <= set(BookstoreSettings.class_own_traits(config=True))
    compile(read("jupyter_config.py.example"), "jupyter_config.py", "exec")


@pytest.mark.parametrize(
    "name",
    [
        "bookstore.BookstoreContentsArchiver",
        "bookstore.archive.ArchiveRecord",
        "bookstore.archive.BookstoreContentsArchiver",
        "bookstore.bookstore_config.BookstoreSettings",
        "bookstore.bookstore_config.validate_bookstore",
        "bookstore.checkpoints.BookstoreCheckpoints",
        "bookstore.client.BookstoreClient",
        "bookstore.client.nb_client.CurrentNotebookClient",
        "bookstore.client.nb_client.KernelInfo",
        "bookstore.client.nb_client.LiveNotebookRecord",
        "bookstore.client.nb_client.NotebookClient",
        "bookstore.client.nb_client.NotebookClientCollection",
        "bookstore.client.nb_client.NotebookSession",
        "bookstore.client.nb_client.extract_kernel_id",
        "bookstore.client.store_client.BookstoreClient",
        "bookstore.clone.BookstoreCloneAPIHandler.build_post_model_response",
        "bookstore.clone.BookstoreCloneHandler.construct_template_params",
        "bookstore.clone.BookstoreCloneHandler.get_template",
        "bookstore.handlers.BookstoreVersionHandler",
        "bookstore.handlers.load_jupyter_server_extension",
        "bookstore.publish.BookstorePublishHandler",
        "bookstore.s3_paths.s3_path",
        "bookstore.s3_paths.s3_key",
        "bookstore.s3_paths.s3_display_path",
    ],
)
def test_documented_names_keep_their_places(name: str) -> None:
    assert pkgutil.resolve_name(name).__doc__


@pytest.mark.parametrize("name", bookstore.__all__)
def test_public_names_are_there(name: str) -> None:
    assert getattr(bookstore, name)
    assert name in dir(bookstore)


def test_unknown_names_are_not() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        bookstore.nothing  # noqa: B018


def test_every_route_is_documented() -> None:
    from bookstore.handlers import routes

    text = read("docs/api.md")
    for path, _, _ in routes(Bookstore(BookstoreSettings()), "/"):
        plain = path.removesuffix("/?").replace("(?P<path>[a-z.]+)", "{file}")
        assert f"{plain.replace('(?P<path>(?:/.*)?)', '/{path}')}`" in text


def test_every_metric_is_documented() -> None:
    from bookstore.saves import metrics

    text = read("docs/operating.md")
    for metric in (metrics.ARCHIVED, metrics.PENDING, metrics.FAILED, metrics.SECONDS):
        for family in metric.collect():
            assert family.name in text


def test_every_command_is_documented_and_no_other() -> None:
    from bookstore.app import BookstoreApp

    listed = re.findall(r"^```{commands} (.+)$", read("docs/command-line.md"), re.M)
    assert sorted(" ".join(listed).split()) == sorted(BookstoreApp.subcommands)


def test_the_documentation_of_a_command_has_its_options_and_examples() -> None:
    from bookstore.app import BookstoreApp
    from bookstore.commands.base import BookstoreCommand

    pytest.importorskip("sphinx")
    commands = runpy.run_path(str(ROOT / "docs/_extensions/commands.py"))
    for name, (place, _) in BookstoreApp.subcommands.items():
        command = pkgutil.resolve_name(place)
        text = commands["section"](name) + commands["shared"]()
        assert command.name == f"jupyter bookstore {name}"
        assert f"jupyter bookstore {name}" in command.examples
        assert dedent(command.examples).strip() in text
        for option in [*command.flags, *command.aliases]:
            assert f"{{option}} --{option}" in text, f"{name} --{option}"
    assert commands["shared"]().count("{option}") == len(
        [*BookstoreCommand.flags, *BookstoreCommand.aliases]
    )


@pytest.mark.parametrize("page", ["README.md", *pages()])
def test_commands_in_the_documentation_have_the_options_that_are_used(page: str) -> None:
    from bookstore.app import BookstoreApp

    places = {name: place for name, (place, _) in BookstoreApp.subcommands.items()}
    for name, rest in re.findall(r"jupyter bookstore ([a-z]+)([^\n`]*)", read(page)):
        if name in places:
            command = pkgutil.resolve_name(places[name])
            known = {f"--{option}" for option in [*command.flags, *command.aliases, "help"]}
            assert set(re.findall(r" (--[a-z-]+)", rest.partition("|")[0])) <= known, rest


def test_the_description_for_package_indexes_has_no_links_into_the_repository() -> None:
    text = str(metadata("bookstore").get_payload())
    assert text.startswith("# Bookstore")
    assert not re.findall(r"\]\((?!https?:)", text)


@pytest.mark.parametrize("page", ["README.md", *pages()])
def test_examples_in_python_compile_and_their_settings_work(page: str) -> None:
    for example in re.findall(r"^ *```python\n(.+?)^ *```", read(page), re.M | re.S):
        code = compile(dedent(example), page, "exec")
        if example.startswith(("c.", "# ")):
            config = Config()
            exec(code, {"c": config})  # noqa: S102
            require_working(BookstoreSettings(config=config))


def test_every_module_is_documented_and_no_other() -> None:
    modules = [module.name for module in pkgutil.walk_packages(bookstore.__path__, "bookstore.")]
    documented = re.findall(r"^ +\.\. automodule:: (.+)$", read("docs/modules.md"), re.M)
    assert sorted(documented) == sorted(modules)


def test_every_exit_code_is_explained() -> None:
    from bookstore.app import BookstoreApp
    from bookstore.commands import base

    codes = {value for name, value in vars(base).items() if name.isupper() and type(value) is int}
    assert set(base.EXIT_CODES) == codes | {0}
    told = "\n".join(BookstoreApp().emit_help())
    for code in base.EXIT_CODES:
        assert re.search(rf"^ +{code}  \w", told, re.M)
