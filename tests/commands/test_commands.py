"""Each command in a shell, on Ceph and on the embedded store, without a server that runs."""

import fcntl
import json
import os
import pty
import struct
import termios
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support.notebooks import make_notebook, text_of
from tests.support.shell import Shell

pytestmark = pytest.mark.once

Contents = dict[str, list[bytes]]

NOTHING = {"archived": 0, "unchanged": 0, "pending": 0, "failed": [], "problem": None}


@pytest.fixture(scope="module")
def archived(shell: Shell) -> Contents:
    """Notebooks with two versions each, the oldest first: archived by ``archive``."""
    paths = [f"{folder}/a.ipynb" for folder in ("read", "back", "out", "old", "with space")]
    contents: Contents = {path: [] for path in paths}
    shell.write("read/.ipynb_checkpoints/a.ipynb", make_notebook())
    (shell.root / "read/data.csv").write_text("1")
    for text in ("first", "second"):
        for path in paths:
            contents[path].append(shell.write(path, make_notebook(text)))
        answer = shell.json("archive", ".")
        assert answer["archived"] >= len(paths)  # tests that ran before have left some, too
        assert answer["failed"] == []
    return contents


def test_versions_are_listed_shown_and_compared(shell: Shell, archived: Contents) -> None:
    first, second = archived["read/a.ipynb"]
    listed = shell.json("versions", "read/a.ipynb")
    newest, oldest = listed["versions"]
    assert listed["path"] == "read/a.ipynb"
    assert (newest["latest"], oldest["latest"]) == (True, False)
    assert (newest["state"], newest["size"]) == ("archived", len(second))
    table = shell.out("versions", "read/a.ipynb").splitlines()
    assert [line.split()[0] for line in table[1:]] == [newest["version_id"], oldest["version_id"]]

    done = shell.run("versions", "read/a.ipynb", "--limit", "1")
    assert done.stdout.decode().splitlines() == table[:2]
    assert b"There are more" in done.stderr

    assert shell.run("show", f"read/a.ipynb@{oldest['version_id']}").stdout == first
    assert shell.run("show", "read/a.ipynb").stdout == second
    shown = shell.json("show", "read/a.ipynb")
    assert shown["content"] == json.loads(second)
    assert shown["version_id"] == newest["version_id"]

    words = shell.out("diff", "--", "read/a.ipynb", oldest["version_id"])
    assert words.splitlines()[:2] == ["1 cell edited", ""]
    assert "- first" in words
    assert "+ second" in words
    assert shell.out("diff", "--", f"read/a.ipynb@{oldest['version_id']}") == words
    same = shell.json("diff", "--", "read/a.ipynb", newest["version_id"], newest["version_id"])
    assert same["base"] == same["head"]
    assert same["diff"] == []


def test_versions_are_named(shell: Shell, archived: Contents) -> None:
    _, oldest = shell.version_ids("old/a.ipynb")
    told = shell.out("name", f"old/a.ipynb@{oldest[:10]}", "sent to Ann")
    assert told.endswith(" is named sent to Ann.\n")
    assert shell.json("name", "old/a.ipynb", "newest")["latest"]
    listed = shell.json("versions", "old/a.ipynb")["versions"]
    assert [version["name"] for version in listed] == ["newest", "sent to Ann"]
    assert "sent to Ann" in shell.out("versions", "old/a.ipynb")
    for version_id in ("", f"@{oldest}"):  # that other tests find it without
        assert shell.out("name", f"old/a.ipynb{version_id}", "").endswith(" has no name.\n")


