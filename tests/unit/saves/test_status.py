"""The uploader's report: written by one process, read by all that share the outbox."""

from pathlib import Path

import pytest

from bookstore.saves.status import Archived, Report, Trouble

REPORT = Report(
    last_archived=Archived(path="a.ipynb", version_id="v1", saved_at="1", archived_at="2"),
    last_error=Trouble(path=None, message="It is away.", at="3"),
    versioned=True,
    problem="It is away.",
)


def test_a_report_is_read_as_it_was_written(tmp_path: Path) -> None:
    REPORT.write(tmp_path / "report")
    assert Report.read(tmp_path / "report") == REPORT


def test_without_a_report_nothing_is_known(tmp_path: Path) -> None:
    assert Report.read(tmp_path / "report") == Report()


@pytest.mark.parametrize(
    "damage", ["", "{", "[]", "\x00", '{"last_error": 1}', '{"last_error": {}}']
)
def test_what_is_damaged_is_left_out(tmp_path: Path, damage: str) -> None:
    (tmp_path / "report").write_text(damage)
    assert Report.read(tmp_path / "report") == Report()


def test_what_a_newer_release_adds_is_left_out(tmp_path: Path) -> None:
    REPORT.write(tmp_path / "report")
    written = (tmp_path / "report").read_text()
    (tmp_path / "report").write_text(written.replace('"path"', '"later": {}, "path"'))
    assert Report.read(tmp_path / "report") == REPORT
