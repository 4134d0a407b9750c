"""What comes from outside is refused in a sentence, and nothing of it gets anywhere."""

import base64
import hashlib
import http.client
import json
import os
import re
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import pytest
import requests

from bookstore.handlers import ROUTES
from bookstore.web.pages import untrusted_script
from tests.support.notebooks import make_notebook
from tests.support.object_store import Bucket, ObjectStore
from tests.support.servers import JupyterServer, contents_url
from tests.support.waiting import wait_for

pytestmark = pytest.mark.thorough

# What is refused before a store is asked is refused with each.
of_any_store = pytest.mark.parametrize("server", ["s3"], indirect=True)

LONGEST_ANSWER = 600  # characters
HUGE = "x" * 20_000_000
SURROGATE = "\ud800"  # in JSON written as an escape
CLONE = "/api/bookstore/clone"
FS_CLONE = "/api/bookstore/fs-clone"


@pytest.fixture(scope="module")
def foreign_bucket(ceph: ObjectStore) -> Iterator[Bucket]:
    """A bucket that the server's keys open, and that may not be cloned from."""
    bucket = ceph.new_bucket()
    bucket.put("secret.txt", b"not for you")
    yield bucket
    bucket.remove()


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that is neither in the server's root nor in the folder that may be cloned from."""
    folder = tmp_path_factory.mktemp("outside")
    (folder / "private.txt").write_text("not for you")
    return folder


@pytest.fixture(scope="module", params=["s3", "embedded"])
def server(
    request: pytest.FixtureRequest, core_kind: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[JupyterServer]:
    """A server with a notebook `a.ipynb` of two versions, and files to be cloned."""
    directory = tmp_path_factory.mktemp("hostile")
    basedir = directory / "basedir"
    basedir.mkdir()
    (basedir / "a.txt").write_text("fine")
    if request.param == "s3":
        bucket: Bucket = request.getfixturevalue("shared_bucket")
        settings = bucket.settings | {"clone_buckets": [bucket.name]}
    else:
        settings = {"store_url": "local", "clone_buckets": ["local"]}
        settings["workspace_prefix"] = "workspace"
    with JupyterServer(
        core_kind, directory, fs_cloning_basedir=str(basedir), **settings  # type: ignore[arg-type]
    ) as server:
        for _ in range(2):
            server.save("a.ipynb", make_notebook())
        server.wait_until("archived")
        yield server
    assert server.token not in logged(server)
    assert "Traceback" not in server.log, server.log[-5000:]


@pytest.fixture
def bucket(server: JupyterServer) -> str:
    """The bucket of the server's own store, as it is named in requests."""
    return str(server.settings.get("s3_bucket", "local"))


@pytest.fixture(autouse=True)
def log_stays_short(server: JupyterServer) -> Iterator[None]:
    written = len(server.log)
    yield
    new = server.log[written:]
    assert "Traceback" not in new, new[-3000:]
    # The server itself logs the URLs of requests that it refuses, as long as they are.
    assert len(new) < 1_000_000, new[:2000]


def logged(server: JupyterServer) -> str:
    """Return the log, without the requests that classic logs with all that is in their URLs."""
    lines = server.log.splitlines()
    if server.kind == "classic":
        lines = [line for line in lines if "ms referer=" not in line]
    return "\n".join(lines)


def basedir(server: JupyterServer) -> Path:
    return Path(server.settings["fs_cloning_basedir"])


def ask(
    server: JupyterServer,
    method: str,
    path: str,
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
) -> requests.Response:
    """Send a request as it stands: `requests` would tidy the path up."""
    address = urlsplit(server.url)
    assert address.hostname
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=120)
    try:
        own = {"Authorization": f"token {server.token}"} if headers is None else headers
        connection.request(method, address.path + path, body, own)
        answer = connection.getresponse()
        response = requests.Response()
        response.status_code = answer.status
        response.headers.update(answer.headers.items())
        response._content = answer.read()
        return response
    finally:
        connection.close()


def send(server: JupyterServer, method: str, path: str, model: object) -> requests.Response:
    return ask(server, method, path, json.dumps(model).encode())


def assert_refused(server: JupyterServer, response: requests.Response, *statuses: int) -> None:
    """Check that an answer of the API is one short sentence, with nothing secret in it."""
    told = response.text[:2000]
    assert response.status_code in (statuses or (400,)), told
    assert set(response.json()) == {"message", "reason"}
    message = response.json()["message"]
    assert len(response.text) < LONGEST_ANSWER, told
    assert message.isprintable(), told
    # what Tornado says has no full stop
    assert message.endswith(".") or message.startswith("Invalid unicode in"), told
    assert_nothing_secret(server, response)


def assert_nothing_secret(server: JupyterServer, response: requests.Response) -> None:
    for secret in (
        "Traceback (most",
        server.token,
        str(server.settings.get("s3_secret_access_key", "?!")),
    ):
        assert secret not in response.text
        assert secret not in str(response.headers)


# Bodies

STATE_CHANGES = [
    ("PUT", "/api/bookstore/publish/a.ipynb"),
    ("POST", CLONE),
    ("POST", FS_CLONE),
    ("POST", "/api/bookstore/restore/a.ipynb"),
    ("POST", "/api/bookstore/name/a.ipynb"),
    ("POST", "/api/bookstore/cell/a.ipynb"),
]
BAD_BODIES = [
    b"",
    b" \n ",
    b"{",
    b"s3_bucket=b&s3_key=k",
    b"[]",
    b'"a"',
    b"null",
    b'{"type": "notebook", "content": {"a": NaN}}',
    b'{"type": "notebook", "content": {"a": -Infinity}}',
    b'{"type": "notebook", "content": {"a": 1e999}}',
    b'{"a": ' + b"9" * 100_000 + b"}",
    b'{"a": ' + b"[" * 200_000 + b"]" * 200_000 + b"}",
    b'{"s3_bucket": "\xff"}',
    '{"s3_bucket": "b"}'.encode("utf-16"),
    b'{"s3_bucket": "\xed\xa0\x80"}',
    b'{"s3_bucket": "\\ud800"}',
    b'{"\\udfff": 1}',
    b'"' + HUGE.encode() + b'"',
]


