"""``docs/metrics.md``: what Prometheus may ask."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import Counter, Gauge, Histogram

from channels.base import Medium, Outcome, Reason
from channels.translators.base import Trouble
from docs.writers import markdown
from gateway import metrics
from gateway.models.types import Purpose

_INTRO = """
`GET /metrics` answers in Prometheus's own format. It asks for no login and holds no personal data, but it is nobody's
business outside: let no proxy forward it (see [operations](operations.md)). Each process has counters of its own. The
gauges are worked out every 15 seconds by the processes that have the role `clock`. `process_…` is what the system says
of the process that is asked: its memory, open files, processor time and start. Rules for alerts and a board for Grafana
are in `config/monitoring`: see [monitoring](monitoring.md).
"""


def page() -> str:
    """Give the page."""
    return markdown.whole(_parts())


def _parts() -> Iterator[str]:
    yield markdown.head("Metrics", "gateway/metrics.py")
    yield _INTRO
    rows = [
        (markdown.code(name), kind, markdown.listed(one._labelnames), f"{one._documentation}.")
        for name, kind, one in found()
    ]
    yield markdown.table(("metric", "kind", "labels", "meaning"), rows)
    yield "## Labels"
    yield markdown.table(("label", "values"), _labels())


def found() -> list[tuple[str, str, Counter | Gauge | Histogram]]:
    """Every metric: its name as it is exposed, its kind, and Prometheus's own object."""
    every = [one for one in vars(metrics.Metrics()).values() if isinstance(one, Counter | Gauge | Histogram)]
    return [(_exposed(one), type(one).__name__.lower(), one) for one in every]


def _exposed(one: Counter | Gauge | Histogram) -> str:
    return f"{one._name}_total" if isinstance(one, Counter) else str(one._name)


def _labels() -> list[tuple[str, str]]:
    purposes: dict[int, list[str]] = {}
    for purpose in Purpose:
        purposes.setdefault(purpose.priority, []).append(purpose.value)
    lanes = "; ".join(f"`{lane}`: {', '.join(names)}" for lane, names in sorted(purposes.items()))
    return [
        ("`medium`", markdown.listed(Medium)),
        ("`priority`", f"{lanes}. The lowest number goes first."),
        ("`channel`", "the name of the channel, such as `twilio-sms` or `smtp`"),
        ("`outcome`", markdown.listed(Outcome)),
        ("`reason`", f"empty, or {markdown.listed(Reason)}"),
        ("`result`", "what came of a webhook call, such as `stored`, `forged` or `failed`"),
        ("`receiver`", "the name of the way in: `mail-in`"),
        ("`urgent`", "`yes` or `no`"),
        ("`sender`", "the number of a sender, as `handbell sender list` has it"),
        ("`service`", "the name of the translation service: `DeepL` or `LibreTranslate`"),
        ("`trouble`", markdown.listed(Trouble)),
        ("`job`", "the name of a regular job, such as `plan`, `sweep` or `seal`"),
    ]
