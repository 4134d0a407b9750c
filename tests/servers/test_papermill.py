"""A scheduled run reads a version and writes one: a real papermill, a real kernel, Ceph."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.object_store import Bucket
from tests.support.servers import FOREIGN

pytestmark = [pytest.mark.once, pytest.mark.thorough]

Papermill = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def papermill(tmp_path: Path, bucket: Bucket) -> Papermill:
    """Runs papermill on a machine that knows Bookstore's settings from its environment."""
    inherited = {k: v for k, v in os.environ.items() if not k.upper().startswith(FOREIGN)}
    environment = {
        **inherited,
        **{f"JPYNB_{name.upper()}": value for name, value in bucket.settings.items()},
        "HOME": str(tmp_path),
        "PYTHONWARNINGS": "ignore",
    }

    def run(*arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "papermill", "--no-progress-bar", *arguments],
            env={**environment, **variables},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def notebook(source: str) -> bytes:
    cells = [
        {
            "cell_type": "code",
            "id": "only",
            "metadata": {},
            "execution_count": None,
            "outputs": [],
            "source": source,
        }
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    content = {"cells": cells, "metadata": {"kernelspec": kernel}}
    return json.dumps(content | {"nbformat": 4, "nbformat_minor": 5}).encode()


def printed(body: bytes) -> str:
    outputs: list[dict[str, Any]] = json.loads(body)["cells"][-1]["outputs"]
    return "".join("".join(output.get("text", "")) for output in outputs)


def test_a_run_is_pinned_to_a_version_and_its_output_is_one(
    papermill: Papermill, bucket: Bucket
) -> None:
    pinned = bucket.put("published/team/a report.ipynb", notebook("print('first', 6 * 7)"))
    bucket.put("published/team/a report.ipynb", notebook("print('second')"))
    source = "bookstore://published/team/a%20report.ipynb"
    target = "bookstore://workspace/runs/monday.ipynb"

    run = papermill(f"{source}?version_id={pinned}", target)
    assert run.returncode == 0, run.stderr
    assert [printed(body) for body in bucket.bodies("workspace/runs/monday.ipynb")] == [
        "first 42\n"
    ]
    (version,) = bucket.versions("workspace/runs/monday.ipynb")
    assert set(version.metadata) >= {"sha256", "saved-at", "save-id", "author"}

    run = papermill(source, target)
    assert run.returncode == 0, run.stderr
    bodies = bucket.bodies("workspace/runs/monday.ipynb")
    assert [printed(body) for body in bodies] == ["first 42\n", "second\n"]


def test_a_run_that_fails_leaves_what_it_led_to(papermill: Papermill, bucket: Bucket) -> None:
    bucket.put("published/bad.ipynb", notebook("print('so far')\n1 / 0"))
    run = papermill("bookstore://published/bad.ipynb", "bookstore://workspace/bad.ipynb")
    assert run.returncode != 0
    assert "ZeroDivisionError" in run.stderr
    assert "so far" in printed(bucket.bodies("workspace/bad.ipynb")[-1])


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("bookstore://published/none.ipynb", "There is no published/none.ipynb in the store."),
        ("bookstore://elsewhere/a.ipynb", "must be workspace or published, not 'elsewhere'"),
        ("bookstore://published/../a.ipynb", "is not a plain path"),
    ],
)
def test_what_cannot_be_read_is_said(papermill: Papermill, source: str, says: str) -> None:
    run = papermill(source, "output.ipynb")
    assert run.returncode != 0
    assert says in run.stderr


def test_an_output_that_the_store_does_not_take_is_kept(
    papermill: Papermill, bucket: Bucket, tmp_path: Path
) -> None:
    (tmp_path / "a.ipynb").write_bytes(notebook("print('kept')"))
    run = papermill(
        "a.ipynb", "bookstore://workspace/a.ipynb", JPYNB_S3_BUCKET="none", TMPDIR=str(tmp_path)
    )
    assert run.returncode != 0
    assert "There is no bucket 'none'" in run.stderr
    (kept,) = tmp_path.glob("bookstore-*.ipynb")
    assert str(kept) in run.stderr
    assert printed(kept.read_bytes()) == "kept\n"


def test_a_run_whose_output_cannot_be_written_does_not_begin(
    papermill: Papermill, tmp_path: Path
) -> None:
    (tmp_path / "a.ipynb").write_bytes(notebook("open('it ran', 'w').close()"))
    run = papermill("a.ipynb", "bookstore://workspace/a.ipynb", JPYNB_S3_BUCKET="")
    assert run.returncode != 0
    assert "No store is named" in run.stderr
    assert not (tmp_path / "it ran").exists()
