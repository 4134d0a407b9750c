"""Fixtures for what needs no server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.archive import Archive


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    archive = Archive(tmp_path)
    yield archive
    archive.outbox.close()
