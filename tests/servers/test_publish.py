"""Publishing: a notebook becomes a version that colleagues can clone by a link."""

import hashlib
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.support.notebooks import Notebook, make_notebook, text_of
from tests.support.object_store import Bucket, ObjectStore
from tests.support.ports import free_port
from tests.support.servers import JupyterServer
from tests.support.waiting import wait_for

StartServer = Callable[..., JupyterServer]


def publish(server: JupyterServer, path: str, notebook: Notebook) -> dict[str, Any]:
    model = {"type": "notebook", "content": notebook}
    return server.bookstore("PUT", f"publish/{path}", json=model)


def clone(server: JupyterServer, clone_url: str, **model: Any) -> dict[str, Any]:
    """Clone what a link is for."""
    return server.bookstore(
        "POST", "clone", json=dict(parse_qsl(urlsplit(clone_url).query)) | model
    )


def cloned_text(server: JupyterServer, clone_url: str) -> str:
    return text_of((server.root_dir / clone(server, clone_url)["path"]).read_bytes())


def test_the_answer_names_the_version_and_a_link_to_clone_it(
    shared_server: JupyterServer, store_settings: dict[str, Any]
) -> None:
    bucket = store_settings.get("s3_bucket", "local")
    answer = publish(shared_server, "team/a report.ipynb", make_notebook("published"))
    assert set(answer) == {"s3_path", "versionID", "clone_url", "note"}
    is_embedded = "store_url" in shared_server.settings
    assert ("embedded store" if is_embedded else "Others cannot reach") in answer["note"]
    assert answer["s3_path"] == f"s3://{bucket}/published/team/a report.ipynb"
    assert answer["clone_url"].startswith(f"{shared_server.url}/bookstore/clone?")
    assert dict(parse_qsl(urlsplit(answer["clone_url"]).query)) == {
        "s3_bucket": bucket,
        "s3_key": "published/team/a report.ipynb",
        "s3_version_id": answer["versionID"],
    }
    assert cloned_text(shared_server, answer["clone_url"]) == "published"


@pytest.mark.parametrize(("forwarded", "scheme"), [("https,http", "https"), ("http, http", "http")])
def test_behind_proxies_links_begin_as_the_browsers_address_does(
    shared_server: JupyterServer, forwarded: str, scheme: str
) -> None:
    publish(shared_server, "proxied.ipynb", make_notebook())
    version, *_ = shared_server.bookstore(
        "GET",
        "versions/proxied.ipynb",
        params={"in": "published"},
        headers={"X-Forwarded-Proto": forwarded},
    )["versions"]
    assert urlsplit(version["clone_url"]).scheme == scheme


def test_published_is_what_jupyter_would_write_to_disk(shared_server: JupyterServer) -> None:
    notebook = make_notebook("as on disk")
    shared_server.save("on disk.ipynb", notebook)
    transient = {**notebook, "metadata": {**notebook["metadata"], "orig_nbformat": 4}}
    for cell in transient["cells"]:
        cell["metadata"] = {"trusted": True}
    publish(shared_server, "on disk.ipynb", transient)
    published = shared_server.bookstore(
        "GET", "versions/on disk.ipynb", params={"in": "published"}
    )["versions"]
    on_disk = (shared_server.root_dir / "on disk.ipynb").read_bytes()
    assert [version["sha256"] for version in published] == [hashlib.sha256(on_disk).hexdigest()]
    assert published[0]["author"]


def test_a_published_notebook_tells_what_a_saved_one_does(
    shared_server: JupyterServer, store_settings: dict[str, Any], ceph: ObjectStore
) -> None:
    if "s3_bucket" not in store_settings:
        pytest.skip("metadata is what a bucket has")
    publish(shared_server, "told.ipynb", make_notebook())
    (version,) = Bucket(ceph, store_settings["s3_bucket"]).versions("published/told.ipynb")
    assert version.content_type == "application/x-ipynb+json"
    assert version.metadata["kernel-name"] == "python3"
    assert set(version.metadata) >= {"save-id", "saved-at", "author", "bookstore-release"}


