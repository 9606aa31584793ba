"""``make bench``: every benchmark, printed with median and spread, and written to docs/benchmarks.md."""

from __future__ import annotations

import platform
import statistics
from pathlib import Path

import uvloop

from bench import texts

ROUNDS, MESSAGES = 5, 1000
PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"


async def measure() -> list[tuple[float, float]]:
    """Interleaved rounds of (bare loop, ours), in messages a second."""
    with texts.sink() as url:
        await texts.bare(url, 200)  # warm up
        return [(await texts.bare(url, MESSAGES), await texts.ours(url, MESSAGES)) for _ in range(ROUNDS)]


def page(rounds: list[tuple[float, float]]) -> str:
    ratios = [ours / bare for bare, ours in rounds]
    bare, ours = (statistics.median(column) for column in zip(*rounds, strict=True))
    return f"""# Benchmarks

Written by `make bench`. Each ratio is taken within one round; absolute figures belong to this machine and minute.

- machine: {platform.machine()}, Python {platform.python_version()}
- {ROUNDS} rounds of {MESSAGES} texts, {texts.CONCURRENCY} calls at once

Texts, SQLite: claim, send, settle and audit, against a loop of the Twilio client alone.

| bare loop | Handbell | ratio, median | ratio, lowest to highest |
|---|---|---|---|
| {bare:.0f}/s | {ours:.0f}/s | {statistics.median(ratios):.2f} | {min(ratios):.2f} to {max(ratios):.2f} |
"""


if __name__ == "__main__":
    text = page(uvloop.run(measure()))
    PAGE.write_text(text, "utf-8")
    print(text)
