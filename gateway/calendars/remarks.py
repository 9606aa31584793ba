"""What is odd in a calendar that can be read: sentences for whoever wrote it, and for ``handbell doctor``."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import pairwise

from gateway.calendars import bank_holidays, document, schooldays

SOON = timedelta(days=60)  #: before the last term ends, somebody should add the next


def of(written: document.Calendar, today: date) -> list[str]:
    """Everything that is odd, school by school."""
    found = [remark for name in ("", *sorted(written.schools)) for remark in _school(written, name, today)]
    known = bank_holidays.known().until
    if written.bank_holidays != "none" and any(term.last > known for term in written.terms):
        found.append(f"Bank holidays are known until {_long(known)}: write later ones as closed.")
    return found


def _school(written: document.Calendar, name: str, today: date) -> Iterator[str]:
    whose, year = f" of {name}" if name else "", schooldays.of(written, name)
    terms = sorted(year.days.terms)
    if not terms:
        yield f"No terms{whose} are set: every weekday is a school day."
        return
    if year.days.ends < today:
        yield f"The last term{whose} ended on {_long(year.days.ends)}: no day since is a school day."
    elif year.days.ends < today + SOON:
        yield f"The last term{whose} ends on {_long(year.days.ends)}: add the next year's."
    for (_, before), (after, _) in pairwise(terms):
        if after <= before:
            yield f"Two terms{whose} overlap on {_long(after)}."
    usual = bank_holidays.of(written.bank_holidays)
    for day, why in sorted(year.days.closed.items()):
        if day not in usual and not any(first <= day <= last for first, last in terms):
            yield f"{_long(day)}{whose} is closed ({why}), and in no term."


def _long(day: date) -> str:
    return f"{day:%a %d %b %Y}"
