"""The versions of a notebook: listed, read, compared, restored, and followed through renames."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.support.fault_proxy import FaultProxy
from tests.support.notebooks import make_notebook, text_of
from tests.support.object_store import Bucket, ObjectStore
from tests.support.servers import JupyterServer, contents_url

StartServer = Callable[..., JupyterServer]
Model = dict[str, Any]


def save_all(server: JupyterServer, path: str, *texts: str) -> None:
    for text in texts:
        server.save(path, make_notebook(text))


def versions(server: JupyterServer, path: str, **query: Any) -> list[Model]:
    return list(server.bookstore("GET", f"versions/{path}", params=query)["versions"])


def read(server: JupyterServer, path: str, version_id: str) -> str:
    model = server.bookstore("GET", f"versions/{path}", params={"version_id": version_id})
    return text_of(model["content"])


def history(server: JupyterServer, path: str) -> list[str]:
    """Return what each version of a notebook says, newest first."""
    return [read(server, path, version["version_id"]) for version in versions(server, path)]


def require_histories(server: JupyterServer, histories: dict[str, list[str]]) -> None:
    """Check what is told of notebooks while saves are pending, and when all are archived."""
    for _ in range(2):
        assert {path: history(server, path) for path in histories} == histories
        server.wait_until("archived")


def rename(server: JupyterServer, path: str, new_path: str) -> None:
    answer = server.api("PATCH", contents_url(path), json={"path": new_path})
    assert answer.status_code == 200, answer.text


def delete(server: JupyterServer, path: str) -> None:
    assert server.api("DELETE", contents_url(path)).status_code == 204


def file_text(server: JupyterServer, path: str) -> str:
    return text_of((server.root_dir / path).read_bytes())


def test_a_version_is_named_and_its_name_shown_everywhere(shared_server: JupyterServer) -> None:
    server = shared_server
    save_all(server, "named.ipynb", "first", "second")
    newest = server.bookstore("POST", "name/named.ipynb", json={"name": "<b>pending?</b>"})
    assert newest["latest"]
    server.wait_until("archived")
    oldest = versions(server, "named.ipynb")[1]["version_id"]
    told = server.bookstore(
        "POST",
        "name/named.ipynb",
        json={"name": " sent to Ann ", "note": "<i>draft</i> ", "version_id": oldest},
    )
    assert (told["version_id"], told["name"]) == (oldest, "sent to Ann")
    listed = versions(server, "named.ipynb")
    assert [version["name"] for version in listed] == ["<b>pending?</b>", "sent to Ann"]
    assert [version["note"] for version in listed] == ["", "<i>draft</i>"]
    assert "&lt;i&gt;draft&lt;/i&gt;" in server.api("GET", "/bookstore/versions/named.ipynb").text
    pages = ("versions/named.ipynb", "view/named.ipynb", f"diff/named.ipynb?base={oldest}")
    for page in pages:
        answer = server.api("GET", f"/bookstore/{page}")
        assert "&lt;b&gt;pending?&lt;/b&gt;" in answer.text
    for wrong in (
        {"name": "n" * 101},
        {"name": "line\nbreak"},
        {"name": "n", "note": "n" * 301},
        {"name": "", "note": "of nothing"},
    ):
        answer = server.api("POST", "/api/bookstore/name/named.ipynb", json=wrong)
        assert answer.status_code == 400
    answer = server.api("POST", "/api/bookstore/name/none.ipynb", json={"name": "x"})
    assert answer.status_code == 404


def test_what_changed_is_told_once_and_remembered(shared_server: JupyterServer) -> None:
    server = shared_server
    save_all(server, "told.ipynb", "first", "second", "third")
    server.wait_until("archived")
    listed = versions(server, "told.ipynb")
    ids = [version["version_id"] for version in listed]
    assert [version["before"] for version in listed] == [ids[1], ids[2], ""]
    assert [version["changes"] for version in listed] == [None] * 3
    page = server.api("GET", "/bookstore/versions/told.ipynb").text
    assert page.count("data-changes=") == 2
    told = server.bookstore("GET", "changes/told.ipynb", params={"base": ids[1], "head": ids[0]})
    assert told == {"base": ids[1], "head": ids[0], "changes": "1 cell edited"}
    assert [version["changes"] for version in versions(server, "told.ipynb")] == [
        "1 cell edited",
        None,
        None,
    ]
    page = server.api("GET", "/bookstore/versions/told.ipynb").text
    assert "1 cell edited" in page
    assert page.count("data-changes=") == 1


def test_versions_are_listed_newest_first(shared_server: JupyterServer) -> None:
    save_all(shared_server, "listed.ipynb", "first", "second", "third")
    shared_server.wait_until("archived")
    answer = shared_server.bookstore("GET", "versions/listed.ipynb")
    assert (answer["path"], answer["next"], answer["problem"]) == ("listed.ipynb", None, None)
    listed = answer["versions"]
    assert [version["latest"] for version in listed] == [True, False, False]
    times = [version["saved_at"] for version in listed]
    assert times == sorted(times, reverse=True)
    content = (shared_server.root_dir / "listed.ipynb").read_bytes()
    newest = listed[0]
    assert newest["sha256"] == hashlib.sha256(content).hexdigest()
    assert newest["size"] == len(content)
    assert newest["author"]
    assert (newest["path"], newest["state"]) == ("listed.ipynb", "archived")
    assert history(shared_server, "listed.ipynb") == ["third", "second", "first"]


def test_one_version_is_read_as_a_contents_model(shared_server: JupyterServer) -> None:
    save_all(shared_server, "read one.ipynb", "first", "second")
    first = versions(shared_server, "read one.ipynb")[1]
    model = shared_server.bookstore(
        "GET", "versions/read one.ipynb", params={"version_id": first["version_id"]}
    )
    now = shared_server.get("read one.ipynb")
    assert set(model) >= set(now) - {"hash", "hash_algorithm"}
    assert (model["type"], model["format"], model["name"]) == ("notebook", "json", "read one.ipynb")
    assert model["version_id"] == first["version_id"]
    assert text_of(model["content"]) == "first"
    assert text_of(now["content"]) == "second"


def test_a_history_is_paged(shared_server: JupyterServer) -> None:
    texts = [f"{number}" for number in range(7)]
    save_all(shared_server, "paged.ipynb", *texts[:4])
    rename(shared_server, "paged.ipynb", "paged on.ipynb")
    save_all(shared_server, "paged on.ipynb", *texts[4:])
    shared_server.wait_until("archived")
    everything = versions(shared_server, "paged on.ipynb")
    paged: list[Model] = []
    after, sizes = None, []
    while True:
        query = {"limit": 2} | ({"after": after} if after else {})
        page = shared_server.bookstore("GET", "versions/paged on.ipynb", params=query)
        paged += page["versions"]
        sizes.append(len(page["versions"]))
        if not (after := page["next"]):
            break
    assert [v["version_id"] for v in paged] == [v["version_id"] for v in everything]
    assert [size for size in sizes if size] == [2, 2, 2, 1]
    assert [read(shared_server, "paged on.ipynb", v["version_id"]) for v in paged] == texts[::-1]


@pytest.mark.parametrize(
    ("route", "query", "status", "said"),
    [
        ("versions/", {}, 400, "A path is needed"),
        ("versions/a//b.ipynb", {}, 400, "may not have empty, . or .. parts"),
        ("versions/a.ipynb", {"limit": "0"}, 400, "limit must be from 1 to 200"),
        ("versions/a.ipynb", {"limit": "many"}, 400, "limit must be from 1 to 200"),
        ("versions/a.ipynb", {"after": "bogus"}, 400, "after is not the next of another page"),
        ("versions/a.ipynb", {"after": "W1tbXV1d"}, 400, "after is not the next of another page"),
        ("versions/a.ipynb", {"in": "nowhere"}, 400, "in must be workspace or published"),
        ("versions/a.ipynb", {"version_id": "a b"}, 400, "is not the id of a version"),
        ("versions/a.ipynb", {"version_id": "none"}, 404, "There is no version none of"),
        ("diff/a.ipynb", {}, 400, "base is missing"),
        ("diff/a.ipynb", {"base": "none"}, 404, "There is no version none of"),
        ("notebooks", {"limit": "201"}, 400, "limit must be from 1 to 200"),
    ],
)
def test_what_cannot_be_answered_is_said_in_a_sentence(
    shared_server: JupyterServer, route: str, query: Model, status: int, said: str
) -> None:
    error = shared_server.bookstore("GET", route, params=query, status=status)
    assert set(error) == {"message", "reason"}
    assert said in error["message"]


def test_a_notebook_without_versions_has_an_empty_history(shared_server: JupyterServer) -> None:
    answer = shared_server.bookstore("GET", "versions/never saved.ipynb")
    assert (answer["versions"], answer["next"]) == ([], None)


def test_restoring_in_place_archives_what_was_there(shared_server: JupyterServer) -> None:
    save_all(shared_server, "back.ipynb", "first", "second")
    first = versions(shared_server, "back.ipynb")[1]
    # not by a save: no version has this yet
    changed = make_notebook("changed on disk")
    (shared_server.root_dir / "back.ipynb").write_text(json.dumps(changed))
    model = shared_server.bookstore(
        "POST", "restore/back.ipynb", json={"version_id": first["version_id"]}
    )
    assert (model["path"], model["content"]) == ("back.ipynb", None)
    assert model["url"].endswith("/back.ipynb")
    assert file_text(shared_server, "back.ipynb") == "first"
    require_histories(
        shared_server, {"back.ipynb": ["first", "changed on disk", "second", "first"]}
    )
    restored = versions(shared_server, "back.ipynb")[0]
    assert restored["copied_from"].endswith(f"/back.ipynb?versionId={first['version_id']}")
    # what is there is a version already: once is enough
    shared_server.bookstore("POST", "restore/back.ipynb", json={"version_id": first["version_id"]})
    assert len(versions(shared_server, "back.ipynb")) == 5


def test_a_notebook_behind_a_link_is_restored_in_its_place(
    shared_server: JupyterServer, tmp_path: Path
) -> None:
    (shared_server.root_dir / "shared").symlink_to(tmp_path)
    save_all(shared_server, "shared/a.ipynb", "first", "second")
    first = versions(shared_server, "shared/a.ipynb")[1]["version_id"]
    shared_server.bookstore("POST", "restore/shared/a.ipynb", json={"version_id": first})
    assert text_of((tmp_path / "a.ipynb").read_bytes()) == "first"
    # by another name it is one path like ./shared/a.ipynb
    shared_server.save("./shared/a.ipynb", make_notebook("third"))
    require_histories(shared_server, {"shared/a.ipynb": ["third", "first", "second", "first"]})
    (shared_server.root_dir / "shared").unlink()


def test_restoring_elsewhere_archives_what_was_there(shared_server: JupyterServer) -> None:
    save_all(shared_server, "from.ipynb", "first", "second")
    save_all(shared_server, "to.ipynb", "taken")
    first = versions(shared_server, "from.ipynb")[1]
    for target in ("to.ipynb", "new/folder/to.ipynb"):
        model = shared_server.bookstore(
            "POST",
            "restore/from.ipynb",
            json={"version_id": first["version_id"], "target_path": target},
        )
        assert model["path"] == target
        assert file_text(shared_server, target) == "first"
    assert file_text(shared_server, "from.ipynb") == "second"
    assert history(shared_server, "to.ipynb") == ["first", "taken"]
    assert history(shared_server, "new/folder/to.ipynb") == ["first"]


@pytest.mark.thorough
def test_nothing_is_replaced_that_could_not_be_archived(
    core_kind: str, start_server: StartServer
) -> None:
    server = start_server(core_kind, store_url="local")
    save_all(server, "safe.ipynb", "first", "second")
    server.wait_until("archived")
    (server.root_dir / "safe.ipynb").write_text(json.dumps(make_notebook("changed on disk")))
    first = versions(server, "safe.ipynb")[1]
    shutil.rmtree(server.local_dir / "outbox")
    (server.local_dir / "outbox").write_text("no folder")
    named = {"version_id": first["version_id"]}
    error = server.bookstore("POST", "restore/safe.ipynb", json=named, status=503)
    assert "could not be archived, so 'safe.ipynb' stays as it is" in error["message"]
    assert file_text(server, "safe.ipynb") == "changed on disk"
    assert "Traceback" not in server.log


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({}, 400, "The id of a version is needed"),
        ({"version_id": 3}, 400, "version_id must be a text, not a number"),
        ({"version_id": "none"}, 404, "There is no version none of"),
        ({"version_id": "none", "target_path": "../out.ipynb"}, 400, "is not a plain path"),
        ({"version_id": "none", "target_path": "/out.ipynb"}, 400, "begins with /"),
        ({"version_id": "none", "target_path": ".hidden/a.ipynb"}, 400, "is hidden"),
    ],
)
def test_what_cannot_be_restored_is_said_in_a_sentence(
    shared_server: JupyterServer, body: Model, status: int, said: str
) -> None:
    error = shared_server.bookstore("POST", "restore/a.ipynb", json=body, status=status)
    assert said in error["message"]


def test_a_deleted_notebook_is_found_and_brought_back(shared_server: JupyterServer) -> None:
    (shared_server.root_dir / "lost").mkdir()
    save_all(shared_server, "lost/gone.ipynb", "first", "second")
    shared_server.wait_until("archived")
    delete(shared_server, "lost/gone.ipynb")
    (found,) = shared_server.bookstore("GET", "notebooks", params={"q": "LOST/g"})["notebooks"]
    assert (found["path"], found["exists"], found["latest"]) == ("lost/gone.ipynb", False, True)
    delete(shared_server, "lost")
    shared_server.bookstore(
        "POST", f"restore/{found['path']}", json={"version_id": found["version_id"]}
    )
    assert file_text(shared_server, "lost/gone.ipynb") == "second"
    (found,) = shared_server.bookstore("GET", "notebooks", params={"q": "lost/g"})["notebooks"]
    assert found["exists"]


def test_archived_notebooks_are_paged(shared_server: JupyterServer) -> None:
    names = [f"many {number}.ipynb" for number in range(5)]
    for name in names:
        shared_server.save(name, make_notebook("first"))
        shared_server.save(name, make_notebook("second"))
    shared_server.wait_until("archived")
    shared_server.save(names[2], make_notebook("third"))
    shared_server.wait_until("archived")
    found: list[Model] = []
    after = None
    while True:
        query = {"q": "many", "limit": 2} | ({"after": after} if after else {})
        page = shared_server.bookstore("GET", "notebooks", params=query)
        assert len(page["notebooks"]) <= 2
        found += page["notebooks"]
        if not (after := page["next"]):
            break
    assert found[0]["path"] == names[2]
    found.sort(key=lambda notebook: str(notebook["path"]))
    assert [notebook["path"] for notebook in found] == names
    newest = [versions(shared_server, name)[0]["version_id"] for name in names]
    assert [notebook["version_id"] for notebook in found] == newest
    everything = shared_server.bookstore("GET", "notebooks", params={"limit": 200})["notebooks"]
    assert set(names) <= {notebook["path"] for notebook in everything}
    assert not shared_server.bookstore("GET", "notebooks", params={"in": "published"})["notebooks"]


def test_a_page_that_is_loaded_again_asks_the_store_little(
    core_kind: str,
    start_server: Callable[..., JupyterServer],
    bucket: Bucket,
    fault_proxy: FaultProxy,
) -> None:
    for number in range(20):  # by another machine, in one second
        for text in ("first", "second"):
            body = json.dumps(make_notebook(text)).encode()
            bucket.put(f"workspace/{number}.ipynb", body)
    server = start_server(
        core_kind, **{**bucket.settings, "s3_endpoint_url": fault_proxy.endpoint_url}
    )

    server.wait_until(lambda s: s["store"]["versioned"])  # a request of the uploader

    def requests_of(page: str) -> int:
        before = fault_proxy.seen["pass"]
        answer = server.api("GET", page)
        assert answer.status_code == 200, answer.text
        return fault_proxy.seen["pass"] - before

    pages = ("", "?q=1", "/versions/1.ipynb", "/view/1.ipynb")
    first = [requests_of(f"/bookstore{page}") for page in pages]
    assert first[0] > 20  # each notebook is asked about once
    again = [requests_of(f"/bookstore{page}") for page in pages]
    assert max(again) <= 2, again


def test_a_name_may_have_tabs_and_line_breaks(shared_server: JupyterServer) -> None:
    path = "tab\tand\r\nSet-Cookie: a=b.ipynb"
    save_all(shared_server, path, "first", "second")
    shared_server.wait_until("archived")
    assert history(shared_server, path) == ["second", "first"]
    first = versions(shared_server, path)[-1]["version_id"]
    shared_server.bookstore("POST", f"restore/{path}", json={"version_id": first})
    assert file_text(shared_server, path) == "first"
    for page, query in (
        ("versions", {}),
        ("view", {"version_id": first}),
        ("diff", {"base": first}),
    ):
        answer = shared_server.api("GET", f"/bookstore/{page}/{quote(path)}", params=query)
        assert answer.status_code == 200, answer.text
        assert answer.cookies.get("a") is None
    query = {"version_id": first, "download": "1"}
    answer = shared_server.api("GET", f"/bookstore/view/{quote(path)}", params=query)
    assert (answer.status_code, text_of(answer.content)) == (200, "first")


def test_versions_are_compared(shared_server: JupyterServer) -> None:
    save_all(shared_server, "compared.ipynb", "first", "second", "third")
    third, _, first = versions(shared_server, "compared.ipynb")
    base = {"base": first["version_id"]}
    for query in (base, base | {"head": third["version_id"]}):
        answer = shared_server.bookstore("GET", "diff/compared.ipynb", params=query)
        assert answer["base"]["version_id"] == first["version_id"]
        assert answer["head"]["version_id"] == third["version_id"]
        assert answer["changes"] == "1 cell edited"
        assert answer["lines"][-2:] == ["- first", "+ third"]
        assert {change["key"] for change in answer["diff"]} == {"cells", "metadata"}
    same = base | {"head": first["version_id"]}
    answer = shared_server.bookstore("GET", "diff/compared.ipynb", params=same)
    assert (answer["changes"], answer["diff"]) == ("no change", [])


def test_notebooks_of_two_folders_in_one_store_do_not_meet(
    core_kind: str, start_server: Callable[..., JupyterServer], tmp_path: Path
) -> None:
    settings = {"store_url": "local", "local_dir": str(tmp_path / "both")}
    one, other = (start_server(core_kind, **settings) for _ in range(2))
    save_all(one, "report.ipynb", "one")
    save_all(other, "report.ipynb", "other", "other again")
    for server, texts in (one, ["one"]), (other, ["other again", "other"]):
        server.wait_until("archived")
        assert history(server, "report.ipynb") == texts
        listed = server.bookstore("GET", "notebooks")["notebooks"]
        assert [(notebook["path"], notebook["exists"]) for notebook in listed] == [
            ("report.ipynb", True)
        ]


def test_history_follows_a_rename(shared_server: JupyterServer) -> None:
    save_all(shared_server, "draft.ipynb", "draft 1", "draft 2")
    rename(shared_server, "draft.ipynb", "report.ipynb")
    assert history(shared_server, "report.ipynb") == ["draft 2", "draft 1"]
    save_all(shared_server, "report.ipynb", "report")
    # what is saved under the old name from now on is another notebook
    save_all(shared_server, "draft.ipynb", "another draft")
    require_histories(shared_server, {"report.ipynb": ["report", "draft 2", "draft 1"]})
    listed = versions(shared_server, "report.ipynb")
    assert [v["path"] for v in listed] == ["report.ipynb", "draft.ipynb", "draft.ipynb"]
    assert [v["latest"] for v in listed] == [True, False, False]
    # nor does it come along when that gets a name of its own
    rename(shared_server, "draft.ipynb", "second report.ipynb")
    save_all(shared_server, "second report.ipynb", "second report")
    require_histories(shared_server, {"second report.ipynb": ["second report", "another draft"]})


def test_a_renamed_notebook_is_listed_under_its_new_name_only(shared_server: JupyterServer) -> None:
    save_all(shared_server, "one name before.ipynb", "before")
    shared_server.wait_until("archived")
    rename(shared_server, "one name before.ipynb", "one name now.ipynb")
    page = shared_server.api("GET", "/bookstore", params={"q": "one name"})
    assert "one name now.ipynb" in page.text
    save_all(shared_server, "one name now.ipynb", "now")
    for _ in range(2):
        answer = shared_server.bookstore("GET", "notebooks", params={"q": "one name"})
        listed = [(notebook["path"], notebook["exists"]) for notebook in answer["notebooks"]]
        assert listed == [("one name now.ipynb", True)]
        page = shared_server.api("GET", "/bookstore", params={"q": "one name"})
        assert "one name now.ipynb" in page.text
        assert "deleted here" not in page.text
        shared_server.wait_until("archived")
    shared_server.api("DELETE", "/api/contents/one name now.ipynb")
    answer = shared_server.bookstore("GET", "notebooks", params={"q": "one name"})
    assert [notebook["path"] for notebook in answer["notebooks"]] == ["one name now.ipynb"]


def test_history_follows_the_rename_of_a_folder(shared_server: JupyterServer) -> None:
    (shared_server.root_dir / "plans/deep").mkdir(parents=True)
    save_all(shared_server, "plans/deep/a.ipynb", "planned")
    save_all(shared_server, "plans/b.ipynb", "also planned")
    shared_server.wait_until("archived")
    rename(shared_server, "plans", "deeds")
    assert history(shared_server, "deeds/b.ipynb") == ["also planned"]
    save_all(shared_server, "deeds/deep/a.ipynb", "done")
    rename(shared_server, "deeds/deep/a.ipynb", "deeds/a.ipynb")
    save_all(shared_server, "deeds/a.ipynb", "moved up")
    require_histories(
        shared_server,
        {
            "deeds/a.ipynb": ["moved up", "done", "planned"],
            "deeds/deep/a.ipynb": ["done", "planned"],
        },
    )
    former = versions(shared_server, "deeds/a.ipynb")[-1]
    assert former["path"] == "plans/deep/a.ipynb"
    shared_server.bookstore(
        "POST", "restore/deeds/a.ipynb", json={"version_id": former["version_id"]}
    )
    assert file_text(shared_server, "deeds/a.ipynb") == "planned"


@pytest.mark.thorough
def test_history_follows_a_chain_of_renames_over_a_restart(shared_server: JupyterServer) -> None:
    save_all(shared_server, "one.ipynb", "one")
    rename(shared_server, "one.ipynb", "two.ipynb")
    rename(shared_server, "two.ipynb", "three.ipynb")
    shared_server.restart()
    save_all(shared_server, "two.ipynb", "never had another name")
    save_all(shared_server, "three.ipynb", "three")
    rename(shared_server, "three.ipynb", "four.ipynb")
    save_all(shared_server, "four.ipynb", "four")
    require_histories(
        shared_server,
        {
            "four.ipynb": ["four", "three", "one"],
            "three.ipynb": ["three", "one"],
            "two.ipynb": ["never had another name"],
        },
    )


def test_history_follows_a_rename_there_and_back(shared_server: JupyterServer) -> None:
    save_all(shared_server, "there.ipynb", "1")
    rename(shared_server, "there.ipynb", "away.ipynb")
    save_all(shared_server, "away.ipynb", "2")
    rename(shared_server, "away.ipynb", "there.ipynb")
    save_all(shared_server, "there.ipynb", "3")
    require_histories(shared_server, {"there.ipynb": ["3", "2", "1"]})


@pytest.mark.thorough
def test_a_new_notebook_under_the_name_of_a_deleted_one_has_its_own_history(
    shared_server: JupyterServer,
) -> None:
    save_all(shared_server, "again.ipynb", "old 1", "old 2")
    delete(shared_server, "again.ipynb")
    save_all(shared_server, "again.ipynb", "new")
    for _ in range(2):
        answer = shared_server.bookstore("GET", "versions/again.ipynb")
        assert [
            read(shared_server, "again.ipynb", v["version_id"]) for v in answer["versions"]
        ] == ["new"]
        shared_server.wait_until("archived")
    (other,) = shared_server.bookstore("GET", "versions/again.ipynb")["others"]
    assert other["notebook_id"] != answer["versions"][0]["notebook_id"]
    query = {"notebook": other["notebook_id"]}
    old = versions(shared_server, "again.ipynb", **query)
    assert [read(shared_server, "again.ipynb", v["version_id"]) for v in old] == ["old 2", "old 1"]

    page = shared_server.api("GET", "/bookstore/versions/again.ipynb").text
    assert "Another notebook had this path" in page
    assert f"notebook={other['notebook_id']}" in page
    page = shared_server.api("GET", "/bookstore/versions/again.ipynb", params=query).text
    assert "another notebook that had this path" in page


def test_pending_versions_are_seen_and_read_while_the_store_is_away(
    core_kind: str, start_server: StartServer, bucket: Bucket, fault_proxy: FaultProxy
) -> None:
    through_proxy = {**bucket.settings, "s3_endpoint_url": fault_proxy.endpoint_url}
    server = start_server(core_kind, **through_proxy)
    save_all(server, "before.ipynb", "before")
    server.wait_until("archived")
    fault_proxy.mode = "refuse"
    rename(server, "before.ipynb", "away.ipynb")
    for text in ("first", "second"):
        server.save("away.ipynb", make_notebook(text))
    answer = server.bookstore("GET", "versions/away.ipynb")
    assert "cannot be reached" in answer["problem"]
    assert [version["state"] for version in answer["versions"]] == ["pending"] * 2 + ["archived"]
    assert [version["latest"] for version in answer["versions"]] == [True, False, False]
    page = server.api("GET", "/bookstore/versions/away.ipynb")
    assert "cannot be reached" in page.text
    assert "The list has only the versions that this machine knows." in page.text
    pending = [version["version_id"] for version in answer["versions"][:2]]
    assert [read(server, "away.ipynb", version_id) for version_id in pending] == ["second", "first"]
    # what is not here cannot be had, and it is not said that there is none
    archived = {"version_id": answer["versions"][2]["version_id"]}
    for query in (archived, {"version_id": "none"}):
        error = server.bookstore("GET", "versions/away.ipynb", params=query, status=503)
        assert "cannot be reached" in error["message"]
    server.bookstore("GET", "versions/other.ipynb", status=503)
    answer = server.bookstore("GET", "notebooks")
    assert "cannot be reached" in answer["problem"]
    listed = [(notebook["path"], notebook["state"]) for notebook in answer["notebooks"]]
    assert listed == [("away.ipynb", "pending")]
    page = server.api("GET", "/bookstore")
    assert "The list has only the notebooks that this machine knows." in page.text
    server.bookstore("GET", "notebooks", params={"in": "published"}, status=503)
    server.bookstore("POST", "restore/away.ipynb", json={"version_id": pending[1]})
    assert file_text(server, "away.ipynb") == "first"
    fault_proxy.mode = "pass"
    server.wait_until("archived")
    assert history(server, "away.ipynb") == ["first", "second", "first", "before"]
    assert [read(server, "away.ipynb", version_id) for version_id in pending] == ["second", "first"]
    assert "Traceback" not in server.log


@pytest.fixture
def shared_bucket(ceph: ObjectStore, store_settings: Model) -> Bucket:
    if "s3_bucket" not in store_settings:
        pytest.skip("nobody else writes into an embedded store")
    return Bucket(ceph, store_settings["s3_bucket"])


def test_what_others_have_removed_from_the_bucket_is_archived_again_before_a_restore(
    shared_server: JupyterServer, shared_bucket: Bucket
) -> None:
    save_all(shared_server, "pruned.ipynb", "first", "second")
    shared_server.wait_until("archived")
    second, first = (version["version_id"] for version in versions(shared_server, "pruned.ipynb"))
    shared_bucket.store.client.delete_object(
        Bucket=shared_bucket.name, Key="workspace/pruned.ipynb", VersionId=second
    )
    shared_server.bookstore("POST", "restore/pruned.ipynb", json={"version_id": first})
    require_histories(shared_server, {"pruned.ipynb": ["first", "second", "first"]})


def test_what_others_have_put_into_the_bucket_is_listed(
    shared_server: JupyterServer, shared_bucket: Bucket
) -> None:
    foreign = json.dumps(make_notebook("foreign")).encode()
    version_id = shared_bucket.put("workspace/foreign.ipynb", foreign)
    (listed,) = versions(shared_server, "foreign.ipynb")
    assert listed["version_id"] == version_id
    assert (listed["sha256"], listed["author"], listed["size"]) == ("", "", len(foreign))
    assert history(shared_server, "foreign.ipynb") == ["foreign"]
    (found,) = shared_server.bookstore("GET", "notebooks", params={"q": "foreign"})["notebooks"]
    assert (found["version_id"], found["exists"]) == (version_id, False)
    shared_bucket.put("workspace/no notebook.ipynb", b"\xff")
    (listed,) = versions(shared_server, "no notebook.ipynb")
    query = {"version_id": listed["version_id"]}
    model = shared_server.bookstore("GET", "versions/no notebook.ipynb", params=query)
    assert (model["type"], model["format"], model["content"]) == ("file", "base64", "/w==")


def test_a_key_deleted_in_the_bucket_keeps_its_versions(
    shared_server: JupyterServer, shared_bucket: Bucket
) -> None:
    save_all(shared_server, "marked.ipynb", "first")
    shared_server.wait_until("archived")
    client = shared_bucket.store.client
    client.delete_object(Bucket=shared_bucket.name, Key="workspace/marked.ipynb")
    marker, first = versions(shared_server, "marked.ipynb")
    assert [marker["state"], first["state"]] == ["deleted", "archived"]
    error = shared_server.bookstore(
        "GET",
        "versions/marked.ipynb",
        params={"version_id": marker["version_id"]},
        status=404,
    )
    assert "There is no version" in error["message"]
    assert read(shared_server, "marked.ipynb", first["version_id"]) == "first"
    shared_server.bookstore(
        "POST", "restore/marked.ipynb", json={"version_id": first["version_id"]}
    )


@pytest.mark.parametrize(
    ("method", "route"),
    [
        ("GET", "versions/a.ipynb"),
        ("GET", "notebooks"),
        ("GET", "diff/a.ipynb?base=some"),
        ("POST", "restore/a.ipynb"),
        ("PUT", "publish/a.ipynb"),
    ],
)
def test_without_a_store_each_route_says_so(
    storeless_server: JupyterServer, method: str, route: str
) -> None:
    route, _, query = route.partition("?")
    body = None if method == "GET" else {"version_id": "some", "type": "notebook", "content": {}}
    error = storeless_server.bookstore(method, route, params=query, json=body, status=404)
    assert "No store is named: set" in error["message"]


@pytest.fixture(scope="module")
def storeless_server(core_kind: str, tmp_path_factory: pytest.TempPathFactory) -> Any:
    with JupyterServer(core_kind, tmp_path_factory.mktemp("storeless")) as server:
        yield server
