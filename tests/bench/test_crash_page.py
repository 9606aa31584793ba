"""What the crash laboratory writes: each mode's line at once, beside those of other runs."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from bench.crash import ledger, page, run
from channels.base import Medium


def result(mode: run.Mode, *, seed: int, lost: int = 0) -> run.Result:
    count = ledger.Count(messages=Counter({Medium.SMS: 12}), lost=lost)
    return run.Result(mode, seed, Counter({"gateway": 3}), count, ended=0, suffered=60, rested=60)


def test_a_mode_that_is_done_is_kept_whatever_becomes_of_the_next(tmp_path: Path) -> None:
    file = tmp_path / "reliability.md"
    first, second = run.MODES[0], run.MODES[3]
    page.write(result(second, seed=1, lost=7), file)
    file.write_text(file.read_text("utf-8") + "\n## Of others\n", "utf-8")
    page.write(result(first, seed=2), file)
    page.write(result(second, seed=3), file)
    text = file.read_text("utf-8")
    lines = list(page.rows(text).values())
    assert [line.split("|")[1:3] for line in lines] == [[f" {first.name} ", " 2 "], [f" {second.name} ", " 3 "]]
    assert "**7**" not in text
    assert text.endswith("## Of others\n")
    assert text.count(page.BEGIN) == text.count("## Killed again and again") == 1