def test_what_another_user_published_is_replaced_on_demand_only(
    start_server: StartServer, core_kind: str, bucket: Bucket
) -> None:
    ann, ben = (
        start_server(core_kind, **bucket.settings, env={"JUPYTERHUB_USER": name})
        for name in ("ann", "ben")
    )
    publish(ann, "report.ipynb", make_notebook("ann's"))
    publish(ann, "report.ipynb", make_notebook("ann's, again"))
    model = {"type": "notebook", "content": make_notebook("ben's")}
    refused = ben.bookstore("PUT", "publish/report.ipynb", json=model, status=409)
    assert "was published by 'ann': give yours another name" in refused["message"]
    assert len(bucket.versions("published/report.ipynb")) == 2
    ben.bookstore("PUT", "publish/report.ipynb", json=model, params={"replace": "true"})
    authors = [v.metadata["author"] for v in bucket.versions("published/report.ipynb")]
    assert authors == ["ann", "ann", "ben"]
    unclear = {"json": model, "params": {"replace": "maybe"}, "status": 400}
    assert "true or false" in ann.bookstore("PUT", "publish/report.ipynb", **unclear)["message"]


def test_what_all_users_publish_is_listed_for_everybody(
    start_server: StartServer, core_kind: str, bucket: Bucket
) -> None:
    prefix = {"published_prefix": "published/{username}"}
    ann, ben = (
        start_server(core_kind, **bucket.settings, **prefix, env={"JUPYTERHUB_USER": name})
        for name in ("ann", "ben")
    )
    for server, text in ((ann, "ann's"), (ben, "ben's")):
        for path in ("report.ipynb", "~ann/report.ipynb"):
            publish(server, path, make_notebook(text))
    everybodys = {"params": {"in": "published"}}
    listed = ann.bookstore("GET", "notebooks", **everybodys)["notebooks"]
    assert sorted(notebook["path"] for notebook in listed) == [
        "report.ipynb",
        "~ann/~ann/report.ipynb",
        "~ben/report.ipynb",
        "~ben/~ann/report.ipynb",
    ]
    for notebook in listed:
        path = notebook["path"]
        (version,) = ann.bookstore("GET", f"versions/{path}", **everybodys)["versions"]
        assert version["author"] == ("ben" if path.startswith("~ben") else "ann")
        page = ann.api("GET", f"/bookstore/view/{path}", **everybodys)
        assert f"{version['author']}'s" in page.text.replace("&#39;", "'")
    for path in ("~../report.ipynb", "~/report.ipynb"):
        ann.bookstore("GET", f"versions/{path}", **everybodys, status=400)


def test_publishing_again_keeps_what_was_published(shared_server: JupyterServer) -> None:
    links = [
        publish(shared_server, "again.ipynb", make_notebook(text))["clone_url"]
        for text in ("first", "second")
    ]
    assert [cloned_text(shared_server, link) for link in links] == ["first", "second"]
    (found,) = shared_server.bookstore(
        "GET", "notebooks", params={"in": "published", "q": "again"}
    )["notebooks"]
    assert links[1].endswith(found["version_id"])


@pytest.mark.parametrize(
    "path",
    ["with space.ipynb", "ünïcödé/漢字 😀.ipynb", "a#b%20c+d&e=f?g.ipynb", "quo'te\"<b>.ipynb"],
)
def test_any_name_works(shared_server: JupyterServer, path: str) -> None:
    answer = publish(shared_server, path, make_notebook(path))
    assert answer["s3_path"].endswith(f"/published/{path}")
    assert cloned_text(shared_server, answer["clone_url"]) == path


GOOD = json.dumps({"type": "notebook", "content": make_notebook()})