@of_any_store
@pytest.mark.parametrize(("method", "path"), STATE_CHANGES)
def test_a_bad_body_is_refused(server: JupyterServer, method: str, path: str) -> None:
    for body in BAD_BODIES:
        assert_refused(server, ask(server, method, path, body), 400)


# Names

BAD_NAMES = {
    "null": "a\x00b.ipynb",
    "empty part": "a//b.ipynb",
    "here": "./a.ipynb",
    "above": "../a.ipynb",
    "above within": "a/../../b.ipynb",
    "above at the end": "a/..",
    "10 kB": "n" * 10_000,
    "20 MB": HUGE,
    "surrogate": f"a{SURROGATE}.ipynb",
}
BAD_KEYS = BAD_NAMES | {"empty": "", "folder": "a/", "root": "/"}
BAD_TARGETS = BAD_NAMES | {
    "line": "a\r\nb.ipynb",
    "delete": "a\x7f.ipynb",
    "root": "/a.ipynb",
    "folder": "a/",
    "hidden": ".a.ipynb",
    "hidden folder": "a/.b/c.ipynb",
    "long name": "n" * 300,
    "slashes": "///",
}
BAD_BUCKETS = {
    "empty": "",
    "short": "b",
    "slash": "a/b",
    "query": "a?versions",
    "fragment": "a#b",
    "above": "..",
    "control": "a\x00b",
    "line": "ab\r\nHost: x",
    "space": "a b",
    "percent": "a%2f..",
    "10 kB": "b" * 10_000,
    "20 MB": HUGE,
    "surrogate": f"ab{SURROGATE}",
    "not ASCII": "bücket",
}
BAD_VERSIONS = {
    "space": "a b",
    "control": "a\x00",
    "line": "a\r\nb",
    "not ASCII": "vërsion",
    "10 kB": "v" * 10_000,
    "20 MB": HUGE,
    "surrogate": SURROGATE,
}
OTHER_TYPES: list[object] = [1, 1.5, True, [], ["a"], {}, {"a": "b"}]
NAMES = {
    "s3_bucket": BAD_BUCKETS,
    "s3_key": BAD_KEYS,
    "s3_version_id": BAD_VERSIONS,
    "target_path": BAD_TARGETS,
}


@pytest.mark.parametrize("field", NAMES)
def test_a_clone_of_a_bad_name_is_refused(server: JupyterServer, bucket: str, field: str) -> None:
    good = {"s3_bucket": bucket, "s3_key": "workspace/a.ipynb", "target_path": "copy.ipynb"}
    for value in [*NAMES[field].values(), *OTHER_TYPES]:
        assert_refused(server, send(server, "POST", CLONE, good | {field: value}), 400)
    if field in ("s3_bucket", "s3_key"):
        assert_refused(server, send(server, "POST", CLONE, good | {field: None}), 400)
        assert_refused(server, send(server, "POST", CLONE, {**good, field: ""}), 400)
    assert not (server.root_dir / "copy.ipynb").exists()


@pytest.mark.parametrize("field", ["relpath", "target_path"])
def test_a_clone_of_a_bad_path_is_refused(server: JupyterServer, field: str) -> None:
    good = {"relpath": "a.txt", "target_path": "copy.txt"}
    bad = BAD_NAMES if field == "relpath" else BAD_TARGETS
    for value in [*bad.values(), *OTHER_TYPES]:
        assert_refused(server, send(server, "POST", FS_CLONE, good | {field: value}), 400)
    assert not (server.root_dir / "copy.txt").exists()


@pytest.mark.parametrize("field", ["version_id", "target_path"])
def test_restoring_with_a_bad_name_is_refused(server: JupyterServer, field: str) -> None:
    path = "/api/bookstore/restore/a.ipynb"
    before = (server.root_dir / "a.ipynb").read_bytes()
    good = {"version_id": versions(server, "a.ipynb")[-1], "target_path": "copy.ipynb"}
    bad = (BAD_VERSIONS | {"empty": ""}) if field == "version_id" else BAD_TARGETS
    for value in [*bad.values(), *OTHER_TYPES]:
        assert_refused(server, send(server, "POST", path, good | {field: value}), 400)
    assert (server.root_dir / "a.ipynb").read_bytes() == before
    assert not (server.root_dir / "copy.ipynb").exists()


def versions(server: JupyterServer, path: str) -> list[str]:
    """Return the version ids of a notebook, newest first."""
    answer = server.api("GET", "/api/bookstore/versions/" + quote(path))
    return [version["version_id"] for version in answer.json()["versions"]]


BAD_PATHS = [
    "",
    "/",
    "//",
    "/..",
    "/../a.ipynb",
    "/%2e%2e/a.ipynb",
    "/..%2fa.ipynb",
    "/%2e%2e%2fa.ipynb",
    "/b/../../a.ipynb",
    "/b/%2E%2E/%2E%2E/a.ipynb",
    "/b%2f%2e%2e%2f%2e%2e%2fa.ipynb",
    "/./a.ipynb",
    "/b//a.ipynb",
    "/b%2f%2fa.ipynb",
    "/a%00.ipynb",
    "/%ed%a0%80.ipynb",
    "/%ff.ipynb",
    "/" + "n" * 300 + ".ipynb",
    "/" + "n/" * 5_000 + "a.ipynb",
]
PATH_ROUTES = [
    ("PUT", "/api/bookstore/publish{}", {"type": "notebook", "content": make_notebook()}),
    ("POST", "/api/bookstore/restore{}", {"version_id": "x"}),
    ("POST", "/api/bookstore/name{}", {"name": "x"}),
    ("POST", "/api/bookstore/cell{}", {"version_id": "x", "cell": 1}),
    ("GET", "/api/bookstore/versions{}", None),
    ("GET", "/api/bookstore/versions{}?version_id=x", None),
    ("GET", "/api/bookstore/diff{}?base=x&head=y", None),
    ("GET", "/bookstore/versions{}", None),
    ("GET", "/bookstore/diff{}?base=x", None),
    ("GET", "/bookstore/view{}", None),
    ("GET", "/bookstore/restore{}?version_id=x", None),
    ("GET", "/bookstore/cell{}?version_id=x&cell=1", None),
]


