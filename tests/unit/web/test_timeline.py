"""The versions of a notebook by day and by burst."""

from datetime import datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bookstore.storage.base import format_time
from bookstore.web import timeline

NOON = datetime(2026, 11, 25, 12, tzinfo=timezone.utc)


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timeline, "utc_now", lambda: NOON)


def version(before_noon: timedelta, name: str = "") -> dict[str, Any]:
    return {"saved_at": format_time(NOON - before_noon), "name": name}


def shape(*versions: dict[str, Any]) -> list[tuple[str, list[int]]]:
    days = timeline.by_day(list(versions), timezone.utc)
    return [(day.heading, [len(burst.versions) for burst in day.bursts]) for day in days]


def test_days_have_the_names_that_people_use() -> None:
    ages = [timedelta(0), timedelta(hours=13), timedelta(days=2), timedelta(days=400)]
    assert [heading for heading, _ in shape(*map(version, ages))] == [
        "Today",
        "Yesterday",
        "Monday 23 November",
        "Tuesday 21 October 2025",
    ]


def test_days_begin_where_the_reader_is() -> None:
    versions = [version(timedelta(hours=13))]  # 23:00 of the day before, in UTC
    (day,) = timeline.by_day(versions, ZoneInfo("Europe/Berlin"))
    assert day.heading == "Today"


def test_saves_in_quick_succession_are_a_burst_and_named_ones_stand_alone() -> None:
    minute = timedelta(minutes=1)
    versions = [version(minute * number) for number in range(5)]
    versions += [version(minute * number) for number in range(30, 36)]
    assert shape(*versions) == [("Today", [5, 6])]
    versions[7]["name"] = "sent to Ann"
    assert shape(*versions) == [("Today", [5, 2, 1, 3])]


def test_bursts_are_folded_but_for_the_newest_and_the_short_ones() -> None:
    minute = timedelta(minutes=1)
    starts = (0, 30, 60)
    versions = [version(minute * (start + n)) for start in starts[:2] for n in range(4)]
    versions += [version(minute * (60 + n)) for n in range(3)]
    (day,) = timeline.by_day(versions, timezone.utc)
    assert [burst.is_folded for burst in day.bursts] == [False, True, False]