@pytest.mark.parametrize(
    ("path", "body", "status", "said"),
    [
        ("", GOOD, 400, "A path is needed"),
        ("a//b.ipynb", GOOD, 400, "may not have empty, . or .. parts"),
        ("a.ipynb", "", 400, "A body is needed"),
        ("a.ipynb", "no json", 400, "This is not JSON"),
        ("a.ipynb", "[]", 400, "must be a JSON object"),
        ("a.ipynb", '{"type": "notebook", "content": {"a": NaN}}', 400, "holds NaN"),
        ("a.txt", GOOD, 415, "its name must end in .ipynb"),
        ("a.ipynb", '{"type": "file", "content": "text"}', 415, "Only notebooks"),
        ("a.ipynb", '{"type": "notebook"}', 422, "The notebook is empty"),
        ("a.ipynb", '{"type": "notebook", "content": {}}', 422, "The notebook is empty"),
        ("a.ipynb", '{"type": "notebook", "content": {"nbformat": 4}}', 422, "is not valid"),
    ],
)
def test_what_cannot_be_published_is_said_in_a_sentence(
    shared_server: JupyterServer, path: str, body: str, status: int, said: str
) -> None:
    error = shared_server.bookstore("PUT", f"publish/{path}", data=body, status=status)
    assert set(error) == {"message", "reason"}
    assert said in error["message"]


def test_fifty_clones_and_publishes_at_once_finish(shared_server: JupyterServer) -> None:
    link = publish(shared_server, "popular.ipynb", make_notebook("popular", size=1_000_000))
    own = shared_server.root_dir / "popular.ipynb"
    own.write_text("what was there")

    def clone_or_publish(number: int) -> str:
        if number % 2:
            return str(clone(shared_server, link["clone_url"])["path"])
        publish(shared_server, f"crowd {number}.ipynb", make_notebook("crowd", size=1_000_000))
        return ""

    answered = []
    with ThreadPoolExecutor(50) as users:
        crowd = [users.submit(clone_or_publish, number) for number in range(100)]
        wait_for(lambda: any(one.done() for one in crowd), "the first of them to be done", 120)
        while not all(one.done() for one in crowd):
            shared_server.api("GET", "/api")
            answered.append(sum(one.done() for one in crowd))
        paths = [path for one in crowd if (path := one.result())]
    # The server had answers for others while the crowd still waited for its own.
    assert any(done < 100 for done in answered)
    assert len(set(paths)) == 50
    assert "popular.ipynb" not in paths
    assert own.read_text() == "what was there"
    sizes = {(shared_server.root_dir / path).stat().st_size for path in paths}
    assert len(sizes) == 1
    shared_server.wait_until("archived")


@pytest.mark.thorough
def test_what_the_store_refuses_or_cannot_do_is_the_stores_failure(
    core_kind: str, start_server: StartServer, bucket: Bucket
) -> None:
    wrong_key = start_server(core_kind, **{**bucket.settings, "s3_secret_access_key": "wrong"})
    away = start_server(
        core_kind, **{**bucket.settings, "s3_endpoint_url": f"http://127.0.0.1:{free_port()}"}
    )
    missing = start_server(core_kind, **{**bucket.settings, "s3_bucket": "no-such-bucket-here"})
    source = {"s3_bucket": bucket.name, "s3_key": "a.ipynb"}
    model = {"type": "notebook", "content": make_notebook()}
    for server, status, said in (
        (wrong_key, 502, "refused Bookstore's credentials"),
        (away, 503, "cannot be reached"),
        (missing, 502, "There is no bucket 'no-such-bucket-here'"),
    ):
        messages = [
            server.bookstore(method, route, json=body, status=status)["message"]
            for method, route, body in (
                ("PUT", "publish/a.ipynb", model),
                ("GET", "versions/a.ipynb", None),
                ("GET", "notebooks", None),
                ("POST", "restore/a.ipynb", {"version_id": "some"}),
            )
        ]
        if server is not missing:
            messages.append(
                server.bookstore("POST", "clone", json=source, status=status)["message"]
            )
            assert ("ask them to publish" in messages[-1]) == (server is wrong_key)
        assert all(said in message for message in messages)
        assert "Traceback" not in server.log
        assert bucket.store.secret_access_key not in "".join([server.log, *messages])


@pytest.mark.thorough
def test_without_a_prefix_publishing_is_off_and_says_so(start_server: StartServer) -> None:
    server = start_server("jupyter_server", store_url="local", published_prefix="")
    model = {"type": "notebook", "content": make_notebook()}
    error = server.bookstore("PUT", "publish/a.ipynb", json=model, status=404)
    assert error["message"] == "Publishing is off: set a published_prefix."