@of_any_store
@pytest.mark.parametrize(("method", "route", "model"), PATH_ROUTES)
def test_a_bad_path_is_refused(
    server: JupyterServer, method: str, route: str, model: object
) -> None:
    for path in BAD_PATHS:
        body = json.dumps(model).encode() if model else None
        response = ask(server, method, route.format(path), body)
        if route.startswith("/api/"):
            assert_refused(server, response, 400)
        else:
            assert_page(server, response, 400)


def test_what_is_published_stays_below_its_prefix(
    server: JupyterServer, shared_bucket: Bucket
) -> None:
    model = {"type": "notebook", "content": make_notebook()}
    for path in BAD_PATHS:
        send(server, "PUT", f"/api/bookstore/publish{path}", model)
    for path in ("/%252e%252e/a.ipynb", "/..a/b..ipynb", "/%5c..%5ca.ipynb", "/a%3fb%23.ipynb"):
        response = send(server, "PUT", f"/api/bookstore/publish{path}", model)
        assert response.status_code == 200, response.text
        assert response.json()["s3_path"].partition("/published/")[2]
    if "s3_bucket" in server.settings:
        keys = shared_bucket.keys()
        assert all(key.startswith(("workspace/", "published/")) for key in keys), keys
        assert "published/%2e%2e/a.ipynb" in keys


BAD_QUERIES = [
    ("/api/bookstore/versions/a.ipynb", {"in": "elsewhere"}),
    ("/api/bookstore/versions/a.ipynb", {"in": "n" * 10_000}),
    ("/api/bookstore/versions/a.ipynb", {"limit": "0"}),
    ("/api/bookstore/versions/a.ipynb", {"limit": "-1"}),
    ("/api/bookstore/versions/a.ipynb", {"limit": "9" * 10_000}),
    ("/api/bookstore/versions/a.ipynb", {"limit": "201"}),
    ("/api/bookstore/versions/a.ipynb", {"limit": "000000001999999"}),
    ("/api/bookstore/versions/a.ipynb", {"limit": "1e1"}),
    ("/api/bookstore/versions/a.ipynb", {"limit": "³"}),
    ("/api/bookstore/versions/a.ipynb", {"limit": ""}),
    ("/api/bookstore/versions/a.ipynb", {"after": "x"}),
    ("/api/bookstore/versions/a.ipynb", {"after": "ü"}),
    ("/api/bookstore/versions/a.ipynb", {"after": "W" * 40_000}),
    ("/api/bookstore/versions/a.ipynb", {"version_id": "a b"}),
    ("/api/bookstore/versions/a.ipynb", {"version_id": "v" * 10_000}),
    ("/api/bookstore/diff/a.ipynb", {}),
    ("/api/bookstore/diff/a.ipynb", {"base": "a\x00b"}),
    ("/api/bookstore/notebooks", {"in": "x"}),
    ("/api/bookstore/notebooks", {"limit": "x"}),
]


@of_any_store
def test_a_bad_query_is_refused(server: JupyterServer) -> None:
    for path, query in BAD_QUERIES:
        assert_refused(server, ask(server, "GET", f"{path}?{urlencode(query)}"))


@of_any_store
def test_a_query_that_is_no_unicode_is_refused(server: JupyterServer) -> None:
    for name in ("in", "limit", "after", "version_id"):
        path = f"/api/bookstore/versions/a.ipynb?{name}=%ed%a0%80"
        assert_refused(server, ask(server, "GET", path), 400)
    assert_refused(server, ask(server, "GET", "/api/bookstore/notebooks?q=%ff"), 400)


FORGED: list[object] = [
    "[" * 30_000,
    [],
    {},
    5,
    [["workspace/a.ipynb"]],
    [["", None, None]],
    [["secrets/a.ipynb", None, None]],
    [["workspace/a.ipynb", "a b", None]],
    [["workspace/a.ipynb", 5, None]],
    [["workspace/a.ipynb", None, 5]],
    [["workspace/a.ipynb", None, "yesterday"]],
    [["workspace/a.ipynb", None, None], [SURROGATE, None, None]],
    [["workspace/a.ipynb", None, None], [5, None, None]],
]


def test_a_forged_next_is_refused(server: JupyterServer) -> None:
    for states in FORGED:
        text = states if isinstance(states, str) else json.dumps(states)
        after = base64.urlsafe_b64encode(text.encode()).decode()
        path = f"/bookstore/versions/a.ipynb?after={after}"
        assert_refused(server, ask(server, "GET", f"/api{path}"))
        assert_page(server, ask(server, "GET", path), 400)


