"""What the commands have in common."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bookstore.client import servers
from bookstore.commands import base
from bookstore.commands.arguments import UsageError
from bookstore.commands.base import REFUSED, UNAVAILABLE, Failed, code_of
from bookstore.commands.copies import Clone
from bookstore.commands.sharing import Link
from bookstore.commands.status import Status
from bookstore.commands.versions import Show, Versions
from bookstore.operations.clone import NotAllowed
from bookstore.storage import StoreError, StoreRefused, StoreUnavailable
from bookstore.storage.local import LocalStore
from bookstore.validation import BadInput
from tests.support.archive import Archive


def test_the_settings_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    read = []
    monkeypatch.setattr(base, "get_bookstore", read.append)
    command = Status()
    assert command.bookstore is command.bookstore
    assert read == [command]


@pytest.mark.parametrize(
    ("file", "path"),
    [
        ("inlink/i.ipynb", "inlink/i.ipynb"),
        ("real/../inlink/i.ipynb", "inlink/i.ipynb"),
        ("outlink/o.ipynb", "outlink/o.ipynb"),
        ("{root}/inlink/i.ipynb", "inlink/i.ipynb"),
        ("{root}/outlink/o.ipynb", "outlink/o.ipynb"),
        ("{link}/inlink/i.ipynb", "inlink/i.ipynb"),
        ("{link}/outlink", "outlink"),
        ("{link}", ""),
        ("{folder}/elsewhere/into/i.ipynb", "real/i.ipynb"),
    ],
)
@pytest.mark.parametrize("cwd", [".", "root", "root/real"])
def test_a_path_within_the_root_folder_is_as_the_servers_have_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, path: str, cwd: str
) -> None:
    root, link = tmp_path / "root", tmp_path / "link"
    for folder in (root / "real", tmp_path / "elsewhere"):
        folder.mkdir(parents=True)
    link.symlink_to(root)
    (root / "inlink").symlink_to(root / "real")
    (root / "outlink").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere/into").symlink_to(root / "real")
    monkeypatch.chdir(tmp_path / cwd)
    if cwd == "root/real" and "{" not in file:
        file = f"../{file}"
    file = file.format(root=root, link=link, folder=tmp_path)
    assert Status(root_dir=str(link)).path_within(file) == path


def test_a_path_outside_of_the_root_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is outside of the folder with the notebooks"):
        Status(root_dir=str(tmp_path / "root")).path_within(str(tmp_path / "a.ipynb"))


@pytest.mark.parametrize(
    ("error", "code"),
    [(StoreRefused("It refuses."), REFUSED), (StoreUnavailable("It is away."), UNAVAILABLE)],
)
async def test_what_is_listed_without_the_store_is_not_all(
    archive: Archive,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: StoreError,
    code: int,
) -> None:
    async def failing(*_: object, **__: object) -> None:
        raise error

    version_id = await archive.archive("workspace/a.ipynb", "a")
    monkeypatch.setattr(LocalStore, "versions", failing)
    command = Versions(config=archive.config)
    answer = await command.answer("a.ipynb")
    assert [version["version_id"] for version in answer["versions"]] == [version_id]
    assert command.code(answer) == code
    assert capsys.readouterr().err.startswith(f"{error} The list has only the versions")
    command.bookstore.close()


async def test_what_is_no_json_is_not_shown_in_json(archive: Archive) -> None:
    await archive.archive("workspace/a.ipynb", "no JSON")
    command = Show(config=archive.config, as_json=True)
    with pytest.raises(Failed, match="This is not JSON"):
        await command.answer("a.ipynb")
    command.bookstore.close()


async def test_a_clone_does_not_leave_the_root_folder_through_a_link(
    archive: Archive, tmp_path: Path
) -> None:
    await archive.archive("published/a.ipynb", "{}")
    (tmp_path / "outside").mkdir()
    (tmp_path / "root").mkdir()
    (tmp_path / "root/out").symlink_to(tmp_path / "outside")
    command = Clone(config=archive.config, root_dir=str(tmp_path / "root"))
    with pytest.raises(BadInput, match="leads out of the root folder, through a link"):
        await command.answer("s3://local/published/a.ipynb", "out/a.ipynb")
    assert list((tmp_path / "outside").iterdir()) == []
    command.bookstore.close()


async def test_cloning_that_is_off_is_refused(archive: Archive) -> None:
    config = archive.config
    config.BookstoreSettings.enable_s3_cloning = False
    command = Clone(config=config)
    with pytest.raises(NotAllowed, match="enable_s3_cloning is False") as raised:
        await command.answer("s3://local/a.ipynb")
    assert code_of(raised.value) == REFUSED
    command.bookstore.close()


@pytest.mark.parametrize(
    ("url", "running", "environment", "clone_at", "hub_at"),
    [
        ("https://hub.example.org/", ["http://x/"], {}, "https://hub.example.org", True),
        ("https://hub.example.org/user/ann", [], {}, "https://hub.example.org/user/ann", False),
        ("http://127.0.0.1:9/", [], {}, "http://127.0.0.1:9", False),
        ("", [], {"JUPYTERHUB_PUBLIC_HUB_URL": "https://a.org/hub/"}, "https://a.org", True),
        ("", ["http://localhost:9/base/"], {}, "http://localhost:9/base", False),
    ],
)
async def test_a_link_leads_to_where_the_server_is(
    link: Link,
    monkeypatch: pytest.MonkeyPatch,
    url: str,
    running: list[str],
    environment: dict[str, str],
    clone_at: str,
    hub_at: bool,
) -> None:
    monkeypatch.setattr(servers, "running_servers", lambda: [{"url": place} for place in running])
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    link.url = url
    answer = await link.answer("a.ipynb")
    assert answer["clone_url"].startswith(f"{clone_at}/bookstore/clone?")
    assert bool(answer["hub_url"]) == bool(answer["hub_badge"]) == hub_at
    assert answer["problem"] is None


@pytest.mark.parametrize("running", [[], ["http://localhost:9/", "http://localhost:10/"]])
async def test_a_guess_is_told(
    link: Link,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    running: list[str],
) -> None:
    monkeypatch.setattr(servers, "running_servers", lambda: [{"url": place} for place in running])
    answer = await link.answer("a.ipynb")
    link.show(answer)
    assert link.code(answer) == 0
    told = capsys.readouterr()
    assert "JupyterHub" not in told.out
    assert told.err == "It is a guess that the server is at http://localhost:8888: give --url.\n"


@pytest.fixture
async def link(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Link]:
    """The command, and a notebook that is published."""
    for name in ("JUPYTERHUB_PUBLIC_HUB_URL", "JUPYTERHUB_SERVICE_PREFIX"):
        monkeypatch.delenv(name, raising=False)
    await archive.archive("published/a.ipynb", "a")
    command = Link(config=archive.config)
    yield command
    command.bookstore.close()


def test_a_fault_of_ours_does_not_look_like_a_mistake_of_the_users() -> None:
    sentence, code = base._sentence_and_code(ValueError("a secret"))
    assert code == base.FAILED
    assert (
        sentence == "Unexpected error (ValueError): run the command with --debug for the details."
    )
    assert base._sentence_and_code(BadInput("Name a file.")) == ("Name a file.", base.USAGE)
