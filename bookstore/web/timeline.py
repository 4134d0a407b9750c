"""A notebook's versions day by day, those of one sitting together."""

from __future__ import annotations

from datetime import date, datetime, timedelta, tzinfo
from itertools import groupby
from typing import Any, NamedTuple

from ..storage.base import parse_time, utc_now

_LONGEST_GAP = timedelta(minutes=10)  # between two saves of a burst
_SMALLEST_FOLD = 4  # versions


class Burst(NamedTuple):
    """Saves of a day that followed each other quickly, newest first.

    Attributes
    ----------
    versions : list of dict
        Their JSON models.
    is_folded : bool
        Whether they are shown as one line at first.
    """

    versions: list[dict[str, Any]]
    is_folded: bool


class Day(NamedTuple):
    """The versions of a day."""

    heading: str
    bursts: list[Burst]


def by_day(versions: list[dict[str, Any]], zone: tzinfo) -> list[Day]:
    """Group the JSON models of versions, newest first.

    Bursts of less than four versions are not folded, nor is the newest. A version that has a name
    belongs to no burst, so that it is always seen.

    Parameters
    ----------
    versions : list of dict
    zone : tzinfo
        Where the days begin.
    """

    def day_of(version: dict[str, Any]) -> date:
        return _time(version).astimezone(zone).date()

    today = utc_now().astimezone(zone).date()
    days = []
    for day, of_day in groupby(versions, day_of):
        bursts: list[list[dict[str, Any]]] = []
        for version in of_day:
            if bursts and _belong_together(bursts[-1][-1], version):
                bursts[-1].append(version)
            else:
                bursts.append([version])
        days.append(
            Day(
                heading=_in_words(day, today),
                bursts=[
                    Burst(burst, len(burst) >= _SMALLEST_FOLD and burst[0] is not versions[0])
                    for burst in bursts
                ],
            )
        )
    return days


def _belong_together(newer: dict[str, Any], older: dict[str, Any]) -> bool:
    if newer["name"] or older["name"]:
        return False
    return abs(_time(newer) - _time(older)) <= _LONGEST_GAP


def _time(version: dict[str, Any]) -> datetime:
    return parse_time(version["saved_at"])


def _in_words(day: date, today: date) -> str:
    if day == today:
        return "Today"
    if day == today - timedelta(days=1):
        return "Yesterday"
    return f"{day:%A} {day.day} {day:%B}" + (f" {day.year}" if day.year != today.year else "")
