"""Whatever the store does, every save answers, and arrives once when the store is well again."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.fault_proxy import FaultProxy
from tests.support.notebooks import make_notebook, text_of
from tests.support.object_store import Bucket
from tests.support.servers import JupyterServer
from tests.support.waiting import wait_for

StartServer = Callable[..., JupyterServer]

pytestmark = pytest.mark.thorough

SAID = {
    "refuse": "cannot be reached",
    "unavailable": "is not ready: it answered 503",
    "deny": "refused Bookstore's credentials",
    "cut_upload": "cannot be reached",
    "lose_answer": "cannot be reached",
    "hang": "cannot be reached",
}


@pytest.mark.parametrize("mode", ["refuse", "unavailable", "deny", "cut_upload", "lose_answer"])
def test_saves_made_during_an_outage_arrive_after_it(
    core_kind: str,
    start_server: StartServer,
    bucket: Bucket,
    fault_proxy: FaultProxy,
    mode: Any,
) -> None:
    _through_an_outage(core_kind, start_server, bucket, fault_proxy, mode, size=0)


def test_a_hanging_store_holds_up_no_save(
    core_kind: str, start_server: StartServer, bucket: Bucket, fault_proxy: FaultProxy
) -> None:
    _through_an_outage(core_kind, start_server, bucket, fault_proxy, "hang", size=0)


@pytest.mark.parametrize("mode", ["cut_upload", "lose_answer"])
def test_large_uploads_that_break_off_arrive_once(
    core_kind: str,
    start_server: StartServer,
    bucket: Bucket,
    fault_proxy: FaultProxy,
    mode: Any,
) -> None:
    _through_an_outage(core_kind, start_server, bucket, fault_proxy, mode, size=5_000_000)


def _through_an_outage(
    kind: str, start_server: StartServer, bucket: Bucket, proxy: FaultProxy, mode: Any, size: int
) -> None:
    server = start_server(kind, **{**bucket.settings, "s3_endpoint_url": proxy.endpoint_url})
    server.save("before.ipynb", make_notebook())
    server.wait_until("archived")
    proxy.mode = mode
    texts = [f"{number}" for number in range(5)]
    for text in texts:
        for path in ("a.ipynb", "b.ipynb"):
            server.save(path, make_notebook(text, size=size))
    if mode != "refuse":  # connections that are refused cannot be counted
        wait_for(lambda: proxy.seen[mode], f"an upload to meet {mode}", timeout=60)
    status = server.wait_until(lambda s: s["archive"]["last_error"], timeout=90)
    if mode != "lose_answer":  # there a save arrives after all, and the next has its turn
        assert status["archive"]["pending"] == 10
    assert status["archive"]["failed"] == 0
    assert SAID[mode] in status["archive"]["last_error"]["message"]
    server.wait_for_log(SAID[mode])
    assert "Traceback" not in server.log
    assert bucket.store.secret_access_key not in server.log
    server.save("a.ipynb", make_notebook("during", size=size))

    proxy.mode = "pass"
    server.wait_until("archived", timeout=120)
    assert archived_texts(bucket, "workspace/a.ipynb") == [*texts, "during"]
    assert archived_texts(bucket, "workspace/b.ipynb") == texts
    server.wait_for_log("the store takes saves again")


def archived_texts(bucket: Bucket, key: str) -> list[str]:
    return [text_of(body) for body in bucket.bodies(key)]


def test_a_slow_store_slows_no_save(
    core_kind: str, start_server: StartServer, bucket: Bucket, fault_proxy: FaultProxy
) -> None:
    server = start_server(
        core_kind, **{**bucket.settings, "s3_endpoint_url": fault_proxy.endpoint_url}
    )
    fault_proxy.mode = "slow"
    for number in range(3):
        server.save("a.ipynb", make_notebook(f"{number}"))
    wait_for(lambda: fault_proxy.seen["slow"], "a slow answer")
    # All three are saved while the first upload is still unanswered.
    assert server.status()["archive"]["pending"] == 3
    server.wait_until("archived")
    assert archived_texts(bucket, "workspace/a.ipynb") == ["0", "1", "2"]


def test_a_notebook_the_store_will_not_take_does_not_hold_up_others(
    core_kind: str, start_server: StartServer, bucket: Bucket
) -> None:
    denied = f"arn:aws:s3:::{bucket.name}/workspace/denied.ipynb"
    statement = {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": denied}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    client = bucket.store.client
    client.put_bucket_policy(Bucket=bucket.name, Policy=json.dumps(policy))
    server = start_server(core_kind, **bucket.settings)
    server.save("denied.ipynb", make_notebook())
    server.save("b.ipynb", make_notebook())
    status = server.wait_until(
        lambda s: s["archive"]["last_archived"] and s["archive"]["last_error"]
    )
    assert status["archive"]["last_archived"]["path"] == "b.ipynb"
    assert status["archive"]["last_error"]["path"] == "denied.ipynb"
    assert "AccessDenied" in status["archive"]["last_error"]["message"]
    server.save("c.ipynb", make_notebook())
    server.wait_until(lambda s: s["archive"]["last_archived"]["path"] == "c.ipynb")
    client.delete_bucket_policy(Bucket=bucket.name)
    server.wait_until("archived")


def test_a_notebook_with_a_key_that_no_store_takes_is_told_of(
    core_kind: str, start_server: StartServer, bucket: Bucket
) -> None:
    # Keys end at 1024 bytes, file systems allow longer paths.
    server = start_server(core_kind, **{**bucket.settings, "workspace_prefix": "p" * 900})
    long_path = "/".join(["d" * 100] * 2) + "/a.ipynb"
    (server.root_dir / long_path).parent.mkdir(parents=True)
    server.save(long_path, make_notebook())
    status = server.status()["archive"]
    assert (status["pending"], status["failed"]) == (0, 1)
    assert "more than the 1024 bytes" in status["last_error"]["message"]