def test_unknown_versions_and_notebooks_are_not_found(server: JupyterServer, bucket: str) -> None:
    unknown = {"version_id": "nosuchversion"}
    key = {"s3_bucket": bucket, "s3_key": "workspace/a.ipynb", "s3_version_id": "nosuchversion"}
    for response in (
        ask(server, "GET", "/api/bookstore/versions/a.ipynb?version_id=nosuchversion"),
        ask(server, "GET", "/api/bookstore/versions/b.ipynb?version_id=nosuchversion"),
        ask(server, "GET", "/api/bookstore/diff/a.ipynb?base=nosuchversion"),
        send(server, "POST", "/api/bookstore/restore/a.ipynb", unknown),
        send(server, "POST", "/api/bookstore/restore/b.ipynb", unknown),
        send(server, "POST", CLONE, key),
        send(server, "POST", CLONE, {"s3_bucket": bucket, "s3_key": "workspace/b.ipynb"}),
        send(server, "POST", CLONE, {"s3_bucket": bucket, "s3_key": "k/" * 500 + "k"}),
        send(server, "POST", FS_CLONE, {"relpath": "b.txt"}),
    ):
        assert response.status_code == 404
        assert len(response.text) < 2500
        assert_nothing_secret(server, response)


# Notebooks


UNPUBLISHABLE: list[tuple[object, int]] = [
    ({}, 415),
    ({"type": None}, 415),
    ({"type": "file", "content": "x"}, 415),
    ({"type": ["notebook"]}, 415),
    ({"type": HUGE}, 415),
    ({"type": "notebook"}, 422),
    ({"type": "notebook", "content": None}, 422),
    ({"type": "notebook", "content": {}}, 422),
    ({"type": "notebook", "content": []}, 422),
    ({"type": "notebook", "content": HUGE}, 422),
    ({"type": "notebook", "content": {"cells": HUGE}}, 422),
    ({"type": "notebook", "content": {"nbformat": 4}}, 422),
    ({"type": "notebook", "content": {**make_notebook(), "nbformat": 99}}, 422),
    ({"type": "notebook", "content": {**make_notebook(), "nbformat": "4"}}, 422),
    ({"type": "notebook", "content": {**make_notebook(), "nbformat": True}}, 422),
    ({"type": "notebook", "content": {**make_notebook(), "nbformat": HUGE}}, 422),
    ({"type": "notebook", "content": {**make_notebook(), "nbformat_minor": []}}, 422),
    ({"type": "notebook", "content": {**make_notebook(), "cells": HUGE}}, 422),
    ({"type": "notebook", "content": {**make_notebook(), "cells": [HUGE]}}, 422),
    ({"type": "notebook", "content": {**make_notebook(), "cells": [{HUGE: 1}]}}, 422),
    ({"type": "notebook", "content": {**make_notebook(), "metadata": 1}}, 422),
    ({"type": "notebook", "content": {**make_notebook(), HUGE: 1}}, 422),
]


@of_any_store
def test_publishing_what_is_no_notebook_is_refused(server: JupyterServer) -> None:
    for model, status in UNPUBLISHABLE:
        response = send(server, "PUT", "/api/bookstore/publish/no.ipynb", model)
        assert_refused(server, response, status)


def nested(depth: int) -> Any:
    value: Any = 0
    for _ in range(depth):
        value = [value]
    return value


BROKEN_NOTEBOOKS = [
    b"",
    b"{",
    b"[]",
    b'{"nbformat": 4, "nbformat_minor": 4, "metadata": {}}',
    b'{"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": "abc"}',
    b'{"nbformat": 99, "nbformat_minor": 4, "metadata": {}, "cells": []}',
    b'{"nbformat": 4, "nbformat_minor": 4, "cells": [], "metadata": {"a": '
    + b"[" * 100_000
    + b"]" * 100_000
    + b"}}",
    b'{"nbformat": 4, "nbformat_minor": 4, "metadata": {"a": "\xff"}, "cells": []}',
    b'{"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": "' + HUGE.encode() + b'"}',
]


def notebook_of(*cells: Any, **more: Any) -> bytes:
    notebook = {"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": list(cells), **more}
    return json.dumps(notebook).encode()


MARKDOWN = {"cell_type": "markdown", "metadata": {}, "source": ""}
BROKEN_NOTEBOOKS.append(notebook_of(nbformat_minor="4"))
# Jupyter opens these, and says in its log what is not valid.
INVALID_NOTEBOOKS = [
    b'{"nbformat": 4, "nbformat_minor": 4, "metadata": {"a": NaN}, "cells": []}',
    b'{"nbformat": 4, "nbformat_minor": 4, "metadata": {"a": 1e999}, "cells": []}',
    b'{"nbformat": 4, "nbformat_minor": 4, "metadata": {"\\ud800": 1}, "cells": []}',
    notebook_of({**MARKDOWN, "cell_type": HUGE[:2_000_000]}),
    notebook_of({**MARKDOWN, HUGE[:2_000_000]: 1}),
    notebook_of({**MARKDOWN, "more": "x" * 2_000_000}),
]


def test_what_is_not_valid_is_cloned_as_it_is(server: JupyterServer) -> None:
    for content in INVALID_NOTEBOOKS:
        (basedir(server) / "invalid.ipynb").write_bytes(content)
        response = send(server, "POST", FS_CLONE, {"relpath": "invalid.ipynb"})
        assert response.status_code == 200
        assert (server.root_dir / response.json()["path"]).read_bytes() == content
        assert len(response.text) < LONGEST_ANSWER
    assert "x" * 10_000 not in server.log


def test_what_only_claims_to_be_a_notebook_is_not_cloned(server: JupyterServer) -> None:
    for content in BROKEN_NOTEBOOKS:
        (basedir(server) / "broken.ipynb").write_bytes(content)
        response = send(server, "POST", FS_CLONE, {"relpath": "broken.ipynb"})
        assert_refused(server, response, 422)
        assert not (server.root_dir / "broken.ipynb").exists()


TOO_DEEP = {"cells": [], "metadata": {"a": nested(900)}}
STRANGE_NOTEBOOKS: list[dict[str, Any]] = [
    {"cells": ["x"]},
    {"cells": [{"cell_type": "code", "metadata": {}}]},
    {"cells": [{"cell_type": "code", "metadata": {}, "source": "", "outputs": "x"}]},
    {"cells": [{"cell_type": "code", "metadata": {}, "source": "", "outputs": [{}]}]},
    {"cells": [{"cell_type": "markdown", "metadata": {}, "source": 5}]},
    {"cells": [], "metadata": []},
    {"cells": [], "metadata": {"a": nested(100)}},
    TOO_DEEP,
]


