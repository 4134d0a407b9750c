"""Bookstore's client: what it asks the server, and how results show themselves."""

import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import pytest

from bookstore.client import BookstoreClient, BookstoreError
from bookstore.client.results import CopyResult, Versions
from tests.support.stub_server import Answer, StubServer, opened, session

AddRecord = Callable[..., dict[str, Any]]

NOON = "2026-11-24T12:00:00.500000Z"
NOTEBOOK = {"cells": [], "metadata": {"nan": float("nan")}, "nbformat": 4, "nbformat_minor": 5}
PUBLISHED = {
    "s3_path": "s3://b/published/a.ipynb",
    "versionID": "v1",
    "clone_url": "http://127.0.0.1:1/bookstore/clone?s3_bucket=b&s3_key=published%2Fa.ipynb",
}


@pytest.fixture
def client(stub: StubServer, add_record: AddRecord, kernel: str) -> BookstoreClient:
    """A client in a.ipynb."""
    add_record(stub.url)
    stub.answers["GET /api/sessions"] = opened(session())
    return BookstoreClient("b")


def test_nothing_is_asked_before_it_is_needed(stub: StubServer, client: BookstoreClient) -> None:
    assert client.default_bucket == "b"
    assert repr(client) == "BookstoreClient()"
    assert client.publish_endpoint == f"{stub.url}/api/bookstore/publish/"
    assert client.clone_endpoint == f"{stub.url}/api/bookstore/clone"


def test_publish_sends_what_is_saved(stub: StubServer, client: BookstoreClient) -> None:
    saved = {"type": "notebook", "content": NOTEBOOK, "last_modified": NOON, "writable": True}
    for name in ("a.ipynb", "folder/b%20%C3%A9.ipynb"):
        stub.answers[f"GET /api/contents/{name}"] = Answer(saved)
        stub.answers[f"PUT /api/bookstore/publish/{name}"] = Answer(PUBLISHED)
    published = client.publish()
    assert (published.path, published.version_id) == ("a.ipynb", "v1")
    assert published.s3_path == PUBLISHED["s3_path"]
    assert published.clone_url == PUBLISHED["clone_url"]
    assert published.last_saved == datetime(2026, 11, 24, 12, 0, 0, 500_000, timezone.utc)
    assert published.model == PUBLISHED
    assert repr(published).splitlines() == [
        "Published a.ipynb as it was last saved, 2026-11-24 12:00:00 UTC.",
        "  at        s3://b/published/a.ipynb",
        "  version   v1",
        f"  to share  {PUBLISHED['clone_url']}",
    ]
    assert client.publish("/folder/b é.ipynb").path == "folder/b é.ipynb"
    body = stub.asked[-1].json
    assert body["type"] == "notebook"
    assert set(body) == {"type", "content"}
    assert str(body["content"]) == str(NOTEBOOK)
    assert stub.asked[-1].query == ""
    client.publish(replace=True)
    assert stub.asked[-1].query == "replace=true"


def test_a_notebook_that_is_not_there_is_not_published(client: BookstoreClient) -> None:
    with pytest.raises(BookstoreError, match=r"^There is no file a.ipynb on the Jupyter server at"):
        client.publish()


def test_clone_sends_what_is_wanted(stub: StubServer, client: BookstoreClient) -> None:
    stub.answers["POST /api/bookstore/clone"] = Answer(
        {"path": "a-1.ipynb", "s3_path": "s3://b/a.ipynb", "versionID": "v1", "url": "/notebooks/a"}
    )
    copy = client.clone(s3_key="a.ipynb")
    assert stub.asked[-1].json == {"s3_bucket": "b", "s3_key": "a.ipynb"}
    assert (copy.path, copy.source, copy.replaced) == ("a-1.ipynb", "s3://b/a.ipynb", False)
    assert repr(copy).startswith("a-1.ipynb is now a copy of s3://b/a.ipynb.\n")
    assert 'href="/notebooks/a"' in copy._repr_html_()
    client.clone("c", "a.ipynb", "x.ipynb", "v2")
    assert stub.asked[-1].json == {
        "s3_bucket": "c",
        "s3_key": "a.ipynb",
        "target_path": "x.ipynb",
        "s3_version_id": "v2",
    }


