"""The section of ``docs/reliability.md`` that ``make soak`` writes."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from bench.soak import run, samples

PAGE: Final = Path(__file__).parents[2] / "docs" / "reliability.md"
BEGIN, END = "<!-- begin: make soak -->", "<!-- end: make soak -->"


def section(result: run.Result) -> str:
    """The section, as Markdown."""
    load, seen = result.load, samples.warm(result.samples)
    where = "SQLite" if load.sqlite else "PostgreSQL"
    memory = " MB, ".join(f"{least:.0f}" for least in samples.quarters(result.samples, lambda one: one.rss_mb))
    blocks = ", ".join(f"{least:,}" for least in samples.quarters(result.samples, lambda one: one.blocks))
    files, tasks = [one.files for one in seen], [one.tasks for one in seen]
    faults = result.faults()
    verdict = "Everything stayed as it was." if not faults else f"**Not as it should be: {'; '.join(faults)}.**"
    return f"""## Loaded for long

Written by `make soak` (`python -m bench.soak`; an hour, or `--minutes`). `tests/bench/test_soak.py` does the same for
some seconds.

One gateway (`handbell run`, all roles) on {where} has {load.families} families told something every {load.every:g}
seconds, three texts to one email, for {load.seconds / 60:g} minutes, by a simulated provider in a process of its own
that calls back. All the while families answer, and Prometheus and browsers look. A trust of 8,000 families has as many
messages when each family gets {load.families / load.every * 3600 / 8000:.0f} in one hour. The first quarter does not
count: pools and caches fill.

| what | seen |
| --- | --- |
| messages that arrived, answers, pages asked for | {result.sent:,}, {result.answered:,}, {result.looked:,} |
| pieces of memory that Python held, at the least in the second, third and last quarter | {blocks} |
| memory that the system gave for them and for all else, likewise | {memory} MB |
| the latter, as a straight line | {samples.slope(result.samples):+.1f} MB an hour |
| open files | {min(files)} to {max(files)} |
| tasks of the event loop | {min(tasks)} to {max(tasks)} |
| the longest that a message was due, at a look | {max(one.late for one in result.samples):.0f} s |
| looks at which `/readyz` was not ready | {sum(not one.ready for one in result.samples)} of {len(result.samples)} |

{verdict}
"""


def write(result: run.Result, file: Path = PAGE) -> None:
    """Put the section into the page, in place of the one before; what others wrote there stays."""
    whole = file.read_text("utf-8")
    before, found, rest = whole.partition(BEGIN)
    after = rest.partition(END)[2] if found else "\n"
    file.write_text(f"{before.rstrip()}\n\n{BEGIN}\n{section(result).rstrip()}\n{END}{after}", "utf-8")
