"""Fixtures for what needs no server."""

from pathlib import Path

import pytest

from tests.support.archive import Archive


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path)
