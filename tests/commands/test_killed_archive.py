"""``archive``, killed midway and started again."""

from collections import Counter
from pathlib import Path

import psutil
import pytest

from tests.support.notebooks import make_notebook
from tests.support.object_store import Bucket
from tests.support.shell import Shell
from tests.support.waiting import wait_for

NOTEBOOKS = 1_000


@pytest.mark.once
@pytest.mark.thorough
def test_an_archive_that_was_killed_is_completed_without_duplicates(
    tmp_path: Path, bucket: Bucket
) -> None:
    shell = Shell(tmp_path, **bucket.settings)
    written = {
        path: shell.write(path, make_notebook(path))
        for path in (f"{n % 40}/{n}.ipynb" for n in range(NOTEBOOKS))
    }
    archiving = shell.start("archive", ".")
    wait_for(lambda: len(bucket.keys()) >= NOTEBOOKS // 10, "some of them in the bucket", 120, 0.1)
    processes = [*psutil.Process(archiving.pid).children(recursive=True), archiving]
    for process in processes:
        process.kill()
    archiving.wait(60)
    assert len(bucket.keys()) < NOTEBOOKS

    answer = shell.json("archive", ".")
    assert answer["archived"] + answer["unchanged"] == NOTEBOOKS
    assert answer["failed"] == []
    versions = Counter(
        entry["Key"]
        for page in bucket.store.client.get_paginator("list_object_versions").paginate(
            Bucket=bucket.name
        )
        for entry in page["Versions"]
    )
    assert versions == Counter(f"workspace/{path}" for path in written)
    again = shell.json("archive", ".")
    assert (again["archived"], again["unchanged"]) == (0, NOTEBOOKS)

    folder = tmp_path / "export"
    assert shell.json("export", str(folder))["fetched"] == NOTEBOOKS
    for path, content in written.items():
        assert (folder / "notebooks/workspace" / path).read_bytes() == content
