"""What a trust's own monitoring hears of a school that does not run."""

from __future__ import annotations

from support import desk

from gateway.database import Database
from gateway.web import hosts, site


async def test_a_school_that_does_not_run_is_not_ready_to_prometheus_either(sqlite_database: Database) -> None:
    """The process is up for the others' sake, so nothing else would tell of it."""
    oak = site.Site(desk.gateway(sqlite_database, desk.Clock()), list, list, lambda: None, lambda: None)
    oak.gateway.metrics.ready.set(1)
    trust = hosts.Hosts()
    trust.sites = {"oak": oak}
    trust.away = lambda: ["beech"]
    lines = trust.metrics().decode().splitlines()
    assert [line for line in lines if line.startswith("handbell_ready")] == [
        'handbell_ready{school="oak"} 1.0',
        'handbell_ready{school="beech"} 0.0',
    ]
    trust.sites = {}
    assert 'handbell_ready{school="beech"} 0.0' in trust.metrics().decode(), "with no school at all"
