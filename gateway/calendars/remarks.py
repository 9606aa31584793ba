"""What is odd in a calendar that can be read: sentences for whoever wrote it, and for ``handbell doctor``."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import pairwise

from gateway.calendars import bank_holidays, book

SOON = timedelta(days=60)  #: before the last term ends, somebody should add the next


def of(calendars: book.Calendars, today: date) -> list[str]:
    """Everything that is odd, school by school, feeds and closures of the day among it."""
    found = [remark for name in ("", *calendars.schools) for remark in _school(calendars, name, today)]
    known, written = bank_holidays.known().until, calendars.document
    if written.bank_holidays != "none" and any(term.last > known for term in written.terms):
        found.append(f"Bank holidays are known until {_long(known)}: write later ones as closed.")
    return found


def _school(calendars: book.Calendars, name: str, today: date) -> Iterator[str]:
    whose, year = f" of {name}" if name else "", calendars.year(name)
    terms = sorted(year.days.terms)
    if not terms:
        yield f"No terms{whose} are set: every weekday is a school day."
        return
    if terms[0][0] > today:
        yield f"The first term{whose} begins on {_long(terms[0][0])}: no day before it is a school day."
    if year.days.ends < today:
        yield f"The last term{whose} ended on {_long(year.days.ends)}: no day since is a school day."
    elif year.days.ends < today + SOON:
        yield f"The last term{whose} ends on {_long(year.days.ends)}: add the next year's."
    for (_, before), (after, _) in pairwise(terms):
        if after <= before:
            yield f"Two terms{whose} overlap on {_long(after)}."
    written = calendars.document
    for closed in written.schools[name].closed if name else written.closed:
        for day in closed.days():
            if not any(first <= day <= last for first, last in terms):
                yield f"{_long(day)}{whose} is closed ({closed.why}), and in no term."


def _long(day: date) -> str:
    return f"{day:%a %d %b %Y}"