def test_strange_notebooks_in_the_archive_do_no_harm(server: JupyterServer) -> None:
    path = "strange.ipynb"
    good = put_version(server, path, json.dumps(make_notebook()).encode())
    for parts in STRANGE_NOTEBOOKS:
        notebook = {"nbformat": 4, "nbformat_minor": 4, "metadata": {}, **parts}
        strange = put_version(server, path, json.dumps(notebook).encode())
        differences = (f"base={good}&head={strange}", f"base={strange}&head={good}")
        for url in (
            f"versions/{path}?version_id={strange}",
            *(f"diff/{path}?{query}" for query in differences),
        ):
            response = ask(server, "GET", f"/api/bookstore/{url}")
            if response.status_code != 200:
                assert_refused(server, response, 422)
        for url in (
            f"view/{path}?version_id={strange}",
            *(f"diff/{path}?{query}" for query in differences),
        ):
            assert_page(server, ask(server, "GET", f"/bookstore/{url}"), 200, 422)
        if parts is TOO_DEEP:  # for the server, which cannot save it
            continue
        restored = {"version_id": strange, "target_path": "strange-copy.ipynb"}
        response = send(server, "POST", f"/api/bookstore/restore/{path}", restored)
        if response.status_code != 200:
            assert_refused(server, response, 422)


def put_version(server: JupyterServer, path: str, content: bytes) -> str:
    """Archive a notebook, whatever is in it, and return its version id."""
    # As a plain file, it is saved as it stands.
    model = {"type": "file", "format": "text", "content": content.decode()}
    assert server.api("PUT", contents_url(path), json=model).ok
    server.wait_until("archived")
    return versions(server, path)[0]


def assert_page(server: JupyterServer, response: requests.Response, *statuses: int) -> None:
    """Check that an answer is one of Bookstore's pages, with nothing secret in it."""
    assert response.status_code in (statuses or (200,)), response.text[:2000]
    assert response.headers["Content-Type"].lower() == "text/html; charset=utf-8"
    assert_guarded(response)
    assert_nothing_secret(server, response)


def assert_guarded(response: requests.Response) -> None:
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'self'" in policy
    assert "unsafe-inline" not in policy.replace("style-src 'unsafe-inline'", "")
    assert response.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Referrer-Policy"] == "same-origin"


# Files


@pytest.fixture
def traps(server: JupyterServer, outside: Path) -> Iterator[list[str]]:
    """What cannot be a target, in the root folder; returned are their paths."""
    root = server.root_dir
    hidden = root / ".hidden"
    hidden.mkdir()
    os.mkfifo(root / "fifo.ipynb")
    (root / "folder.ipynb").mkdir()
    links = {
        "loop.ipynb": root / "loop.ipynb",
        "nothing.ipynb": root / "not-there.ipynb",
        "nowhere.ipynb": root / "no-folder" / "not-there.ipynb",
        "out.ipynb": outside / "private.txt",
        "out-nothing.ipynb": outside / "new.ipynb",
        "out": outside,
        "above": root.parent,
        "to-hidden": hidden,
        "to-hidden.ipynb": hidden / "a.ipynb",
        "no-folder-either": root / "not-there",
        "loop": root / "loop",
    }
    for name, leads_to in links.items():
        (root / name).symlink_to(leads_to)
    folders = ("out", "above", "to-hidden", "no-folder-either", "loop", "a.ipynb", "fifo.ipynb")
    paths = [name for name in links if name.endswith(".ipynb")] + [
        f"{folder}/new.ipynb" for folder in folders
    ]
    yield ["fifo.ipynb", "folder.ipynb", "out/folder/new.ipynb", *paths]
    for name in ("fifo.ipynb", *links):
        (root / name).unlink()
    shutil.rmtree(root / "folder.ipynb")
    assert list(hidden.iterdir()) == []
    hidden.rmdir()


