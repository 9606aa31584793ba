"""Charts as shapes: where each bar and point stands in an SVG, so that no script and no style is needed for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_TOP, _FLOOR, _EDGE = 40.0, 222.0, 20.0
_LINE_TOP, _LINE_FLOOR, _LEFT = 30.0, 156.0, 56.0
_WIDEST: Final = 100.0
_STEPS: Final = (5, 10, 15, 20, 30, 60, 120, 240)
_MOST_LINES: Final = 5


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar by its name; ``low`` is drawn in the colour that asks for somebody."""

    name: str
    value: int
    low: bool = False


@dataclass(frozen=True, slots=True)
class Point:
    """A moment of the day, in minutes, by the name of its week."""

    name: str
    minutes: int


@dataclass(frozen=True, slots=True)
class Placed:
    """A bar in its place."""

    bar: Bar
    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> float:
        """Where its words stand."""
        return self.x + self.width / 2


def placed(bars: Sequence[Bar], width: int) -> list[Placed]:
    """Bars side by side, as high as they are large."""
    step = (width - 2 * _EDGE) / max(1, len(bars))
    wide = min(step * 0.66, _WIDEST)
    most = max((bar.value for bar in bars), default=1) or 1
    return [
        Placed(bar, _EDGE + step * (n + 0.5) - wide / 2, _FLOOR - high, wide, high)
        for n, bar in enumerate(bars)
        for high in ((_FLOOR - _TOP) * bar.value / most,)
    ]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of moments: its points, and the heights at which the clock is written."""

    points: Sequence[tuple[float, float]]
    clocks: Sequence[tuple[str, float]]

    @property
    def path(self) -> str:
        """As ``points`` of a polyline."""
        return " ".join(f"{x:.1f},{y:.1f}" for x, y in self.points)


def line(points: Sequence[Point], width: int) -> Line:
    """Points from left to right, later moments higher."""
    low, high = min(one.minutes for one in points), max(one.minutes for one in points)
    step = next((one for one in _STEPS if (high - low) / one < _MOST_LINES - 1), _STEPS[-1])
    first, last = low // step * step, (high // step + 1) * step
    tall = (_LINE_FLOOR - _LINE_TOP) / (last - first)
    wide = (width - _LEFT - 24) / max(1, len(points) - 1)
    return Line(
        [(_LEFT + 6 + wide * n, _LINE_FLOOR - (one.minutes - first) * tall) for n, one in enumerate(points)],
        [(clock(at), _LINE_FLOOR - (at - first) * tall) for at in range(first, last + 1, step)],
    )


def minutes(written: object) -> int:
    """``9:58`` as minutes of the day."""
    hour, _, minute = str(written).partition(":")
    return int(hour) * 60 + int(minute)


def clock(at: int) -> str:
    """The other way round."""
    return f"{at // 60}:{at % 60:02}"
