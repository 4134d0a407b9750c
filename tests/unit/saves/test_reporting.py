"""What the uploader reports of many saves: not each of them, but always the last."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bookstore.saves.outbox import Outbox, Save
from bookstore.saves.status import Report
from bookstore.saves.worker import Reporting
from bookstore.storage import Version
from bookstore.storage.base import utc_now

RECORD = {"key": "w/a.ipynb", "author": "ann", "release": "1"}


@pytest.fixture
def outbox(tmp_path: Path) -> Outbox:
    outbox = Outbox(tmp_path, "the store")
    outbox.create()
    return outbox


@pytest.fixture
def reporting(outbox: Outbox) -> Iterator[Reporting]:
    events = os.open(os.devnull, os.O_WRONLY)
    yield Reporting(outbox, events)
    os.close(events)


def queued(reporting: Reporting, outbox: Outbox, path: str) -> Save:
    save = outbox.load(outbox.add_content(b"{}", path=path, **RECORD))
    assert save
    reporting.queued(save)
    return save


def archive(reporting: Reporting, save: Save) -> None:
    version = Version(key=save.key, version_id=save.save_id, stored_at=utc_now(), size=save.size)
    reporting.archived(save, version)


def last_archived(outbox: Outbox) -> str | None:
    last = Report.read(outbox.report_file).last_archived
    return last.path if last else None


def test_the_last_of_many_saves_is_reported_at_once(outbox: Outbox, reporting: Reporting) -> None:
    first, second = (queued(reporting, outbox, path) for path in ("1.ipynb", "2.ipynb"))
    archive(reporting, first)
    assert last_archived(outbox) is None
    archive(reporting, second)
    assert last_archived(outbox) == "2.ipynb"


def test_while_others_wait_what_is_archived_is_reported_with_their_number(
    outbox: Outbox, reporting: Reporting
) -> None:
    first, _ = (queued(reporting, outbox, path) for path in ("1.ipynb", "2.ipynb"))
    archive(reporting, first)
    reporting.count()
    assert last_archived(outbox) == "1.ipynb"


def test_a_save_that_was_not_archived_for_want_of_a_change_leaves_no_report_unwritten(
    outbox: Outbox, reporting: Reporting
) -> None:
    first, second = (queued(reporting, outbox, path) for path in ("1.ipynb", "2.ipynb"))
    archive(reporting, first)
    reporting.archived(second, None)
    assert last_archived(outbox) == "1.ipynb"
