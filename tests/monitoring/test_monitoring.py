"""The rules for alerts and the board: they name metrics that there are, Prometheus can read them, and each rule fires.

``promtool`` is part of Debian's package ``prometheus``; where it is missing its tests are skipped, but not in CI.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway import can_send, metrics
from gateway.doctor import keeping

FOLDER = Path(__file__).resolve().parents[2] / "config" / "monitoring"
RULES, BOARD = FOLDER / "alerts.yml", FOLDER / "board.json"
#: A series of each alert that must bring it about in half an hour; ``{}`` stands for its labels.
FIRING = {
    "HandbellDown": 'up{job="handbell"} 0x40',
    "HandbellNotReady": "handbell_ready 0x40",
    "HandbellAlarmLate": 'handbell_outbox_oldest_due_seconds{medium="sms",priority="0"} 0+60x40',
    "HandbellAbsenceLate": 'handbell_outbox_oldest_due_seconds{medium="sms",priority="1"} 0+60x40',
    "HandbellAnnouncementLate": 'handbell_outbox_oldest_due_seconds{medium="sms",priority="2"} 3000+60x40',
    "HandbellGoodNewsLate": 'handbell_outbox_oldest_due_seconds{medium="sms",priority="3"} 14000+60x40',
    "HandbellProviderRefuses": 'handbell_circuit_open{sender="1",channel="twilio-sms"} 1x40',
    "HandbellManyFailures": 'handbell_provider_calls_total{channel="smtp",outcome="unknown",reason=""} 0+9x40',
    "HandbellCannotTakeMailIn": 'handbell_receiver_up{receiver="mail-in"} 0x40',
    "HandbellForgedWebhooks": 'handbell_webhooks_total{channel="twilio-sms",result="forged"} 0+3x40',
    "HandbellAuditNotSealed": "handbell_audit_oldest_unsealed_seconds 0+60x40",
    "HandbellDiskNearlyFull": "handbell_disk_free_bytes 900000000x40",
    "HandbellNoBackup": "handbell_backup_age_seconds 172000+60x100",
    "HandbellClockOff": 'handbell_provider_clock_ahead_seconds{channel="twilio-sms"} -31x40',
    "HandbellLoopStuck": "handbell_stuck_loops 1x40",
    "HandbellJobFails": 'handbell_job_failures_total{job="seal"} 0+1x40',
    "HandbellUrgentTask": 'handbell_tasks_open{urgent="yes"} 1x40',
    "HandbellAnswersOverdue": "handbell_conversations_overdue 1x100",
    "HandbellMemoryGrows": 'process_resident_memory_bytes{job="handbell"} 1000000000+600000x100',
}


@pytest.fixture(scope="module")
def promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        assert not os.environ.get("HANDBELL_ALL_TESTS"), "promtool is missing"
        pytest.skip("promtool is not installed")
    return found


def ask(*command: str, given: str = "") -> str:
    done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def board() -> list[str]:
    """Every question that the board asks."""
    read = json.loads(BOARD.read_text("utf-8"))
    return [target["expr"] for panel in read["panels"] for target in panel.get("targets", ())]


def exposed() -> Iterator[str]:
    """Every name of a sample that ``/metrics`` may have."""
    shown = metrics.Metrics()
    shown.job_seconds.labels("seal").observe(1)
    for family in shown.collected.collect():
        yield from (f"{family.name}_total" if family.type == "counter" else family.name, f"{family.name}_bucket")


def test_every_metric_that_is_asked_for_exists() -> None:
    known = set(exposed())
    for text in (RULES.read_text("utf-8"), "\n".join(board())):
        named = set(re.findall(r"\b(?:handbell|process)_\w+", text))
        assert len(named) >= 15, "the search finds them"
        assert named - known == set()


def test_what_is_exposed_can_be_read_and_follows_the_conventions(promtool: str) -> None:
    shown = metrics.Metrics()
    shown.hooks.labels("twilio-sms", "stored").inc()
    shown.job_seconds.labels("seal").observe(1)
    text = shown.text().decode()
    assert {family.name for family in text_string_to_metric_families(text)} >= {"handbell_webhooks", "handbell_ready"}
    assert ask(promtool, "check", "metrics", given=text) == ""


def test_prometheus_reads_every_rule_and_every_question_of_the_board(promtool: str, tmp_path: Path) -> None:
    assert "SUCCESS: 19 rules found" in ask(promtool, "check", "rules", str(RULES))
    questions = board()
    rules = [{"record": f"board:{number}", "expr": expr} for number, expr in enumerate(questions)]
    file = tmp_path / "board.yml"  # JSON is YAML
    file.write_text(json.dumps({"groups": [{"name": "board", "rules": rules}]}))
    assert f"SUCCESS: {len(questions)} rules found" in ask(promtool, "check", "rules", str(file))


def test_each_alert_comes_about_and_no_other(promtool: str, tmp_path: Path) -> None:
    rules = RULES.read_text("utf-8")
    assert set(re.findall(r"alert: (\w+)", rules)) == set(FIRING)
    assert rules.count("cure:") == len(FIRING)

    def case(values: str, minutes: int, expr: str, samples: list[dict[str, object]]) -> dict[str, object]:
        name, _, numbers = values.rpartition(" ")
        asked = [{"expr": expr, "eval_time": f"{minutes}m", "exp_samples": samples}]
        return {"interval": "1m", "input_series": [{"series": name, "values": numbers}], "promql_expr_test": asked}

    one = [{"labels": "{}", "value": 1}]
    cases = []
    for alert, series in FIRING.items():
        slow = series.endswith("x100")
        firing = f'count(count by (alertname) (ALERTS{{alertname="{alert}",alertstate="firing"}}))'
        cases.append(case(series, 95 if slow else 31, firing, one))
        cases.append(case(series, 95 if slow else 31, f'count(ALERTS{{alertname!="{alert}"}})', []))
    quiet = case(FIRING["HandbellAnnouncementLate"], 31, "count(ALERTS)", [])
    quiet["input_series"].append({"series": "handbell_quiet", "values": "1x40"})  # type: ignore[attr-defined]
    file = tmp_path / "alerts.test.yml"
    file.write_text(json.dumps({"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": [*cases, quiet]}))
    assert "SUCCESS" in ask(promtool, "test", "rules", str(file))


def test_of_a_trust_each_school_is_looked_at_by_itself(promtool: str, tmp_path: Path) -> None:
    """Another one's night silences nobody, and what fails in one of many is no small part of the whole."""
    late = 'handbell_outbox_oldest_due_seconds{medium="sms",priority="2",school="%s"}'
    calls = 'handbell_provider_calls_total{channel="smtp",outcome="%s",reason="",school="%s"}'
    series = [
        (late % "oak", "3000+60x40"), (late % "beech", "3000+60x40"), ('handbell_quiet{school="beech"}', "1x40"),
        (calls % ("unknown", "oak"), "0+9x40"), (calls % ("accepted", "beech"), "0+900x40"),
    ]  # fmt: skip
    firing = 'count by (alertname, school) (ALERTS{alertstate="firing"})'
    alerts = ("HandbellAnnouncementLate", "HandbellManyFailures")
    samples = [{"labels": f'{{alertname="{name}",school="oak"}}', "value": 1} for name in alerts]
    asked = [{"expr": firing, "eval_time": "31m", "exp_samples": samples}]
    given = [{"series": name, "values": values} for name, values in series]
    case = {"interval": "1m", "input_series": given, "promql_expr_test": asked}
    file = tmp_path / "trust.test.yml"
    file.write_text(json.dumps({"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": [case]}))
    assert "SUCCESS" in ask(promtool, "test", "rules", str(file))


def test_the_alerts_limits_are_those_of_readyz() -> None:
    rules = RULES.read_text("utf-8")
    for priority, limit in can_send.LATE.items():
        assert f'priority="{priority}"}}) > {limit.total_seconds():.0f}' in rules
    assert f"handbell_audit_oldest_unsealed_seconds > {can_send.SEALED_WITHIN.total_seconds():.0f}" in rules
    assert f"abs(handbell_provider_clock_ahead_seconds) > {can_send.APART.total_seconds():.0f}" in rules
    assert f"handbell_backup_age_seconds > {keeping.COPY_LATE.total_seconds():.0f}" in rules
