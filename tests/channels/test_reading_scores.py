"""The ratchet: on the shared corpora we never read worse than docs/reading.md says."""

from __future__ import annotations

import re

import pytest

from bench import reading


def test_no_score_falls_below_the_page() -> None:
    if not (reading.corpora() / "bounces").is_dir():
        pytest.skip("The corpora are not on this machine: set HANDBELL_CORPORA to their folder.")
    told = re.findall(r"(?m)^\| ([^|]+) \| (\d+) \| (\d+) \|", reading.PAGE.read_text("utf-8"))
    page = {name: (int(every), int(right)) for name, every, right in told}
    ours = {one.name: (one.all, one.right["ours"]) for one in reading.scores(libraries=False)}
    assert set(page) == set(ours), "Write the page anew: python -m bench.reading"
    fallen = {name: (page[name], ours[name]) for name in ours if ours[name][1] < page[name][1]}
    assert fallen == {}
    missed = [name for name, (every, right) in ours.items() if ", must" in name and right < every]
    assert missed == []