def test_clone_needs_a_bucket_and_a_key(stub: StubServer) -> None:
    with pytest.raises(BookstoreError, match="pass s3_bucket="):
        BookstoreClient(url=stub.url).clone(s3_key="a.ipynb")
    with pytest.raises(BookstoreError, match="pass s3_key="):
        BookstoreClient(url=stub.url).clone("b")
    assert stub.asked == []


def version(number: int, **more: Any) -> dict[str, Any]:
    return {
        "version_id": f"v{number}",
        "saved_at": NOON,
        "size": 12_345,
        "sha256": "ab",
        "author": "ann",
        "latest": False,
        "state": "archived",
        "path": "a.ipynb",
        "added later": 1,
    } | more


def test_versions_are_a_sequence_newest_first(stub: StubServer, client: BookstoreClient) -> None:
    stub.answers["GET /api/bookstore/versions/a.ipynb"] = Answer(
        {
            "versions": [
                version(2, state="pending", latest=True),
                version(1, size=None, notebook_id="1a", name="first"),
            ],
            "next": None,
        }
    )
    versions = client.versions()
    assert stub.asked[-1].query == "in=workspace&limit=100"
    assert [each.version_id for each in versions] == ["v2", "v1"]
    assert (len(versions), versions.more, versions.path) == (2, False, "a.ipynb")
    assert versions[0].latest
    assert versions[0].state == "pending"
    assert versions[0].size == 12_345
    assert versions[1:] == (versions[1],)
    assert repr(versions).splitlines() == [
        "a.ipynb: 2 versions.",
        "  version  saved                    size     by   name",
        "  v2       2026-11-24 12:00:00 UTC  12.3 kB  ann         latest  pending",
        "  v1       2026-11-24 12:00:00 UTC           ann  first",
    ]
    assert 'href="/bookstore/view/a.ipynb?in=workspace&amp;version_id=v2"' in versions._repr_html_()


def test_a_version_is_named(stub: StubServer, client: BookstoreClient) -> None:
    stub.answers["POST /api/bookstore/name/a.ipynb"] = Answer(version(1, name="sent to Ann"))
    named = client.name("sent to Ann")
    assert (named.version_id, named.name) == ("v1", "sent to Ann")
    assert stub.asked[-1].json == {"name": "sent to Ann", "note": ""}
    client.name("sent", named, note="without plots")
    assert stub.asked[-1].json == {"name": "sent", "note": "without plots", "version_id": "v1"}


def test_versions_are_asked_for_page_by_page(stub: StubServer, client: BookstoreClient) -> None:
    def pages() -> list[Answer]:
        return [
            Answer({"versions": [version(n) for n in range(200)], "next": "n/1"}),
            Answer({"versions": [version(n) for n in range(50)], "next": None}),
        ]

    place = "GET /api/bookstore/versions/b.ipynb"
    stub.answers[place] = pages()
    everything = client.versions("b.ipynb", limit=None, published=True)
    assert (len(everything), everything.more) == (250, False)
    assert stub.asked[-1].query == "in=published&limit=200&after=n%2F1"
    stub.answers[place] = pages()
    some = client.versions("b.ipynb", limit=210)
    assert stub.asked[-1].query == "in=workspace&limit=10&after=n%2F1"
    assert (len(some), some.more) == (210, True)
    assert repr(some).startswith("b.ipynb: the 210 newest versions, of more.\n")
    stub.answers[place] = pages()
    assert client.versions("b.ipynb", limit=200).more
    stub.answers[place] = Answer({"versions": [version(1, state="deleted")], "next": None})
    assert "href" not in client.versions("b.ipynb")._repr_html_()
    stub.answers[place] = Answer({"versions": [], "next": None})
    none = client.versions("b.ipynb")
    assert repr(none) == "There are no versions of b.ipynb."
    assert none._repr_html_() == "<p>There are no versions of b.ipynb.</p>"