def test_a_version_is_restored_and_what_was_there_is_kept(shell: Shell, archived: Contents) -> None:
    oldest = shell.version_ids("back/a.ipynb")[-1]
    edited = shell.write("back/a.ipynb", make_notebook("not yet archived"))
    file = shell.root / "back/a.ipynb"

    shell.out("restore", f"back/a.ipynb@{oldest}")
    assert text_of(file.read_bytes()) == "first"
    versions = shell.json("versions", "back/a.ipynb")["versions"]
    assert [version["state"] for version in versions] == ["archived"] * 4
    assert oldest in versions[0]["copied_from"]
    kept = versions[1]["version_id"]
    assert shell.run("show", f"back/a.ipynb@{kept}").stdout == edited

    file.unlink()
    shell.out("restore", f"back/a.ipynb@{kept}", "--target", "back/again.ipynb")
    assert text_of((shell.root / "back/again.ipynb").read_bytes()) == "not yet archived"
    assert not file.exists()


@pytest.fixture(scope="module")
def published(shell: Shell) -> dict[str, str]:
    """What ``publish`` answers."""
    shell.write("share/a.ipynb", make_notebook("for all", size=100))
    answer: dict[str, str] = shell.json("publish", "share/a.ipynb")
    return answer


def test_a_notebook_is_published_named_and_cloned(shell: Shell, published: dict[str, str]) -> None:
    assert shell.version_ids("share/a.ipynb", "--in", "published") == [published["versionID"]]

    address = "https://hub.example.org"
    links = shell.json("link", "share/a.ipynb", f"--url={address}")
    pinned = shell.json("link", f"share/a.ipynb@{published['versionID']}", f"--url={address}/")
    query = parse_qs(urlsplit(pinned["clone_url"]).query)
    assert query["s3_version_id"] == [published["versionID"]]
    assert "s3_version_id" not in links["clone_url"]
    assert links["clone_url"].startswith(f"{address}/bookstore/clone?")
    assert links["hub_url"].startswith(f"{address}/hub/user-redirect/bookstore/clone?")
    assert links["badge"].endswith(f"({links['clone_url']})")
    assert f"Clone link:       {links['clone_url']}" in shell.out(
        "link", "share/a.ipynb", f"--url={address}"
    )

    place = f"s3://{query['s3_bucket'][0]}/{query['s3_key'][0]}"
    assert published["s3_path"] == place
    pinned_place = f"{place}@{published['versionID']}"
    told = shell.out("clone", pinned_place, "share/mine.ipynb")
    assert told.startswith(f"share/mine.ipynb is a copy of {place}, version")
    clones = ["share/mine.ipynb", shell.json("clone", place, "share/mine.ipynb")["path"]]
    assert clones[1] == "share/mine-1.ipynb"
    assert {text_of((shell.root / clone).read_bytes()) for clone in clones} == {"for all"}
    (version,) = shell.json("versions", "share/mine.ipynb")["versions"]
    assert version["copied_from"] == f"{place}?versionId={published['versionID']}"


def test_what_another_user_published_is_replaced_on_demand_only(tmp_path: Path) -> None:
    shells = [
        Shell(
            tmp_path / name,
            store_url="local",
            local_dir=str(tmp_path / "shared"),
            env={"JUPYTERHUB_USER": name},
        )
        for name in ("ann", "ben")
    ]
    for shell in shells:
        shell.write("report.ipynb", make_notebook("a report"))
    ann, ben = shells
    first = ann.json("publish", "report.ipynb")["versionID"]
    assert "was published by 'ann'" in ben.error("publish", "report.ipynb", code=4)
    second = ben.json("publish", "report.ipynb", "--replace")["versionID"]
    assert ben.version_ids("report.ipynb", "--in", "published") == [second, first]


def test_what_is_there_is_archived_once(shell: Shell, archived: Contents) -> None:
    answer = shell.json("archive", ".", cwd=shell.root / "with space")
    assert answer == {**NOTHING, "unchanged": 1}
    new = shell.write("with space/b.ipynb", make_notebook("new"))
    assert shell.out("archive", "with space") == "1 archived, 1 unchanged.\n"
    assert shell.run("show", "with space/b.ipynb").stdout == new
    assert len(shell.version_ids("with space/a.ipynb")) == len(archived["with space/a.ipynb"])
    assert shell.out("drain") == "0 uploaded, 0 pending.\n"
    status = shell.json("status")
    assert status["archive"]["pending"] == 0
    assert status["archive"]["last_archived"]["path"] == "with space/b.ipynb"
    assert "Pending: 0" in shell.out("status")


