"""Use a live server from save to clone, by plain HTTP, and look into its bucket.

    python -m ci.end_to_end http://localhost:8888 secret

The bucket is that of `ci/jupyter_server_config.py`, or the one that `JPYNB_S3_…` name.
"""

import argparse
import time
import uuid
from typing import Any

import requests

from ci.bucket import store
from ci.clone_request import clone

PATIENCE = 60  # seconds


def notebook(text: str) -> dict[str, Any]:
    """Make the contents model of a notebook with one cell of text."""
    cell = {"cell_type": "markdown", "id": "text", "metadata": {}, "source": text}
    content = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    return {"type": "notebook", "format": "json", "content": content}


def run(url: str, token: str) -> None:
    """Save three times, then list, restore, publish and clone; stop at the first difference.

    Raises
    ------
    requests.HTTPError
        If the server refuses a request.
    AssertionError
        If an answer, or the bucket, is not as it should be.
    """
    path = f"end-to-end-{uuid.uuid4().hex}.ipynb"
    session = requests.Session()
    session.headers["Authorization"] = f"token {token}"

    def ask(method: str, route: str, **body: Any) -> Any:
        answer = session.request(method, f"{url}/api/{route}", timeout=PATIENCE, **body)
        answer.raise_for_status()
        return answer.json()

    for number in range(3):
        ask("PUT", f"contents/{path}", json=notebook(f"save {number}"))

    deadline = time.monotonic() + PATIENCE
    while True:
        versions = ask("GET", f"bookstore/versions/{path}")["versions"]
        if all(version["state"] == "archived" for version in versions):
            break
        assert time.monotonic() < deadline, f"still pending after {PATIENCE} s: {versions}"
        time.sleep(0.2)
    print(f"{len(versions)} saves are archived.")

    client, bucket = store()
    listing = client.list_object_versions(Bucket=bucket, Prefix=f"ci-workspace/{path}")["Versions"]
    assert [version["VersionId"] for version in listing] == [v["version_id"] for v in versions]
    print("The bucket has the same versions, in the same order.")

    ask("POST", f"bookstore/restore/{path}", json={"version_id": versions[-1]["version_id"]})
    content = ask("GET", f"contents/{path}")["content"]
    assert content["cells"][0]["source"] == "save 0", content
    print("The first version is restored.")

    published = ask("PUT", f"bookstore/publish/{path}", json=notebook("published"))
    print(f"Published: {published['clone_url']}")
    _, model = clone(url, token, bucket, f"ci-published/{path}", published["versionID"])
    content = ask("GET", f"contents/{model['path']}")["content"]
    assert content["cells"][0]["source"] == "published", content
    print(f"Cloned to {model['path']}.")


def main() -> None:
    """Run against the server that the command line names."""
    parser = argparse.ArgumentParser(description="Use a live server from save to clone.")
    parser.add_argument("url")
    parser.add_argument("token")
    run(**vars(parser.parse_args()))


if __name__ == "__main__":
    main()
