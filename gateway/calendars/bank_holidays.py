"""Bank holidays, as published, by the part of the United Kingdom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from typing import Literal

from gateway import toml

Division = Literal["england-and-wales", "scotland", "northern-ireland", "none"]


@dataclass(frozen=True, slots=True)
class Known:
    """The days by division, each with its name, and the last day of which anything is known."""

    days: Mapping[str, Mapping[date, str]]
    until: date


@cache
def known() -> Known:
    """What ``bank_holidays.toml`` says."""
    place = resources.files("gateway.calendars") / "bank_holidays.toml"
    _, data = toml.read(place, shown="bank_holidays.toml")
    until = data.pop("known_until")
    days = {
        division: {date.fromisoformat(f"{year}-{one[:5]}"): one[6:] for year, listed in years.items() for one in listed}
        for division, years in data.items()
    }
    return Known(days, until)


def of(division: Division) -> Mapping[date, str]:
    """The bank holidays of a division; none of ``none``."""
    return known().days.get(division, {})