def test_a_terminal_shows_how_far_it_is(shell: Shell) -> None:
    shell.write("bar/a.ipynb", make_notebook())
    terminal, stderr = pty.openpty()
    fcntl.ioctl(stderr, termios.TIOCSWINSZ, struct.pack("4H", 24, 80, 0, 0))
    process = shell.start("archive", "bar", stderr=stderr)
    assert process.wait(60) == 0
    assert b"Archiving: 100%" in os.read(terminal, 1 << 16)
    os.close(terminal)
    os.close(stderr)


def test_the_archive_is_exported_as_it_is(
    shell: Shell, archived: Contents, published: dict[str, str]
) -> None:
    first, second = archived["out/a.ipynb"]
    folder = shell.directory / "export"
    before = shell.json("export", str(folder))
    assert before["failed"] == []

    lines = [json.loads(line) for line in (folder / "versions.jsonl").read_text().splitlines()]
    of_a = {line["version_id"]: line for line in lines if line["path"] == "out/a.ipynb"}
    (shared,) = [line for line in lines if line["section"] == "published"]
    newest, oldest = shell.version_ids("out/a.ipynb")
    assert (folder / of_a[newest]["file"]).read_bytes() == second
    assert of_a[newest]["file"] == "notebooks/workspace/out/a.ipynb"
    assert (folder / of_a[oldest]["file"]).read_bytes() == first
    assert set(of_a) == {newest, oldest}
    assert shared["version_id"] == published["versionID"]
    assert text_of((folder / shared["file"]).read_bytes()) == "for all"

    (folder / of_a[oldest]["file"]).unlink()
    (folder / of_a[newest]["file"]).write_bytes(b"x" * len(second))
    again = shell.json("export", str(folder))
    assert (again["fetched"], again["unchanged"]) == (2, before["fetched"] - 2)
    assert (folder / of_a[newest]["file"]).read_bytes() == second
    assert (folder / of_a[oldest]["file"]).read_bytes() == first

    only = shell.directory / "newest"
    assert shell.json("export", str(only), "--newest")["fetched"] == before["notebooks"]
    assert (only / "notebooks/workspace/out/a.ipynb").read_bytes() == second
    assert not (only / "versions").exists()


def test_old_versions_go_where_that_is_wanted(shell: Shell, archived: Contents) -> None:
    newest, oldest = shell.version_ids("old/a.ipynb")
    options = ("--older-than", "0", "--keep", "1")
    listed = shell.json("prune", *options)
    assert not listed["deleted"]
    assert oldest in [version["version_id"] for version in listed["versions"]]
    assert "; --delete removes them." in shell.out("prune", *options)
    assert shell.json("prune")["versions"] == []  # none is old enough
    assert shell.version_ids("old/a.ipynb") == [newest, oldest]

    removed = shell.json("prune", *options, "--delete")
    of_a = [v["version_id"] for v in removed["versions"] if v["key"].endswith("/old/a.ipynb")]
    assert of_a == [oldest]
    assert shell.version_ids("old/a.ipynb") == [newest]
    assert shell.run("show", "old/a.ipynb").stdout == archived["old/a.ipynb"][1]
    assert shell.json("prune", *options)["versions"] == []


def test_the_doctor_finds_nothing_wrong(shell: Shell) -> None:
    checks = {check["name"]: check for check in shell.json("doctor")["checks"]}
    assert {check["state"] for check in checks.values()} == {"ok"}
    assert set(checks) >= {
        "reach",
        "versioning",
        "put",
        "get",
        "list",
        "delete",
        "clock",
        "pending",
    }
    assert all(line.startswith("ok ") for line in shell.out("doctor").splitlines())
    shell.error("show", "bookstore-doctor.txt", code=3)  # it leaves nothing behind
