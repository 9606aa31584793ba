"""What a seed decides: which notices are sent, who is killed when, and how the outside world misbehaves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

#: How often each victim is chosen. A database that is a file has no process.
_VICTIMS = {"gateway": 14, "all": 2, "world": 3, "database": 3}
_MOMENTS = ("call", "call", "call", "plan", "sweep", "random")
_PURPOSES = ("service", "service", "service", "good_news", "safeguarding", "emergency")


@dataclass(frozen=True, slots=True)
class Kill:
    """One kill.

    ``victim``  ``gateway`` (one process, by ``which``), ``all`` of them, ``world`` or ``database``
    ``moment``  ``call``: once ``calls`` further messages are taken by the provider, so mostly between a call and its
                commit; ``plan``: ``delay`` after a notice was handed in; ``sweep``: when a list is asked for evidence;
                ``random``: after ``delay``, be it during the start
    ``pause``   seconds until it is started again
    """

    victim: str
    which: int
    moment: str
    calls: int
    delay: float
    pause: float


@dataclass(frozen=True, slots=True)
class Order:
    """One notice. ``twin`` says the same words to the same families as the notice before it."""

    purpose: str
    medium: str
    twin: bool


def kills(seed: int, mode: str, count: int, *, workers: int, database: bool) -> Iterator[Kill]:
    """So many kills."""
    random = Random(f"{seed} {mode} kills")
    victims = {name: share for name, share in _VICTIMS.items() if name != "database" or database}
    for _ in range(count):
        victim = random.choices(list(victims), list(victims.values()))[0]
        yield Kill(
            victim,
            random.randrange(workers),
            random.choice(_MOMENTS),
            calls=random.randint(1, 30),
            delay=random.uniform(0.0, 0.6),
            pause=random.choice((0.0, 0.0, 0.0, random.uniform(0.0, 1.0))),
        )


def orders(seed: int, mode: str) -> Iterator[Order]:
    """Notices without end: three media in turn, now and then the same words twice."""
    random = Random(f"{seed} {mode} notices")
    while True:
        for medium in ("sms", "email", "voice", "sms"):
            purpose = random.choice(_PURPOSES)
            yield Order(purpose, medium, twin=False)
            if random.random() < 0.25:
                yield Order(purpose, medium, twin=True)


def faults() -> list[dict[str, Any]]:
    """How the outside world misbehaves all the time. Which request is hit is drawn by the simulator, by its seed."""
    found: list[dict[str, Any]] = []
    for place in ("messages.create", "calls.create"):
        for kind in (
            {"kind": "hang", "seconds": 2.0, "taken": True},
            {"kind": "hang", "seconds": 2.0},
            {"kind": "slow", "seconds": 1.7},
            {"kind": "cut", "taken": True},
            {"kind": "cut"},
            {"kind": "status", "status": 500, "taken": True},
            {"kind": "status", "status": 503},
            {"kind": "status", "status": 429},
            {"kind": "status", "status": 429, "retry_after": 1},
            {"kind": "garbage", "taken": True},
        ):
            found += [{"place": place, "count": None, "share": 0.006, **kind}]
    for place in ("messages.list", "calls.list"):
        for kind in (
            {"kind": "late", "seconds": 0.6, "share": 0.3},
            {"kind": "shuffle", "share": 0.1},
            {"kind": "half", "share": 0.02},
            {"kind": "status", "status": 500, "share": 0.02},
        ):
            found += [{"place": place, "count": None, **kind}]
    for kind in (
        {"kind": "cut", "taken": True, "share": 0.01},
        {"kind": "hang", "seconds": 2.0, "taken": True, "share": 0.005},
        {"kind": "cut", "share": 0.005},
        {"kind": "status", "share": 0.02},
    ):
        found += [{"place": "smtp.data", "count": None, **kind}]
    for kind in (
        {"kind": "late", "seconds": 1.5, "share": 0.1},
        {"kind": "double", "share": 0.2},
        {"kind": "shuffle", "share": 0.2},
        {"kind": "lose", "share": 0.05},
    ):
        found += [{"place": "receipts", "count": None, **kind}]
    return found
