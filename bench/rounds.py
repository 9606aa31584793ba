"""Sides measured in turn: every ratio is taken within one round, so that a busy minute weighs on all of them alike."""

from __future__ import annotations

import math
import statistics
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

#: Runs once and gives how many things a second it did.
Side = Callable[[], Awaitable[float]]


@dataclass(frozen=True, slots=True)
class Rounds:
    """What each side reached, a second, round by round: ``rates["bare"][2]`` belongs to ``rates["ours"][2]``."""

    rates: Mapping[str, Sequence[float]]

    def ratios(self, side: str, against: str) -> list[float]:
        """One ratio for each round."""
        return [ours / theirs for ours, theirs in zip(self.rates[side], self.rates[against], strict=True)]


@dataclass(frozen=True, slots=True)
class Goal:
    """What issue 4 asks of a ratio: ``side`` to ``against``, at least so much (``None``: it is only shown)."""

    side: str
    against: str
    at_least: float | None = None
    note: str = ""


async def alternate(sides: Mapping[str, Side], *, rounds: int) -> Rounds:
    """Run every side once a round. The order turns round by round: nobody is always the first after a pause."""
    rates: dict[str, list[float]] = {name: [] for name in sides}
    names = list(sides)
    for number in range(rounds):
        shift = number % len(names)
        for name in names[shift:] + names[:shift]:
            rate = await sides[name]()
            rates[name].append(rate)
            say(f"round {number + 1} of {rounds}: {name} {rate:,.0f}/s")
    return Rounds(rates)


def table(measured: Rounds, goals: Sequence[Goal], *, unit: str = "messages a second") -> str:
    """Two tables, what each side reached and the ratios, then a sentence for each goal that is missed."""
    rates = [
        [name, f"{statistics.median(each):,.0f}", f"{min(each):,.0f} to {max(each):,.0f}"]
        for name, each in measured.rates.items()
    ]
    ratios = [_ratio(measured, goal) for goal in goals]
    parts = [rows(["side", f"{unit}, median", "lowest to highest"], rates)]
    if goals:
        parts.append(rows(["ratio", "median", "lowest to highest", "asked for"], ratios))
    return "\n".join([*parts, *missed(measured, goals)])


def _ratio(measured: Rounds, goal: Goal) -> list[str]:
    ratios = measured.ratios(goal.side, goal.against)
    asked = "" if goal.at_least is None else f"≥ {goal.at_least:.2f}"
    return [
        f"{goal.side} to {goal.against}",
        f"{statistics.median(ratios):.2f}",
        f"{min(ratios):.2f} to {max(ratios):.2f}",
        f"{asked} {goal.note}".strip(),
    ]


def missed(measured: Rounds, goals: Sequence[Goal]) -> list[str]:
    """A sentence for each goal that the median does not reach."""
    found = []
    for goal in goals:
        median = statistics.median(measured.ratios(goal.side, goal.against))
        if goal.at_least is not None and median < goal.at_least:
            found.append(
                miss(f"{goal.side} to {goal.against} is {median:.2f}, and at least {goal.at_least:.2f} is asked for")
            )
    return found


def miss(sentence: str) -> str:
    """How a page says that something is not reached."""
    return f"**Missed:** {sentence}.\n"


def rows(heads: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A Markdown table: words to the left in the first column, figures to the right in the others."""
    head = f"| {' | '.join(heads)} |\n|---|{'---:|' * (len(heads) - 1)}\n"
    return head + "".join(f"| {' | '.join(line)} |\n" for line in lines)


def percentile(values: Sequence[float], share: float) -> float:
    """The value that this share of all does not pass (nearest rank): 0.99 of 50 values is the greatest of them."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def say(line: str) -> None:
    """Print what has just been measured: nobody should think that it hangs."""
    print(f"  {line}", flush=True)