def everything_in(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_nothing_is_put_where_no_file_belongs(
    server: JupyterServer, bucket: str, outside: Path, traps: list[str]
) -> None:
    before = everything_in(outside)
    newest = versions(server, "a.ipynb")[0]
    (basedir(server) / "a.ipynb").write_text(json.dumps(make_notebook()))
    for target in traps:
        restored = {"version_id": newest, "target_path": target}
        assert_refused(server, send(server, "POST", "/api/bookstore/restore/a.ipynb", restored))
        clone = {"s3_bucket": bucket, "s3_key": "workspace/a.ipynb", "target_path": target}
        fs_clone = {"relpath": "a.ipynb", "target_path": target}
        for path, model in ((CLONE, clone), (FS_CLONE, fs_clone)):
            response = send(server, "POST", path, model)
            if response.status_code != 200:
                assert_refused(server, response)
                continue
            # What is there is passed by: the clone gets the next free name, or goes into a folder.
            saved = response.json()["path"]
            assert saved != target and "/" not in saved.removeprefix("folder.ipynb/")
            (server.root_dir / saved).unlink()
    assert everything_in(outside) == before
    assert not (server.root_dir / "not-there").exists()
    assert not (server.root_dir / "no-folder").exists()
    assert [p.name for p in server.root_dir.parent.glob("new*")] == []


def test_only_files_inside_the_folder_are_cloned_from_it(
    server: JupyterServer, outside: Path
) -> None:
    folder = basedir(server)
    (folder / "sub").mkdir()
    (folder / "sub" / "fine.txt").write_text("fine")
    os.mkfifo(folder / "fifo.txt")
    links = {
        "loop.txt": folder / "loop.txt",
        "nothing.txt": folder / "not-there.txt",
        "out.txt": outside / "private.txt",
        "out": outside,
        "root": Path("/"),
        "device.txt": Path("/dev/zero"),
        "inside.txt": folder / "sub" / "fine.txt",
    }
    for name, leads_to in links.items():
        (folder / name).symlink_to(leads_to)
    refused = ["fifo.txt", "sub", "loop.txt", "nothing.txt", "out.txt", "out/private.txt"]
    for relpath in [*refused, "root/etc/hostname", "device.txt", "sub/fine.txt/x", "not-there.txt"]:
        model = {"relpath": relpath, "target_path": "got.txt"}
        assert_refused(server, send(server, "POST", FS_CLONE, model), 404)
        query = urlencode({"relpath": relpath})
        assert_page(server, ask(server, "GET", f"/bookstore/fs-clone?{query}"), 404)
    assert not (server.root_dir / "got.txt").exists()
    saved = send(server, "POST", FS_CLONE, {"relpath": "inside.txt"}).json()
    assert (server.root_dir / saved["path"]).read_text() == "fine"


def test_names_as_long_as_a_file_may_have_are_cloned_or_refused(server: JupyterServer) -> None:
    for length in range(238, 260):
        model = {"relpath": "a.txt", "target_path": "n" * length}
        for _ in range(2):
            response = send(server, "POST", FS_CLONE, model)
            if response.status_code != 200:
                assert_refused(server, response)


# Who may come in

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW")
PATHS = [
    route.removesuffix("/?")
    .replace("(?P<path>(?:/.*)?)", "/a.ipynb")
    .replace("(?P<path>[a-z.]+)", "bookstore.css")
    for route, _ in ROUTES
]
WRONG_TOKENS = [{}, {"Authorization": "token wrong"}, {"Authorization": "Bearer \xff"}]


@of_any_store
@pytest.mark.parametrize("path", PATHS)
def test_nobody_comes_in_without_a_token(server: JupyterServer, path: str) -> None:
    before = everything_in(server.root_dir)
    for headers in WRONG_TOKENS:
        for method in METHODS:
            response = ask(server, method, path, b"{}", headers)
            if method in ("GET", "HEAD") and response.status_code == 302:
                assert not path.startswith("/api/")
                assert "/login?next=" in response.headers["Location"]
            elif method == "OPTIONS" and path.startswith("/api/"):
                assert not response.text
            elif method in ("GET", "POST", "PUT"):
                assert response.status_code in (403, 405), (method, response.status_code)
            else:
                assert 400 <= response.status_code < 500, (method, response.status_code)
            assert_nothing_secret(server, response)
            assert "a.ipynb" not in response.text
    response = ask(server, "GET", f"{path}?token=wrong", None, {})
    assert response.status_code in (302, 403, 405)
    assert everything_in(server.root_dir) == before


@pytest.mark.parametrize("path", PATHS)
def test_no_method_is_an_error_of_the_server(server: JupyterServer, path: str) -> None:
    for method in METHODS:
        response = ask(server, method, path, b"{}")
        assert response.status_code < 500, (method, response.status_code)
        assert_nothing_secret(server, response)
        if method != "OPTIONS":
            assert response.headers["Content-Security-Policy"]
            if not path.startswith("/api/"):
                assert_guarded(response)


def test_a_login_needs_the_xsrf_token_to_change_anything(
    server: JupyterServer, bucket: str
) -> None:
    browser = requests.Session()
    browser.trust_env = False
    assert browser.get(server.url + "/bookstore", params={"token": server.token}).ok
    assert browser.get(server.url + "/bookstore").ok, "the login is not remembered"
    newest = versions(server, "a.ipynb")[0]
    clone = {"s3_bucket": bucket, "s3_key": "workspace/a.ipynb", "target_path": "login.ipynb"}
    changes = [
        ("POST", CLONE, clone),
        ("POST", FS_CLONE, {"relpath": "a.txt", "target_path": "login.txt"}),
        ("POST", "/api/bookstore/restore/a.ipynb", {"version_id": newest}),
        ("POST", "/api/bookstore/name/a.ipynb", {"name": "named"}),
        ("POST", "/api/bookstore/cell/a.ipynb", {"version_id": newest, "cell": 1}),
        (
            "PUT",
            "/api/bookstore/publish/login.ipynb",
            {"type": "notebook", "content": make_notebook()},
        ),
    ]
    before = everything_in(server.root_dir)
    for method, path, model in changes:
        for headers in ({}, {"X-XSRFToken": "wrong"}, {"Origin": "http://elsewhere.example"}):
            response = browser.request(method, server.url + path, json=model, headers=headers)
            assert response.status_code in (403, 404)  # what another site may ask is not found
            assert_nothing_secret(server, response)
    assert everything_in(server.root_dir) == before
    xsrf = {"X-XSRFToken": browser.cookies["_xsrf"]}
    for method, path, model in changes:
        response = browser.request(method, server.url + path, json=model, headers=xsrf)
        assert response.status_code == 200, response.text
    browser.close()


@of_any_store
def test_other_sites_come_to_nothing_with_a_login(server: JupyterServer) -> None:
    browser = requests.Session()
    browser.trust_env = False
    assert browser.get(server.url + "/bookstore", params={"token": server.token}).ok
    elsewhere = {
        "Origin": "http://elsewhere.example",
        "Referer": "http://elsewhere.example/",
        "X-XSRFToken": browser.cookies["_xsrf"],
        "Content-Type": "text/plain",
    }
    body = json.dumps({"relpath": "a.txt", "target_path": "elsewhere.txt"})
    response = browser.post(server.url + FS_CLONE, data=body, headers=elsewhere)
    browser.close()
    assert response.status_code in (403, 404)
    assert not (server.root_dir / "elsewhere.txt").exists()


@of_any_store
def test_a_token_in_a_url_is_not_logged(server: JupyterServer) -> None:
    written = len(server.log)
    for path in (*PATHS, "/bookstore/view/no.ipynb", "/api/bookstore/versions/%ff"):
        ask(server, "GET", f"{path}?in=nothing&token={server.token}", None, {})
        ask(server, "BREW", f"{path}?token={server.token}", None, {})
    wait_for(lambda: "%ff" in server.log[written:], "the last of the requests to be logged")
    assert server.token not in logged(server)


# Buckets


def test_only_buckets_of_the_list_are_reached(
    server: JupyterServer, bucket: str, foreign_bucket: Bucket
) -> None:
    for name in (foreign_bucket.name, bucket + "x", bucket.upper(), "aws", "x" * 255):
        model = {"s3_bucket": name, "s3_key": "secret.txt"}
        assert_refused(server, send(server, "POST", CLONE, model), 403)
        assert_page(server, ask(server, "GET", f"/bookstore/clone?{urlencode(model)}"), 403)
    # What a client could take for the way into another bucket is none.
    keys = (
        "../{}/secret.txt",
        "..%2f{}%2fsecret.txt",
        "%2e%2e/{}/secret.txt",
        "%2E%2E%2F{}%2Fsecret.txt",
        "workspace/../../{}/secret.txt",
        "workspace/%2e%2e/%2e%2e/{}/secret.txt",
        "..\\{}\\secret.txt",
        "..;/{}/secret.txt",
        "/{}/secret.txt",
        "//{}/secret.txt",
        "workspace/a.ipynb?x=/../../{}/secret.txt",
        "?list-type=2&x={}",
        "#/{}/secret.txt",
        "workspace/\u2024\u2024/\uff0e\uff0e/{}/secret.txt",
    )
    for key in keys:
        named = key.format(foreign_bucket.name)
        for quoted in (named, quote(named, safe="")):
            model = {"s3_bucket": bucket, "s3_key": quoted, "target_path": "stolen.txt"}
            response = send(server, "POST", CLONE, model)
            assert response.status_code in (400, 404), (quoted, response.text)
            page = ask(server, "GET", f"/bookstore/clone?{urlencode(model)}")
            assert_page(server, page, 400, 404)
    assert not (server.root_dir / "stolen.txt").exists()


# Pages

BENIGN = "harmless"
INJECTIONS = [
    "</script><script>alert(1)</script></title><svg onload=alert(1)></textarea><iframe srcdoc=x>",
    "\"><img src=x onerror='alert(1)'>' onmouseover='alert(1)' x='\" autofocus onfocus=\"alert(1)",
    "javascript:alert(1){{ 7 * 7 }}{% include 'base.html' %}--><base href=http:&#47;&#47;a.test>",
    "\\u003cimg src=x onerror=alert(1)\\u003e\\<img src=x onerror=alert(1)>",
]


class Structure(HTMLParser):
    """The elements of a page and their attributes: what text cannot change where it is escaped."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, list[str]]] = []
        self.links: list[str] = []
        self.scripts = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("del", "ins"):  # as many as there are words that differ
            self.elements.append((tag, [name for name, _ in attrs]))
        named = dict(attrs)
        self.links += [named[name] or "" for name in ("href", "src", "action") if name in named]

    def handle_data(self, data: str) -> None:
        if self.elements and self.elements[-1][0] == "script":
            self.scripts += data.strip()


def assert_same_elements(
    server: JupyterServer, harmless: list[requests.Response], hostile: list[requests.Response]
) -> None:
    """Check that pages differ in nothing but text."""
    for one, other in zip(harmless, hostile, strict=True):
        assert_page(server, one, other.status_code)
        assert_page(server, other, one.status_code)
        structure = Structure(other.text)
        assert structure.elements == Structure(one.text).elements
        assert structure.scripts in ("", untrusted_script().strip())
        allowed = ("/", "http://127.0.0.1:", "?", "data:image/png;base64,")
        assert all(link.startswith(allowed) for link in structure.links)


ERROR_PAGES = [
    ("/bookstore/clone?s3_bucket=a%20@&s3_key=k", 400),
    ("/bookstore/clone?s3_bucket=BUCKET&s3_key=a//@", 400),
    ("/bookstore/clone?s3_bucket=BUCKET&s3_key=no-@", 404),
    ("/bookstore/clone?s3_bucket=BUCKET&s3_key=workspace/a.ipynb&s3_version_id=x%20@", 400),
    ("/bookstore/fs-clone?relpath=no-@", 404),
    ("/bookstore/versions/a.ipynb?in=@", 400),
    ("/bookstore/versions/a.ipynb?after=@", 400),
    ("/bookstore/versions/b//@", 400),
    ("/bookstore/diff/a.ipynb?base=x%20@", 400),
    ("/bookstore/view/no-@", 404),
    ("/bookstore/view/a.ipynb?version_id=x%20@", 400),
    ("/bookstore?in=@", 400),
]


@pytest.mark.parametrize("text", INJECTIONS)
def test_error_pages_show_what_was_asked_as_text(
    server: JupyterServer, bucket: str, text: str
) -> None:
    for path, status in ERROR_PAGES:
        url = path.replace("BUCKET", bucket)
        pages = [
            ask(server, "GET", url.replace("@", quote(value, safe=""))) for value in (BENIGN, text)
        ]
        assert pages[0].status_code == status, url
        assert_same_elements(server, pages[:1], pages[1:])


def pages_of(server: JupyterServer, bucket: str, name: str) -> list[requests.Response]:
    """Return the pages of a notebook of that name, that with its content last."""
    path = f"{name}.ipynb"
    (server.root_dir / path).parent.mkdir(parents=True, exist_ok=True)
    notebook = make_notebook()
    ids = []
    for text in (name, name + name):
        notebook["cells"][0]["source"] = text
        ids.append(put_version(server, path, json.dumps(notebook).encode()))
    # A version's name has fewer characters than a notebook's may have.
    given = "".join(filter(str.isprintable, name))[:100]
    named = send(server, "POST", f"/api/bookstore/name/{quote(path)}", {"name": given})
    assert named.status_code == 200, named.text
    (basedir(server) / path).parent.mkdir(parents=True, exist_ok=True)
    (basedir(server) / path).write_text("fine")
    source = {"s3_bucket": bucket, "s3_key": f"workspace/{path}", "target_path": name}
    urls = [
        f"/bookstore?{urlencode({'q': path})}",
        f"/bookstore?{urlencode({'q': 'nothing' + name})}",
        f"/bookstore/clone?{urlencode(source)}",
        f"/bookstore/fs-clone?{urlencode({'relpath': path, 'target_path': name})}",
        f"/bookstore/versions/{quote(path)}",
        f"/bookstore/cell/{quote(path)}?version_id={ids[0]}&cell=1",
        f"/bookstore/restore/{quote(path)}?version_id={ids[0]}",
        f"/bookstore/diff/{quote(path)}?base={ids[0]}&head={ids[1]}",
        f"/bookstore/view/{quote(path)}",
    ]
    return [ask(server, "GET", url) for url in urls]


@pytest.fixture(scope="module")
def harmless_pages(server: JupyterServer) -> list[requests.Response]:
    return pages_of(server, str(server.settings.get("s3_bucket", "local")), BENIGN)


@pytest.mark.parametrize("text", INJECTIONS)
def test_pages_show_what_there_is_as_text(
    server: JupyterServer, bucket: str, harmless_pages: list[requests.Response], text: str
) -> None:
    pages = pages_of(server, bucket, text)
    assert_same_elements(server, harmless_pages[:-1], pages[:-1])
    # What is in a notebook may have elements: the page's own policy has nothing of it run.
    view = pages[-1]
    assert_page(server, view)
    policy = view.headers["Content-Security-Policy"]
    popups = "allow-popups allow-popups-to-escape-sandbox"
    assert policy.startswith(f"sandbox allow-scripts allow-downloads {popups};")
    assert re.search(r"; default-src 'none'; script-src 'sha256-[^ ']+';", policy)
    (own,) = re.findall(r"script-src ([^;]+);", policy)
    digest = hashlib.sha256(untrusted_script().encode()).digest()
    assert own == f"'sha256-{base64.b64encode(digest).decode()}'"
    heads = [page.text.partition("</head>")[0] for page in (harmless_pages[-1], view)]
    assert Structure(heads[0]).elements == Structure(heads[1]).elements


@of_any_store
def test_the_static_files_are_guarded_and_nothing_else_is_served(server: JupyterServer) -> None:
    for name, kind in (("bookstore.css", "text/css"), ("bookstore.js", "javascript")):
        response = ask(server, "GET", f"/bookstore/static/{name}")
        assert response.status_code == 200
        assert kind in response.headers["Content-Type"]
        assert_guarded(response)
        etag = {"Authorization": f"token {server.token}", "If-None-Match": response.headers["Etag"]}
        assert ask(server, "GET", f"/bookstore/static/{name}", None, etag).status_code == 304
    for name in (".", "..", "...", "a.css", "..%2f__init__.py", "%2e%2e/__init__.py", "a%00.css"):
        response = ask(server, "GET", f"/bookstore/static/{name}")
        assert response.status_code in (403, 404), name
        assert "import" not in response.text


# Trust


def code_cell(**more: Any) -> dict[str, Any]:
    cell = {"cell_type": "code", "metadata": {}, "source": "1", "outputs": []}
    return cell | {"execution_count": None} | more


SCRIPT = {
    "output_type": "display_data",
    "metadata": {},
    "data": {"text/html": "<script>1</script>"},
}
UNTRUSTED = {
    "no outputs": [code_cell()],
    "no outputs, and says trusted": [code_cell(metadata={"trusted": True})],
    "an output": [code_cell(outputs=[SCRIPT])],
    "an output, and says trusted": [code_cell(metadata={"trusted": True}, outputs=[SCRIPT])],
    "some say trusted": [
        code_cell(metadata={"trusted": True}, outputs=[SCRIPT]),
        code_cell(outputs=[SCRIPT]),
        {"cell_type": "markdown", "metadata": {"trusted": True}, "source": "x"},
    ],
}


@pytest.mark.parametrize("minor", [4, 5])
@pytest.mark.parametrize("cells", UNTRUSTED.values(), ids=list(UNTRUSTED))
def test_clones_and_restored_notebooks_are_not_trusted(
    server: JupyterServer, bucket: str, cells: list[dict[str, Any]], minor: int
) -> None:
    if minor == 5:
        cells = [{**cell, "id": f"cell-{number}"} for number, cell in enumerate(cells)]
    notebook = {"nbformat": 4, "nbformat_minor": minor, "metadata": {}, "cells": cells}
    text = json.dumps(notebook).encode()
    version = put_version(server, "trust.ipynb", text)
    (basedir(server) / "trust.ipynb").write_bytes(text)
    clone = {"s3_bucket": bucket, "s3_key": "workspace/trust.ipynb", "s3_version_id": version}
    saved = [
        send(server, "POST", CLONE, clone).json(),
        send(server, "POST", FS_CLONE, {"relpath": "trust.ipynb"}).json(),
        send(server, "POST", "/api/bookstore/restore/trust.ipynb", {"version_id": version}).json(),
    ]
    for model in saved:
        assert_not_trusted(server, model["path"])


def assert_not_trusted(server: JupyterServer, path: str) -> None:
    for cell in server.get(path)["content"]["cells"]:
        # Front ends take what other cells say of themselves for nothing.
        if cell["cell_type"] == "code":
            assert cell["metadata"].get("trusted", False) is False
