"""What Prometheus may ask. Names and units follow its conventions; labels never hold a name or a number."""

from __future__ import annotations

from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from channels.base import Outcome, Reason, Receiver, SendResult


class Metrics:
    """The counters of one daemon."""

    def __init__(self) -> None:
        self.collected = CollectorRegistry()
        own: Any = {"registry": self.collected}  # not the library's own one, which all daemons of a process share
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

    def text(self) -> bytes:
        """The exposition text for ``/metrics``."""
        return generate_latest(self.collected)
