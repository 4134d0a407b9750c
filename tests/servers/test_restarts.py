"""No save is lost, or archived twice, however a server ends."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.fault_proxy import FaultProxy
from tests.support.notebooks import make_notebook, text_of
from tests.support.object_store import Bucket
from tests.support.servers import JupyterServer
from tests.support.waiting import wait_for

StartServer = Callable[..., JupyterServer]

pytestmark = pytest.mark.thorough


@pytest.fixture
def server(
    core_kind: str, start_server: StartServer, bucket: Bucket, fault_proxy: FaultProxy
) -> JupyterServer:
    return start_server(
        core_kind,
        shutdown_timeout=5.0,
        **{**bucket.settings, "s3_endpoint_url": fault_proxy.endpoint_url},
    )


def save_twenty(server: JupyterServer) -> None:
    for number in range(5):
        for path in "abcd":
            server.save(f"{path}.ipynb", make_notebook(f"{number}"))


def assert_all_twenty_arrived_once(bucket: Bucket) -> None:
    for path in "abcd":
        texts = [text_of(body) for body in bucket.bodies(f"workspace/{path}.ipynb")]
        assert texts == [f"{number}" for number in range(5)]


@pytest.mark.parametrize("mode", ["refuse", "lose_answer", "pass"])
def test_a_killed_servers_pending_saves_arrive_after_the_next_start(
    server: JupyterServer, bucket: Bucket, fault_proxy: FaultProxy, mode: str
) -> None:
    fault_proxy.mode = mode  # type: ignore[assignment]
    save_twenty(server)
    server.kill()
    fault_proxy.mode = "pass"
    server.restart()
    server.wait_until("archived")
    assert_all_twenty_arrived_once(bucket)


def test_a_killed_uploader_is_started_anew(
    server: JupyterServer, bucket: Bucket, fault_proxy: FaultProxy
) -> None:
    fault_proxy.mode = "lose_answer"
    save_twenty(server)
    wait_for(lambda: fault_proxy.seen["lose_answer"], "an upload without an answer")
    (uploader,) = server.uploaders()
    uploader.kill()
    fault_proxy.mode = "pass"
    server.wait_until("archived")
    assert_all_twenty_arrived_once(bucket)
    server.wait_for_log("the uploader ended with -9; starting it again")


def test_a_terminated_server_drains(server: JupyterServer, bucket: Bucket) -> None:
    server.restart(shutdown_timeout=60.0)
    save_twenty(server)
    assert server.terminate(timeout=120) == 0
    assert_all_twenty_arrived_once(bucket)
    assert "Traceback" not in server.log


@pytest.mark.parametrize("mode", ["refuse", "hang"])
def test_what_cannot_be_drained_waits_for_the_next_start(
    server: JupyterServer, bucket: Bucket, fault_proxy: FaultProxy, mode: str
) -> None:
    server.save("before.ipynb", make_notebook())
    server.wait_until("archived")
    fault_proxy.mode = mode  # type: ignore[assignment]
    save_twenty(server)
    assert server.terminate() == 0
    assert bucket.keys() == ["workspace/before.ipynb"]
    fault_proxy.mode = "pass"
    server.restart()
    server.wait_until("archived")
    assert_all_twenty_arrived_once(bucket)


def test_two_servers_on_one_local_dir_lose_nothing_and_repeat_nothing(
    core_kind: str, start_server: StartServer, bucket: Bucket, tmp_path: Path
) -> None:
    shared = {"local_dir": str(tmp_path / "shared"), **bucket.settings}
    first = start_server(core_kind, **shared)
    second = start_server(core_kind, **shared)
    for number in range(10):
        for server in (first, second):
            server.save("together.ipynb", make_notebook(f"{number}"))
        first.save("first.ipynb", make_notebook(f"{number}"))
        second.save("second.ipynb", make_notebook(f"{number}"))
    first.wait_until("archived")
    assert second.status()["archive"]["pending"] == 0
    # The one that uploaded ends; the other takes over.
    for server in (first, second):
        server.save("last.ipynb", make_notebook())
    first.kill()
    second.save("last.ipynb", make_notebook())
    second.wait_until("archived")
    second.terminate()
    numbers = [f"{number}" for number in range(10)]
    for name in ("first", "second"):
        assert [text_of(b) for b in bucket.bodies(f"workspace/{name}.ipynb")] == numbers
    together = [text_of(body) for body in bucket.bodies("workspace/together.ipynb")]
    assert together == [number for number in numbers for _ in range(2)]
    assert len(bucket.version_ids("workspace/last.ipynb")) == 3


def test_a_stopped_uploader_is_reported_and_loses_its_place(
    core_kind: str, start_server: StartServer, bucket: Bucket, tmp_path: Path
) -> None:
    shared = {"local_dir": str(tmp_path / "shared"), **bucket.settings}
    first, second = start_server(core_kind, **shared), start_server(core_kind, **shared)
    first.save("a.ipynb", make_notebook("0"))
    first.wait_until("archived")
    (stopped,) = first.uploaders()
    stopped.suspend()
    for server, text in ((first, "1"), (second, "2")):
        server.save("a.ipynb", make_notebook(text))
    status = second.wait_until(lambda s: s["archive"]["last_error"], timeout=120)
    assert "has shown no sign of life since" in status["archive"]["last_error"]["message"]
    assert status["archive"]["pending"] == 2

    # As long as its server runs, it may go on; after that, its place is taken.
    assert stopped.is_running()
    first.kill()
    second.wait_until("archived")
    assert [text_of(body) for body in bucket.bodies("workspace/a.ipynb")] == ["0", "1", "2"]
    assert second.status()["archive"]["last_error"] is None


def test_an_idle_uploader_exits_and_is_started_by_the_next_save(
    core_kind: str, start_server: StartServer, bucket: Bucket, tmp_path: Path
) -> None:
    # Python runs this at the start of each process.
    (tmp_path / "sitecustomize.py").write_text(
        "from bookstore.saves import worker; worker.IDLE_TIME = 1.0; worker._BEAT_INTERVAL = 0.1"
    )
    server = start_server(core_kind, **bucket.settings, env={"PYTHONPATH": str(tmp_path)})
    wait_for(lambda: not server.uploaders(), "the uploader to exit")
    for number in range(3):
        server.save("a.ipynb", make_notebook(f"{number}"))
        server.wait_until("archived")
        wait_for(lambda: not server.uploaders(), "the uploader to exit")
    assert [text_of(body) for body in bucket.bodies("workspace/a.ipynb")] == ["0", "1", "2"]
    assert "ended with" not in server.log


def test_saves_for_one_bucket_never_go_to_another(
    server: JupyterServer, bucket: Bucket, fault_proxy: FaultProxy
) -> None:
    fault_proxy.mode = "refuse"
    save_twenty(server)
    server.terminate()
    other = bucket.store.new_bucket()
    fault_proxy.mode = "pass"
    server.restart(s3_bucket=other.name)
    server.save("new.ipynb", make_notebook())
    server.wait_until("archived")
    assert other.keys() == ["workspace/new.ipynb"]
    server.restart(s3_bucket=bucket.name)
    server.wait_until("archived")
    assert_all_twenty_arrived_once(bucket)
    other.remove()
