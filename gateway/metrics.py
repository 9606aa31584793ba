"""What Prometheus may ask. Names and units follow its conventions; labels never hold a name or a number."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from channels.base import Outcome, Reason, Receiver, SendResult

READY: Final = ("handbell_ready", "What /readyz says: 1, or 0 where something stands in the way")


class Metrics:
    """The counters of one daemon, and what the system says of its process."""

    def __init__(self) -> None:
        self.collected = CollectorRegistry()
        own: Any = {"registry": self.collected}  # not the library's own one, which all daemons of a process share
        ProcessCollector(**own)
        lane = ["medium", "priority"]
        self.calls = Counter(
            "handbell_provider_calls", "Provider calls by outcome", ["channel", "outcome", "reason"], **own
        )
        self._calls: dict[tuple[str, Outcome, Reason | None], Counter] = {}
        self.queued = Gauge("handbell_outbox_queued_messages", "Messages that wait", lane, **own)
        self.oldest = Gauge(
            "handbell_outbox_oldest_due_seconds", "How long the oldest due message has waited", lane, **own
        )
        self.hooks = Counter("handbell_webhooks", "Webhook calls by result", ["channel", "result"], **own)
        self.looks = Counter("handbell_looks", "Looks at a provider's lists by result", ["channel", "result"], **own)
        self.looked_up = Counter("handbell_looked_up_events", "Events that a look brought first", ["channel"], **own)
        self.receiving = Gauge(
            "handbell_receiver_up", "Whether mail can be taken in: 1, or 0 while it cannot", ["receiver"], **own
        )
        self.waiting = Gauge("handbell_conversations_waiting", "Conversations that wait for a person", **own)
        self.overdue = Gauge("handbell_conversations_overdue", "Conversations that nobody has answered in time", **own)
        self.tasks = Gauge("handbell_tasks_open", "Tasks that staff have not done yet", ["urgent"], **own)
        self.circuits = Gauge(
            "handbell_circuit_open",
            "Whether a sender's provider will not have us: 1, or 0 while it will",
            ["sender", "channel"],
            **own,
        )
        self.translated = Counter(
            "handbell_translation_characters", "Characters sent to the translation service", ["service"], **own
        )
        self.translation_failures = Counter(
            "handbell_translation_failures", "Questions that it did not answer", ["service", "trouble"], **own
        )
        self.unsealed = Gauge("handbell_audit_unsealed_lines", "Audit lines that are not chained yet", **own)
        self.unsealed_age = Gauge(
            "handbell_audit_oldest_unsealed_seconds", "How long the oldest of them has waited; 0 where all are", **own
        )
        self.ready = Gauge(*READY, **own)
        self.trial = Gauge("handbell_trial", "Whether only guests get anything: 1, or 0 once families do", **own)
        self.quiet = Gauge("handbell_quiet", "Whether what can wait waits for the morning: 1, else 0", **own)
        self.copy_age = Gauge(
            "handbell_backup_age_seconds", "How long ago the database was copied last; +Inf where it never was", **own
        )
        self.disk_free = Gauge("handbell_disk_free_bytes", "Room on the disk of the database and the locks", **own)
        self.ahead = Gauge(
            "handbell_provider_clock_ahead_seconds", "By how much the provider's clock is ahead of ours", ["channel"],
            **own,
        )  # fmt: skip
        self.stuck = Gauge("handbell_stuck_loops", "Loops and jobs that have not come round for too long", **own)
        self.loop_tasks = Gauge("handbell_event_loop_tasks", "Tasks of the event loop that are not done", **own)
        self.blocks = Gauge(
            "handbell_python_blocks", "Pieces of memory that Python holds: what grows for days is a leak", **own
        )
        self.seal_delay = Histogram(
            "handbell_audit_seal_delay_seconds",
            "How long the oldest line of each seal had waited: so long it could have been removed unseen",
            buckets=(0.5, 1, 2, 5, 15, 60, 300),
            **own,
        )
        self.job_seconds = Histogram("handbell_job_seconds", "How long each regular job takes", ["job"], **own)
        self.job_failures = Counter("handbell_job_failures", "Regular jobs that failed", ["job"], **own)

    def sent(self, channel: str, result: SendResult) -> None:
        """Count one provider call."""
        kind = (channel, result.outcome, result.reason)
        counter = self._calls.get(kind)
        if counter is None:  # looking it up costs the library more than counting
            counter = self.calls.labels(channel, result.outcome.value, result.reason.value if result.reason else "")
            self._calls[kind] = counter
        counter.inc()

    def watch(self, receiver: Receiver) -> None:
        """Show from now on whether a receiver is well."""
        self.receiving.labels(receiver.name).set_function(lambda: 0 if receiver.trouble else 1)

    def watch_process(self, stuck: Callable[[], Sequence[str]]) -> None:
        """Show from now on what of this process is stuck, how many tasks its loop has, and how much it holds."""
        self.stuck.set_function(lambda: len(stuck()))
        self.loop_tasks.set_function(lambda: len(asyncio.all_tasks()))
        self.blocks.set_function(sys.getallocatedblocks)

    def text(self) -> bytes:
        """The exposition text for ``/metrics``."""
        return generate_latest(self.collected)