def test_restore_takes_an_id_or_a_version(stub: StubServer, client: BookstoreClient) -> None:
    place = "/api/bookstore/versions/a.ipynb"
    stub.answers[f"GET {place}"] = Answer({"versions": [version(1)], "next": None})
    stub.answers["POST /api/bookstore/restore/a.ipynb"] = Answer({"path": "a.ipynb"})
    restored = client.restore(client.versions()[0])
    assert stub.asked[-1].json == {"version_id": "v1"}
    assert restored.replaced
    assert str(restored).startswith(
        "a.ipynb is now a copy of version v1 of a.ipynb. Reload it where it is open.\n"
    )
    stub.answers["POST /api/bookstore/restore/a.ipynb"] = Answer({"path": "b.ipynb"})
    assert not client.restore("v1", target_path="b.ipynb").replaced
    assert stub.asked[-1].json == {"version_id": "v1", "target_path": "b.ipynb"}


def test_a_difference_shows_what_changed(stub: StubServer, client: BookstoreClient) -> None:
    told = {
        "changes": "1 cell edited",
        "cells": {"edited": 1, "added": 0, "removed": 0, "moved": 0},
        "lines": ["1 cell edited", "", "Cell 3 edited", "- <b>old</b>", "+ new\x1b"],
        "diff": None,
    }
    stub.answers["GET /api/bookstore/diff/a.ipynb"] = Answer({"base": {}, "head": {}, **told})
    difference = client.diff("v1", "v2")
    assert stub.asked[-1].query == "base=v1&head=v2"
    assert (difference.edited, difference.added, difference.diff) == (1, 0, None)
    assert repr(difference).splitlines()[0] == "a.ipynb: 1 cell edited."
    assert repr(difference).splitlines()[-2:] == ["- <b>old</b>", "+ new\ufffd"]
    html = difference._repr_html_()
    assert 'href="/bookstore/diff/a.ipynb?base=v1&amp;head=v2"' in html
    assert "- &lt;b&gt;old&lt;/b&gt;</span>" in html
    told["lines"] = ["many cells edited", *["+ x"] * 1000]
    stub.answers["GET /api/bookstore/diff/a.ipynb"] = Answer(told)
    assert repr(client.diff("v1", "v2")).endswith("\n… 800 more lines: the page has them all.")


def test_status_tells_how_archiving_goes(stub: StubServer, client: BookstoreClient) -> None:
    told = {
        "release": "3.0",
        "description": "saves are archived to s3://b/workspace.",
        "features": {"archive_valid": True},
        "store": {"url": "http://s3", "versioned": False, "problem": "It keeps no versions."},
        "archive": {
            "pending": 2,
            "failed": 1,
            "last_archived": {"path": "a.ipynb", "version_id": "v", "archived_at": NOON},
            "last_error": {"path": "a.ipynb", "message": "It is full.", "at": NOON},
        },
        "added later": 1,
    }
    stub.answers["GET /api/bookstore"] = Answer(told)
    status = client.status()
    assert (status.release, status.model, status.archive["pending"]) == ("3.0", told, 2)
    assert status.features["archive_valid"]
    assert repr(status).splitlines() == [
        "Bookstore 3.0: saves are archived to s3://b/workspace.",
        "  pending        2",
        "  failed         1",
        "  store          It keeps no versions.",
        "  last archived  a.ipynb, 2026-11-24 12:00:00 UTC",
        "  last error     It is full. (2026-11-24 12:00:00 UTC)",
        f"  versions       {stub.url}/bookstore",
    ]
    assert 'href="/bookstore"' in status._repr_html_()
    stub.answers["GET /api/bookstore"] = Answer({"release": "3.0", "store": None})
    assert ">pending</td>" in client.status()._repr_html_()


EVIL = "<script>alert(1)</script>\"'&\x1b[2J\n"


