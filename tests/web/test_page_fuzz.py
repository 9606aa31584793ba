"""Whatever is typed into a form of a page, or stands in its address: never a failure of ours.

More of it: ``HANDBELL_EXAMPLES=3000 pytest tests/web/test_page_fuzz.py``.
"""

from __future__ import annotations

import itertools
import os
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import staff
from support.website import Family, Running

from gateway.accounts.passwords import Passwords
from gateway.roles import Role
from gateway.web import app, entries, office, site
from gateway.web.entries import By

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

EXAMPLES: Final = int(os.environ.get("HANDBELL_EXAMPLES", "200"))
PAGES: Final = [file for file in Path(office.__file__).parent.rglob("*") if file.suffix in (".py", ".html")]
_NAMED: Final = r'(?: name=|\.get\(|getlist\(|\.one\(|\.all\(|form\[)"([\w.-]+)"'
#: Every field that a page shows or looks for, by the words of its own code.
FIELDS: Final = sorted({name for file in PAGES for name in re.findall(_NAMED, file.read_text())})
LONG: Final = "LONG"  #: stands for thousands of digits, which hypothesis had better not keep
VALUES: Final = st.text(st.characters(exclude_categories=["Cs"]), max_size=30) | st.sampled_from([
    "", " ", "1", "2", "0", "-1", "\u00b2", LONG, str(2**31), str(2**63), "1e9", "nan", "yes", "on", "sms", "email",
    "P1", "3A", "en", "pl", "send", "save", "all-clear", "approve", "refuse", "both", "a@example.com", "07700 900123",
    "2026-11-23", "0001-01-01", "9999-12-31", "2026-11-23T09:00", "0001-01-01T00:00+14:00", "9999-12-31T23:59-14:00",
    "09:00", "24:00", "25:61", "{{ 1 }}", "\0", "\ufffd\U0010ffff", "<b>", "../../etc/passwd", "%00", "[[]]",
])  # fmt: skip
FORM: Final = st.lists(st.tuples(st.sampled_from(FIELDS), VALUES), max_size=6)
PLACE: Final = st.just("1") | st.sampled_from([
    "2", "99", "0", "-1", str(2**31), str(2**63), LONG, "\u00b2", "x", "..", "a b", "\0", "reach", "2026-2", "term",
])  # fmt: skip
PLACES: Final = st.tuples(PLACE, PLACE, PLACE)


@pytest.fixture
async def desk(running: Running, family: Family) -> staff.Browser:
    """Whoever may do nearly everything."""
    return await staff.desk(running, Role.HEAD)


@pytest.fixture
def way_in(running: Running) -> Callable[[int], entries.Listed]:
    """Gives the page or link of a number, round and round: any but the way out."""
    here = site.Site(running.gateway, list, list, lambda: None, lambda: None, passwords=Passwords(staff.QUICK))
    listed = entries.listed(app.routes(here))
    found = [one for one in listed if one.by in (By.PERSON, By.LINK, By.ANYBODY) and one.path != "/sign-out"]
    return lambda number: found[number % len(found)]


@pytest.fixture
def seen() -> Counter[int]:
    """How often each status was answered."""
    return Counter()


@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.integers(0, 10_000), PLACES, FORM)
async def test_nothing_that_is_typed_breaks_a_page(
    desk: staff.Browser,
    way_in: Callable[[int], entries.Listed],
    seen: Counter[int],
    which: int,
    places: tuple[str, str, str],
    form: list[tuple[str, str]],
) -> None:
    one, at = way_in(which), itertools.cycle(places)
    path = re.sub(r"\{[^}]*\}", lambda _: quote(next(at).replace(LONG, "9" * 1500), safe=""), one.path)
    typed = [(name, value.replace(LONG, "1" * 5000)) for name, value in form]
    if one.changes:
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = await desk.ask("POST", path, data=urlencode([("csrf", desk.own), *typed]), headers=kind)
    else:
        answer = await desk.ask("GET", f"{path}?{urlencode(typed)}"[:60_000])
    seen[answer.status] += 1
    assert answer.status < 500, (one.methods, path)
    if seen.total() == EXAMPLES:
        assert seen[200] + seen[303] > EXAMPLES / 8, seen  # most is nonsense, and some of it is let in
        assert (await desk.get("/today")).status == 200, "still signed in"
