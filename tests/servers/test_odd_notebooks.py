"""What Jupyter saves is given back byte for byte, also what is not as its schema has it."""

import base64
from typing import Any
from urllib.parse import quote

import pytest

from tests.support.notebooks import make_notebook
from tests.support.odd_notebooks import OPENED, TEXT, UNREADABLE
from tests.support.servers import JupyterServer, contents_url

BOTH = {**OPENED, **UNREADABLE}


def upload(server: JupyterServer, path: str, content: bytes) -> None:
    body = {"type": "file", "format": "base64", "content": base64.b64encode(content).decode()}
    answer = server.api("PUT", contents_url(path), json=body)
    assert answer.status_code in (200, 201), answer.text


@pytest.fixture(scope="module")
def uploaded(shared_server: JupyterServer) -> JupyterServer:
    """A server on which all of them are archived, and a common notebook in the place of each."""
    for name, content in BOTH.items():
        upload(shared_server, f"{name}.ipynb", content)
        shared_server.save(f"{name}.ipynb", make_notebook("now"))
    shared_server.wait_until("archived")
    return shared_server


def oldest(server: JupyterServer, name: str) -> str:
    versions = server.bookstore("GET", f"versions/{name}.ipynb")["versions"]
    return str(versions[-1]["version_id"])


def page(server: JupyterServer, name: str, **query: Any) -> bytes:
    query["version_id"] = oldest(server, name)
    answer = server.api("GET", f"/bookstore/view/{quote(name)}.ipynb", params=query)
    assert answer.status_code == 200, answer.text
    return answer.content


@pytest.mark.parametrize("name", OPENED)
def test_what_jupyter_opens_is_restored_cloned_shown_and_compared(
    uploaded: JupyterServer, name: str, store_settings: dict[str, Any]
) -> None:
    version_id = oldest(uploaded, name)
    assert TEXT.encode() in page(uploaded, name)

    target = {"version_id": version_id, "target_path": f"restored {name}.ipynb"}
    restored = uploaded.bookstore("POST", f"restore/{name}.ipynb", json=target)
    assert (uploaded.root_dir / restored["path"]).read_bytes() == OPENED[name]
    assert restored["type"] == "notebook"

    source = {
        "s3_bucket": store_settings.get("s3_bucket", "local"),
        "s3_key": f"workspace/{name}.ipynb",
        "s3_version_id": version_id,
        "target_path": f"cloned {name}.ipynb",
    }
    cloned = uploaded.bookstore("POST", "clone", json=source)
    assert (uploaded.root_dir / cloned["path"]).read_bytes() == OPENED[name]

    query = {"base": version_id}
    uploaded.bookstore("GET", f"diff/{name}.ipynb", params=query)


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_no_server_opens_is_given_back_in_its_place_only(
    uploaded: JupyterServer, name: str
) -> None:
    version_id = oldest(uploaded, name)
    assert b"These are its bytes" in page(uploaded, name)
    assert page(uploaded, name, download="1") == UNREADABLE[name]

    elsewhere = {"version_id": version_id, "target_path": f"elsewhere {name}.ipynb"}
    answer = uploaded.bookstore("POST", f"restore/{name}.ipynb", json=elsewhere, status=422)
    assert "This is not a notebook" in answer["message"]
    assert not (uploaded.root_dir / elsewhere["target_path"]).exists()

    uploaded.bookstore("POST", f"restore/{name}.ipynb", json={"version_id": version_id})
    assert (uploaded.root_dir / f"{name}.ipynb").read_bytes() == UNREADABLE[name]
