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
_SPARE: Final = 5  #: files and tasks that may be open more, as a call is under way


@dataclass(frozen=True, slots=True)
class Sample:
    """One look. ``at`` is seconds from the beginning, ``late`` how long the oldest due message has waited."""

    at: float
    rss_mb: float
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


def quarters(samples: Sequence[Sample], of: Callable[[Sample], float]) -> tuple[float, float]:
    """The least of the second quarter and of the last one: what is held when nothing is going on."""
    size = max(len(samples) // 4, 1)
    return min(map(of, samples[size : 2 * size])), min(map(of, samples[-size:]))


def growing(samples: Sequence[Sample]) -> list[str]:
    """What has not stayed as it was, each a sentence."""
    found = []
    before, after = quarters(samples, lambda one: one.rss_mb)
    if after > before * _MEMORY + _SPARE_MB:
        found.append(f"memory grew from {before:.0f} to {after:.0f} MB")
    for name, of in (("open files", lambda one: one.files), ("tasks", lambda one: one.tasks)):
        before, after = quarters(samples, of)
        if after > before + _SPARE:
            found.append(f"{name} grew from {before:.0f} to {after:.0f}")
    return found
