"""What is looked at while it runs, and whether it is flat."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from prometheus_client.parser import text_string_to_metric_families

MB: Final = 1_000_000
_WARM: Final = 0.25  #: the first part of a soak: pools, caches and compiled statements are filled then
_MEMORY: Final = 1.05  #: the last quarter may hold so many times the memory of the second one
_SPARE_MB: Final = 3.0  #: and so much more: the allocator's own coming and going
_BLOCKS: Final = 1.02  #: what Python itself holds is no matter of an allocator's, and comes back to what it was
_SPARE: Final = 5  #: files and tasks that may be open more, as a call is under way


@dataclass(frozen=True, slots=True)
class Sample:
    """One look.

    ``at`` is seconds from the beginning, ``late`` how long the oldest due message has waited, ``blocks`` the pieces of
    memory that Python holds: those are the program's, while ``rss_mb`` is what the system has given for them.
    """

    at: float
    rss_mb: float
    blocks: int
    files: int
    tasks: int
    queued: int
    late: float
    ready: bool


def read(text: str, *, at: float, ready: bool) -> Sample:
    """Read ``/metrics``."""
    found = dict[str, list[float]]()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append(sample.value)
    return Sample(
        at,
        found["process_resident_memory_bytes"][0] / MB,
        int(found["handbell_python_blocks"][0]),
        int(found["process_open_fds"][0]),
        int(found["handbell_event_loop_tasks"][0]),
        int(sum(found.get("handbell_outbox_queued_messages", []))),
        max(found.get("handbell_outbox_oldest_due_seconds", [0.0])),
        ready,
    )


def warm(samples: Sequence[Sample]) -> Sequence[Sample]:
    """Those after the beginning."""
    return samples[int(len(samples) * _WARM) :]


def slope(samples: Sequence[Sample]) -> float:
    """By how many MB an hour the memory grows, as a straight line through what was seen after the beginning."""
    seen = warm(samples)
    line = statistics.linear_regression([one.at / 3600 for one in seen], [one.rss_mb for one in seen])
    return line.slope


def quarters(samples: Sequence[Sample], of: Callable[[Sample], float]) -> tuple[float, float, float]:
    """The least of the second quarter, the third and the last one: what is held when nothing is going on."""
    size = max(len(samples) // 4, 1)
    second, third, last = samples[size : 2 * size], samples[-2 * size : -size], samples[-size:]
    return min(map(of, second)), min(map(of, third)), min(map(of, last))


def growing(samples: Sequence[Sample]) -> list[str]:
    """What has not stayed as it was, each a sentence."""
    found = []
    before, _, after = quarters(samples, lambda one: one.rss_mb)
    if after > before * _MEMORY + _SPARE_MB:
        found.append(f"memory grew from {before:.0f} to {after:.0f} MB")
    before, _, after = quarters(samples, lambda one: one.blocks)
    if after > before * _BLOCKS:
        found.append(f"what Python holds grew from {before:,.0f} to {after:,.0f} pieces")
    for name, of in (("open files", lambda one: one.files), ("tasks", lambda one: one.tasks)):
        before, _, after = quarters(samples, of)
        if after > before + _SPARE:
            found.append(f"{name} grew from {before:.0f} to {after:.0f}")
    return found
