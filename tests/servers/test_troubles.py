"""What is wrong is said in a sentence; the save succeeds, and other notebooks go on."""

import json
import os
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.fault_proxy import FaultProxy
from tests.support.notebooks import make_notebook, text_of
from tests.support.object_store import Bucket, ObjectStore
from tests.support.ports import free_port
from tests.support.servers import JupyterServer
from tests.support.waiting import wait_for

StartServer = Callable[..., JupyterServer]

pytestmark = pytest.mark.thorough


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 2 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", disk], check=True)
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)


def test_a_full_disk_under_local_dir(
    core_kind: str, start_server: StartServer, bucket: Bucket, small_disk: Path
) -> None:
    server = start_server(core_kind, local_dir=str(small_disk / "local"), **bucket.settings)
    server.save("small.ipynb", make_notebook("before"))
    server.wait_until("archived")
    server.save("large.ipynb", make_notebook(size=3_000_000))
    archive = server.status()["archive"]
    assert archive["failed"] == 1
    assert archive["last_error"]["path"] == "large.ipynb"
    assert "No space left on device" in archive["last_error"]["message"]
    server.wait_for_log(archive["last_error"]["message"])
    assert "Traceback" not in server.log

    server.save("small.ipynb", make_notebook("after"))
    (small_disk / "filler").write_bytes(b"x" * 1_900_000)
    server.save("small.ipynb", make_notebook("nearly full"))
    server.wait_until("archived")
    bodies = bucket.bodies("workspace/small.ipynb")
    assert [text_of(body) for body in bodies] == ["before", "after", "nearly full"]


