"""Reports as one page to read, print and hand on: all of it in the file, the bars drawn as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from importlib import resources

import jinja2

from gateway.reports import figures, sheets

_WIDE = 240  #: units of the longest bar
_HIGH = 18


def html(
    reports: Sequence[figures.Report], *, school: str, period: figures.Period, made: datetime, proof: str = ""
) -> str:
    """The page. ``made`` is when it was counted; ``proof`` a sentence about the audit log, ``""`` for none."""
    source = (resources.files("gateway.reports") / "page.html").read_text("utf-8")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    return environment.from_string(source).render(
        reports=reports,
        school=school,
        period=period,
        made=made.astimezone(period.timezone),
        proof=proof,
        shown=sheets.shown,
        bars=_bars,
        wide=_WIDE,
        high=_HIGH,
    )


def _bars(table: figures.Table) -> list[tuple[str, str, int]]:
    """For each row its name, what is drawn in words, and how long its bar is."""
    if not table.drawn:
        return []
    drawn = list(table.columns).index(table.drawn)
    values = [row[drawn] for row in table.rows]
    most = max([1.0, *(float(value) for value in values if isinstance(value, int | float))])
    lengths = [round(_WIDE * float(value) / most) if isinstance(value, int | float) else 0 for value in values]
    return [
        (str(row[0]), sheets.shown(value), length)
        for row, value, length in zip(table.rows, values, lengths, strict=True)
    ]