def test_what_comes_from_outside_is_escaped(stub: StubServer, client: BookstoreClient) -> None:
    evil = version(1, version_id=EVIL, author=EVIL, state=EVIL)
    stub.answers["GET /api/bookstore/versions/a.ipynb"] = Answer({"versions": [evil]})
    stub.answers["POST /api/bookstore/clone"] = Answer(
        {"path": EVIL, "s3_path": EVIL, "versionID": EVIL, "url": "javascript:alert(1)"}
    )
    stub.answers["GET /api/contents/a.ipynb"] = Answer({"type": "notebook", "content": {}})
    stub.answers["PUT /api/bookstore/publish/a.ipynb"] = Answer(
        {"s3_path": EVIL, "versionID": EVIL, "clone_url": f"http://x/{EVIL}"}
    )
    stub.answers["GET /api/bookstore"] = Answer({"release": EVIL, "description": EVIL})
    shown: list[Any] = [
        client.versions(),
        client.clone(s3_key="a"),
        client.publish(),
        client.status(),
    ]
    for result in shown:
        html = result._repr_html_()
        assert "<script" not in html
        assert "javascript:" not in html
        assert "\x1b" not in html
        assert "\"'" not in html
        assert "\x1b" not in repr(result)
        assert "alert(1)" in repr(result)
    assert "at an unknown time" in repr(shown[2])


@pytest.mark.parametrize(
    "href", ["javascript:alert(1)", "//evil/x", "/\\evil/x", "data:,x", "./x", ""]
)
def test_only_addresses_of_the_web_become_links(href: str) -> None:
    from bookstore.client.results import Link, _html

    assert _html(Link("text", href)) == "text"


def test_links_of_a_told_server_name_it(stub: StubServer) -> None:
    stub.answers["GET /base/api/bookstore/versions/a.ipynb"] = Answer({"versions": [version(1)]})
    stub.answers["POST /base/api/bookstore/clone"] = Answer(
        {"path": "a", "url": "/base/lab/tree/a"}
    )
    client = BookstoreClient("b", url=f"{stub.url}/base/", path="a.ipynb")
    assert f'href="{stub.url}/base/bookstore/view/a.ipynb?' in client.versions()._repr_html_()
    assert f'href="{stub.url}/base/lab/tree/a"' in client.clone(s3_key="a")._repr_html_()


def test_a_link_to_share_goes_to_the_server_as_the_browser_knows_it(
    stub: StubServer, client: BookstoreClient
) -> None:
    stub.answers["GET /api/contents/a.ipynb"] = Answer({"type": "notebook", "content": {}})
    clone_url = f"{stub.url}/hub/user-redirect/bookstore/clone?s3_key=a"
    stub.answers["PUT /api/bookstore/publish/a.ipynb"] = Answer({"clone_url": clone_url})
    published = client.publish()
    assert 'href="/hub/user-redirect/bookstore/clone?s3_key=a"' in published._repr_html_()
    assert clone_url in repr(published)


def test_bookstore_that_is_not_enabled_is_told_in_a_sentence(
    stub: StubServer, client: BookstoreClient
) -> None:
    stub.answers["GET /api"] = Answer({"version": "2"})
    with pytest.raises(BookstoreError, match=r"^Bookstore is not enabled on the Jupyter server at"):
        client.status()
    del stub.answers["GET /api"]
    with pytest.raises(BookstoreError, match=r"^There is no Jupyter server at .* base_url"):
        client.status()


def test_the_servers_own_sentence_is_passed_on(stub: StubServer, client: BookstoreClient) -> None:
    says = {"message": "There is no version 'v9' of a.ipynb.", "reason": "Not Found"}
    stub.answers["POST /api/bookstore/restore/a.ipynb"] = Answer(says, 404)
    with pytest.raises(BookstoreError, match=r"^There is no version 'v9' of a.ipynb.$") as failure:
        client.restore("v9")
    assert failure.value.status == 404


def test_results_are_values() -> None:
    copy = {"path": "a", "source": "b", "replaced": False, "pages": None}
    assert CopyResult(**copy, model={}) == CopyResult(**copy, model={"more": 1})
    assert not Versions(path="a", items=(), more=False, section="", pages=None)  # type: ignore[arg-type]


def test_importing_the_client_loads_requests_and_little_else() -> None:
    code = """
import sys, requests
before = set(sys.modules)
import bookstore.client, bookstore.client.nb_client
print(*(name for name in set(sys.modules) - before if name.partition(".")[0] != "bookstore"))
"""
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert loaded == []