def test_a_local_dir_that_cannot_be_made(
    core_kind: str, start_server: StartServer, bucket: Bucket, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("not a directory")
    server = start_server(core_kind, local_dir=str(tmp_path / "file" / "local"), **bucket.settings)
    server.save("a.ipynb", make_notebook())
    archive = server.status()["archive"]
    assert archive["failed"] == 1
    assert "Not a directory" in archive["last_error"]["message"]
    server.wait_for_log("saves cannot be uploaded from")
    assert "Traceback" not in server.log


@pytest.mark.parametrize("damage", ["shortened", "overwritten", "a folder"])
def test_a_damaged_save_in_the_outbox(
    core_kind: str,
    start_server: StartServer,
    bucket: Bucket,
    fault_proxy: FaultProxy,
    damage: str,
) -> None:
    fault_proxy.mode = "refuse"
    server = start_server(
        core_kind,
        shutdown_timeout=1.0,
        **{**bucket.settings, "s3_endpoint_url": fault_proxy.endpoint_url},
    )
    for number in range(3):
        server.save("a.ipynb", make_notebook(f"{number}"))
        server.save("b.ipynb", make_notebook(f"{number}"))
    server.terminate()
    files = list(server.local_dir.glob("outbox/*/*.save"))
    records = {file: json.loads(file.read_bytes().splitlines()[-1]) for file in files}
    assert len(records) == 6
    of_a = [file for file in files if records[file]["path"] == "a.ipynb"]
    damaged = sorted(of_a, key=lambda file: records[file]["time"])[1]
    if damage == "shortened":
        os.truncate(damaged, 100)
    elif damage == "overwritten":
        damaged.write_bytes(os.urandom(damaged.stat().st_size))
    else:
        damaged.unlink()
        damaged.mkdir()
    fault_proxy.mode = "pass"
    server.restart()
    status = server.wait_until("archived")
    assert status["archive"]["failed"] == 1
    assert "cannot be archived: its file" in status["archive"]["last_error"]["message"]
    server.wait_for_log(status["archive"]["last_error"]["message"])
    assert [text_of(body) for body in bucket.bodies("workspace/a.ipynb")] == ["0", "2"]
    assert [text_of(body) for body in bucket.bodies("workspace/b.ipynb")] == ["0", "1", "2"]
    assert "Traceback" not in server.log


def test_credentials_that_are_corrected_need_no_restart(
    core_kind: str, start_server: StartServer, bucket: Bucket, tmp_path: Path
) -> None:
    file = tmp_path / "credentials"
    file.write_text("[default]\naws_access_key_id=test\naws_secret_access_key=stale\n")
    settings = {**bucket.settings, "s3_access_key_id": "", "s3_secret_access_key": ""}
    env = {"AWS_SHARED_CREDENTIALS_FILE": str(file)}
    server = start_server(core_kind, env=env, **settings)
    server.save("a.ipynb", make_notebook("first"))
    status = server.wait_until(lambda s: s["archive"]["last_error"])
    assert "refused Bookstore's credentials" in status["archive"]["last_error"]["message"]
    assert server.bookstore("GET", "versions/a.ipynb")["problem"]

    file.write_text("[default]\naws_access_key_id=test\naws_secret_access_key=testtest\n")
    server.wait_until("archived")
    assert bodies_as_text(bucket) == ["first"]
    wait_for(
        lambda: server.bookstore("GET", "versions/a.ipynb")["problem"] is None,
        "the server to list with the new credentials",
    )


def test_an_embedded_store_that_is_damaged_or_locked(
    core_kind: str, start_server: StartServer
) -> None:
    server = start_server(core_kind, store_url="local")
    for text in ("first", "second"):
        server.save("a.ipynb", make_notebook(text))
    server.wait_until("archived")
    listed = server.bookstore("GET", "versions/a.ipynb")
    index = server.local_dir / "store" / "index.sqlite"

    index.unlink()
    assert server.bookstore("GET", "versions/a.ipynb") == listed

    with closing(sqlite3.connect(index)) as other:
        other.execute("BEGIN EXCLUSIVE")
        answer = server.bookstore("GET", "versions/a.ipynb", status=503)
        assert "is locked" in answer["message"]
        assert server.api("GET", "/bookstore").status_code == 200
        server.save("a.ipynb", make_notebook("third"))
    server.wait_until("archived")
    assert len(server.bookstore("GET", "versions/a.ipynb")["versions"]) == 3

    version_id = listed["versions"][1]["version_id"]
    (blob,) = server.local_dir.glob(f"store/blobs/*/{version_id}")
    blob.write_bytes(blob.read_bytes().replace(b"first", b"other"))
    body = {"version_id": version_id}
    answer = server.bookstore("POST", "restore/a.ipynb", json=body, status=502)
    assert "is damaged: its bytes are not those that were archived" in answer["message"]
    assert text_of((server.root_dir / "a.ipynb").read_bytes()) == "third"


def test_a_bucket_without_versioning(
    core_kind: str, start_server: StartServer, ceph: ObjectStore
) -> None:
    bucket = ceph.new_bucket(versioned=False)
    server = start_server(core_kind, **bucket.settings)
    status = server.wait_until(lambda s: s["store"]["versioned"] is False)
    assert "does not keep versions" in status["store"]["problem"]
    server.wait_for_log(status["store"]["problem"])
    server.save("a.ipynb", make_notebook("first"))
    status = server.wait_until(lambda s: s["archive"]["last_error"])
    assert "so saves wait" in status["archive"]["last_error"]["message"]
    assert status["archive"]["pending"] == 1
    assert bucket.keys() == []

    set_versioning(bucket, "Enabled")
    server.wait_until("archived")
    server.wait_until(lambda s: s["store"]["versioned"] is True)
    assert bodies_as_text(bucket) == ["first"]
    bucket.remove()


def test_versioning_that_is_suspended_while_a_server_runs(
    core_kind: str, start_server: StartServer, bucket: Bucket
) -> None:
    server = start_server(core_kind, **bucket.settings)
    server.save("a.ipynb", make_notebook("first"))
    server.wait_until("archived")

    set_versioning(bucket, "Suspended")
    for text in ("second", "third"):
        server.save("a.ipynb", make_notebook(text))
    status = server.wait_until(lambda s: s["store"]["versioned"] is False)
    assert "so saves wait" in status["store"]["problem"]
    assert status["archive"]["pending"] == 2

    set_versioning(bucket, "Enabled")
    server.wait_until("archived")
    assert server.status()["store"] == {
        "url": bucket.settings["s3_endpoint_url"] + "/" + bucket.name,
        "versioned": True,
        "problem": None,
    }
    assert bodies_as_text(bucket) == ["first", "second", "third"]


def set_versioning(bucket: Bucket, status: str) -> None:
    bucket.store.client.put_bucket_versioning(
        Bucket=bucket.name, VersioningConfiguration={"Status": status}
    )


def bodies_as_text(bucket: Bucket) -> list[str]:
    return [text_of(body) for body in bucket.bodies("workspace/a.ipynb")]


def test_an_unversioned_bucket_that_is_allowed(
    core_kind: str, start_server: StartServer, ceph: ObjectStore
) -> None:
    bucket = ceph.new_bucket(versioned=False)
    server = start_server(core_kind, allow_unversioned=True, **bucket.settings)
    for text in ("first", "second"):
        server.save("a.ipynb", make_notebook(text))
    server.wait_until("archived")
    assert server.status()["store"]["versioned"] is False
    assert text_of(bucket.body("workspace/a.ipynb")) == "second"
    bucket.remove()


def test_a_bucket_that_does_not_exist_until_it_does(
    core_kind: str, start_server: StartServer, ceph: ObjectStore
) -> None:
    bucket = Bucket(ceph, "bookstore-made-later")
    server = start_server(core_kind, **bucket.settings)
    server.save("a.ipynb", make_notebook())
    status = server.wait_until(lambda s: s["archive"]["last_error"])
    assert "There is no bucket 'bookstore-made-later'" in status["archive"]["last_error"]["message"]
    server.wait_for_log("There is no bucket 'bookstore-made-later'")
    ceph.client.create_bucket(Bucket=bucket.name)
    ceph.client.put_bucket_versioning(
        Bucket=bucket.name, VersioningConfiguration={"Status": "Enabled"}
    )
    server.wait_until("archived")
    assert bucket.keys() == ["workspace/a.ipynb"]
    bucket.remove()


@pytest.mark.parametrize(
    ("endpoint", "says"),
    [
        ("http://127.0.0.1:{port}", "cannot be reached"),
        ("http://no-such-host.invalid", "cannot be reached"),
    ],
)
def test_a_bad_endpoint(
    core_kind: str, start_server: StartServer, endpoint: str, says: str
) -> None:
    server = start_server(
        core_kind,
        s3_bucket="bucket",
        s3_endpoint_url=endpoint.format(port=free_port()),
        s3_access_key_id="key",
        s3_secret_access_key="very-secret",
        shutdown_timeout=1.0,
    )
    server.save("a.ipynb", make_notebook())
    status = server.wait_until(lambda s: s["archive"]["last_error"] and s["store"]["problem"])
    assert says in status["archive"]["last_error"]["message"]
    assert says in status["store"]["problem"]
    assert status["archive"]["pending"] == 1
    assert server.terminate() == 0
    assert "Traceback" not in server.log
    assert "very-secret" not in server.log
