"""What the commands have in common."""

from pathlib import Path

import pytest

from bookstore.commands import base
from bookstore.commands.arguments import UsageError
from bookstore.commands.status import Status


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
