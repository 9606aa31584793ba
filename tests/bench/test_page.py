"""What the benchmarks' page says: pieces that are kept, ratios within a round, and misses in plain words."""

from __future__ import annotations

import asyncio

import pytest

from bench import __main__ as runner
from bench import rounds


def test_a_piece_that_is_not_measured_again_stays_as_it_is() -> None:
    before = runner.page({"growth": "## Growth\n\nold\n", "texts": "## Texts\n\nold\n"})
    after = runner.page(runner.pieces(before) | {"texts": "## Texts\n\nnew\n"})
    assert runner.pieces(after) == {"texts": "## Texts\n\nnew\n", "growth": "## Growth\n\nold\n"}
    assert after.index("## Texts") < after.index("## Growth"), "in the order of the page, not of measuring"
    assert runner.pieces(runner.PAGE.read_text("utf-8")).keys() <= runner.PARTS.keys()


async def test_every_side_runs_once_a_round_and_not_always_first() -> None:
    order: list[str] = []

    async def side(name: str, rate: float) -> float:
        order.append(name)
        await asyncio.sleep(0)
        return rate

    measured = await rounds.alternate({"bare": lambda: side("bare", 100), "ours": lambda: side("ours", 60)}, rounds=2)
    assert order == ["bare", "ours", "ours", "bare"]
    assert measured.ratios("ours", "bare") == [0.6, 0.6]


def test_a_goal_that_is_missed_is_told_and_one_that_is_reached_is_not() -> None:
    # Ratios are taken within a round: the medians of each side alone would say 1.0 here.
    measured = rounds.Rounds({"bare": [100.0, 1000.0, 200.0], "ours": [50.0, 600.0, 200.0]})
    told = rounds.table(measured, [rounds.Goal("ours", "bare", 0.75)])
    assert "0.60" in told
    assert "0.50 to 1.00" in told
    assert "**Missed:** ours to bare is 0.60, and at least 0.75 is asked for." in told
    assert "Missed" not in rounds.table(measured, [rounds.Goal("ours", "bare", 0.55)])


@pytest.mark.parametrize(("share", "value"), [(0.5, 50), (0.99, 99), (1.0, 100), (0.001, 1)])
def test_percentiles_are_values_that_were_measured(share: float, value: int) -> None:
    assert rounds.percentile([float(n) for n in range(100, 0, -1)], share) == value
