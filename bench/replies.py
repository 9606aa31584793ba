"""Replies: how well families' answers are understood, on a labelled set of our own, and how long one takes."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from gateway.understanding import library, reading
from gateway.understanding.meaning import Intent, Meaning

LABELLED = Path(__file__).parent.parent / "tests" / "understanding" / "replies.jsonl"
DAYS = LABELLED.with_name("days.jsonl")
MONDAY = date(2026, 11, 23)  #: the day on which the sentences about days were written
TODAY = date(2026, 11, 25)  #: a Wednesday; nothing that is measured depends on it


@dataclass(frozen=True, slots=True)
class Answer:
    """A labelled answer and what was made of it."""

    row: Mapping[str, Any]
    found: Meaning

    @property
    def right(self) -> bool:
        return bool(self.found.intent == self.row["intent"])

    @property
    def missed(self) -> bool:
        return bool(self.row["urgent"]) and not self.found.urgent


def answers(split: str, *, hinted: bool = False) -> list[Answer]:
    """Read every labelled answer of a part, with or without the family's language on file."""
    rows = [json.loads(line) for line in LABELLED.read_text("utf-8").splitlines()]
    return [
        Answer(row, reading.understand(row["text"], reading.Asked(TODAY, language=(hinted and row["language"]) or "")))
        for row in rows
        if row["split"] == split
    ]


@dataclass(frozen=True, slots=True)
class Spoken:
    """A sentence that names days, labelled, and what was made of it."""

    row: Mapping[str, Any]
    found: Meaning

    @property
    def right(self) -> bool:
        """Whether the first and the last day are right, and whether it is left to a person."""
        days = self.found.days
        told = {"since": days.since and days.since.isoformat(), "until": days.until and days.until.isoformat()}
        return {**told, "sure": days.sure} == {name: self.row[name] for name in ("since", "until", "sure")}


def days() -> list[Spoken]:
    """Read every labelled sentence that names days: until when a child is away, and what only mentions a day."""
    rows = [json.loads(line) for line in DAYS.read_text("utf-8").splitlines()]
    return [Spoken(row, reading.understand(row["text"], reading.Asked(MONDAY, ("Ana",)))) for row in rows]


async def section(*, quick: bool) -> str:
    """The figures of both parts, and the confusion table of the held-out one."""
    library.load()
    begun = time.perf_counter()
    held = answers("held")
    each = (time.perf_counter() - begun) / len(held)
    tuned = [] if quick else answers("tuned")
    parts = {"held out": held, "held out, language on file": answers("held", hinted=True), "tuned on": tuned}
    figures = "\n".join(_figures(name, found) for name, found in parts.items() if found)
    spoken = days()
    return f"""## Replies

Intents, urgency, codes on {len(held) + len(tuned):,} labelled answers of our own (`tests/understanding/replies.jsonl`,
{len({one.row["language"] for one in [*held, *tuned] if one.row["language"]})} languages and scripts). Of the held-out
part only figures were looked at while the rules were made. But one hand wrote both: of other families' words expect
less, as [replies](replies.md#words-that-nobody-had-read-before) says. One answer took {each * 1000:.1f} ms.

| part | answers | intent right | urgent missed | of urgent | false alarms | code right | opt-outs invented |
|---|---:|---:|---:|---:|---:|---:|---:|
{figures}

Days: of {len(spoken)} labelled sentences that name some (`days.jsonl`; made with the rules, so none is a surprise),
{sum(one.right for one in spoken)} give the first and the last day away as they should.

{_confusion(held)}

{_languages([*held, *tuned])}
"""


def _figures(name: str, found: Sequence[Answer]) -> str:
    right = sum(one.right for one in found) / len(found)
    urgent = [one for one in found if one.row["urgent"]]
    alarms = sum(one.found.urgent for one in found if not one.row["urgent"])
    codes = sum(one.found.code == one.row["code"] for one in found) / len(found)
    invented = sum(one.found.intent is Intent.OPT_OUT and one.row["intent"] != "opt_out" for one in found)
    missed = sum(one.missed for one in urgent)
    return f"| {name} | {len(found)} | {right:.1%} | {missed} | {len(urgent)} | {alarms} | {codes:.1%} | {invented} |"


def _confusion(found: Iterable[Answer]) -> str:
    """Rows: what it is. Columns: what was found, by the first letters."""
    counted = Counter((one.row["intent"], one.found.intent.value) for one in found)
    names = [one.value for one in Intent]
    head = "| it is ↓, found → | " + " | ".join(name[:7] for name in names) + " |"
    lines = [f"| {name} | " + " | ".join(str(counted[name, other] or "") for other in names) + " |" for name in names]
    return "\n".join([head, "|---|" + "---:|" * len(names), *lines])


def _languages(found: Iterable[Answer]) -> str:
    every, right = Counter[str](), Counter[str]()
    for one in found:
        every[one.row["language"] or "any"] += 1
        right[one.row["language"] or "any"] += one.right
    told = ", ".join(f"{name} {right[name]}/{every[name]}" for name, _ in every.most_common())
    return f"Intents right by language, both parts: {told}."
