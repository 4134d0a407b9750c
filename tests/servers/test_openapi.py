"""The servers answer as docs/openapi.yaml says, to what it allows and to what it does not."""

import itertools
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.support.notebooks import make_notebook
from tests.support.object_store import ObjectStore
from tests.support.servers import JupyterServer

pytestmark = pytest.mark.thorough

DESCRIPTION = Path(__file__).resolve().parents[2] / "docs" / "openapi.yaml"
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
schema = schemathesis.openapi.from_path(DESCRIPTION)


@pytest.fixture(scope="module", params=["embedded", "s3"])
def server(
    request: pytest.FixtureRequest, core_kind: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[JupyterServer]:
    """A server with a notebook of two versions and a file to clone."""
    directory = tmp_path_factory.mktemp("openapi")
    basedir = directory / "basedir"
    basedir.mkdir()
    (basedir / "a.txt").write_text("fine")
    with ExitStack() as stack:
        options: dict[str, Any] = {"store_url": "local", "clone_buckets": ["local"]}
        options["workspace_prefix"] = "workspace"
        if request.param == "s3":
            ceph: ObjectStore = request.getfixturevalue("ceph")
            bucket = ceph.new_bucket()
            stack.callback(bucket.remove)
            options = bucket.settings | {"clone_buckets": [bucket.name]}
        server = JupyterServer(core_kind, directory, fs_cloning_basedir=str(basedir), **options)
        stack.enter_context(server)
        (server.root_dir / "team").mkdir()
        for _ in range(2):
            server.save("team/a.ipynb", make_notebook())
        server.wait_until("archived")
        yield server
        assert "Traceback" not in server.log, server.log[-5000:]


def headers(server: JupyterServer) -> dict[str, str]:
    return {"Authorization": f"token {server.token}"}


def test_what_works_answers_as_described(server: JupyterServer) -> None:
    def ask(operation_id: str, **parts: Any) -> Any:
        case = schema.find_operation_by_id(operation_id).Case(**parts)
        answer = case.call_and_validate(base_url=server.url, headers=headers(server), checks=CHECKS)
        assert answer.status_code == 200, (operation_id, answer.text)
        asked.add(operation_id)
        return answer

    asked: set[str] = set()
    bucket = str(server.settings.get("s3_bucket", "local"))
    path = {"path": "team/a.ipynb"}
    model = {"type": "notebook", "content": make_notebook()}
    ask("status")
    ask("publish", path_parameters=path, body=model)
    newest, oldest = ask("versions", path_parameters=path).json()["versions"]
    version = {"version_id": oldest["version_id"]}
    ask("versions", path_parameters=path, query=version)
    ask("notebooks", query={"in": "published", "q": "A.IPY", "limit": 1})
    ask("nameVersion", path_parameters=path, body={"name": "before the review", **version})
    ask("bringCellBack", path_parameters=path, body={"cell": 1, **version})
    ask("restore", path_parameters=path, body=version)
    both = {"base": oldest["version_id"], "head": newest["version_id"]}
    ask("changes", path_parameters=path, query=both)
    ask("diff", path_parameters=path, query=both)
    source = {"s3_bucket": bucket, "s3_key": "workspace/team/a.ipynb"}
    ask("clone", body=source)
    ask("fsClone", body={"relpath": "a.txt", "target_path": None})
    ask("homePage")
    ask("clonePage", query=source)
    ask("clonePreview", query=source)
    ask("fsClonePage", query={"relpath": "a.txt"})
    ask("versionsPage", path_parameters=path)
    ask("diffPage", path_parameters=path, query=both)
    ask("restorePage", path_parameters=path, query=version)
    ask("cellPage", path_parameters=path, query={"cell": 1, **version})
    ask("viewPage", path_parameters=path, query=version)
    ask("staticFile", path_parameters={"file": "bookstore.js"})
    assert asked == {
        operation.ok().definition.raw["operationId"] for operation in schema.get_all_operations()
    }


# What is refused, and how, does not depend on the store. The program is told what to try, since its
# plugin of pytest would have each worker make the tests of all operations.
@pytest.mark.parametrize("server", ["s3"], indirect=True)
def test_each_operation_answers_as_described(server: JupyterServer, tmp_path: Path) -> None:
    options = {
        "--url": server.url,
        "--header": f"Authorization: {headers(server)['Authorization']}",
        "--checks": ",".join(check.__name__ for check in CHECKS),
        "--phases": "coverage,fuzzing",
        "--max-examples": "20",
    }
    done = subprocess.run(
        [
            Path(sys.executable).with_name("schemathesis"),
            "run",
            DESCRIPTION,
            *itertools.chain.from_iterable(options.items()),
            "--generation-deterministic",
            "--no-color",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
