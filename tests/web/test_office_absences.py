"""The office's pages of absences: for whoever has a token, to look at and to print, and nothing else."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any

import pytest
from support import absences
from support.website import Answer, Family, Running

from gateway import audit, tokens
from gateway.absence import cases, deeds, rounds, rules
from gateway.models import CaseState, DaySession

DAY = absences.TODAY.isoformat()
PAGES = ("/office/absences", "/office/absences.csv", "/office/absences/1")


async def look(api: Running, path: str, *, token: str | None = None, **options: Any) -> Answer:
    packed = base64.b64encode(f"office:{api.token if token is None else token}".encode()).decode()
    return await api.ask("GET", path, headers={"Authorization": f"Basic {packed}"}, **options)


@pytest.fixture
async def case(api: Running, family: Family) -> int:
    """Ana is absent, and her family has been asked."""
    mark = {"pupil": "P1", "date": DAY, "session": "am", "code": "N"}
    await api.api("POST", "/marks", json={"marks": [mark, mark | {"pupil": "P2", "code": "/"}]})
    api.clock.pass_by(minutes=30)
    async with api.gateway.database.write() as session:
        await rounds.turn(session, api.gateway, rules.load(absences.settings()))
    return int((await api.api("GET", f"/absences?date={DAY}")).json[0]["id"])


async def test_nobody_sees_anything_without_a_token(api: Running, case: int) -> None:
    for path in PAGES:
        refused = [await api.ask("GET", path), await look(api, path, token=""), await look(api, path, token="hb_no")]
        refused += [
            await api.ask("GET", path, headers={"Authorization": bad}) for bad in ("Basic ?", "Basic", "Bearer x")
        ]
        for answer in refused:
            assert answer.status == 401
            assert answer.headers["WWW-Authenticate"].startswith("Basic ")
            assert "Ana" not in answer.text
    gateway = api.gateway
    async with gateway.database.write() as session:
        await tokens.revoke(session, "office", log=gateway.log, now=gateway.now())
    assert (await look(api, PAGES[0])).status == 401


async def test_a_child_who_is_away_morning_and_afternoon_is_one_child(api: Running, case: int) -> None:
    gateway = api.gateway
    async with gateway.database.write() as session:
        means = cases.Means(gateway.log, gateway.now())
        morning = await cases.find(session, case)
        await cases.open_one(session, morning.pupil_id, morning.date, DaySession.PM, means=means)
    page = await look(api, f"/office/absences?date={DAY}")
    assert "<h1>1 of 1 absent child is not yet accounted for</h1>" in page.text


async def test_the_day_its_codes_and_a_case(api: Running, case: int) -> None:
    page = await look(api, f"/office/absences?date={DAY}")
    assert page.status == 200
    assert "<h1>1 of 1 absent child is not yet accounted for</h1>" in page.text
    assert "<bdi>Ana</bdi> <bdi>Nowak</bdi>" in page.text
    assert "Asked, waiting" in page.text
    assert "Ben" not in page.text  # he is in school
    gateway = api.gateway
    async with gateway.database.write() as session:
        said = deeds.Verdict(CaseState.EXPLAINED, "Ewa Nowak (mother)", "I", "<b>=1+1</b>")
        await deeds.settle(session, gateway, rules.load(absences.settings()), case, said, by="Mrs Office")
    settled = await look(api, f"/office/absences?date={DAY}")
    assert "Every one of 1 absent child is accounted for" in settled.text
    exported = await look(api, f"/office/absences.csv?date={DAY}")
    assert exported.headers["Content-Disposition"] == f'attachment; filename="absences-{DAY}.csv"'
    assert "P1" in exported.text
    assert ",N,I,<b>=1+1</b>" in exported.text
    shown = await look(api, f"/office/absences/{case}")
    assert "Chronology: Ana Nowak" in shown.text
    assert "&lt;b&gt;" in shown.text
    empty = await look(api, "/office/absences?date=2026-11-20")
    assert "No child has been asked about" in empty.text


async def test_nothing_runs_nothing_comes_from_elsewhere_and_nothing_can_be_done(api: Running, case: int) -> None:
    for path in (PAGES[0], f"/office/absences/{case}"):
        answer = await look(api, path)
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; style-src '")
        assert "unsafe" not in policy
        assert not re.search(r"<script|<form|<button|onclick|style=|https?://", answer.text)
        assert answer.headers["Cache-Control"] == "no-store"
        if style := re.search(r"<style>(.*?)</style>", answer.text, re.DOTALL):
            digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
            assert f"'sha256-{digest}'" in policy
        assert (await api.ask("POST", path)).status == 405
    assert (await api.ask("GET", "/office/office.css")).headers["Content-Type"].startswith("text/css")
    before = await cases_of(api)
    for bad in ("tomorrow", "0001-01-01", "9999-12-31", "2026-13-01"):
        assert (await look(api, f"/office/absences?date={bad}")).status == 422
    for bad in ("999", "9" * 30):
        assert (await look(api, f"/office/absences/{bad}")).status == 404
    assert await cases_of(api) == before


async def test_who_looked_at_a_chronology_is_written_down(api: Running, case: int) -> None:
    path = f"/office/absences/{case}"
    for refused in (await api.ask("GET", path), await look(api, path, token="hb_no"), await look(api, f"{path}999")):
        assert refused.status in (401, 404)
    assert (await look(api, PAGES[0])).status == 200  # of the board nobody keeps a list: it is looked at all day
    assert await lookers(api) == []
    assert (await look(api, path)).status == 200
    assert (await api.api("GET", f"/absences/{case}")).status == 200
    assert await lookers(api) == [("api:office", f"case:{case}", "{}"), ("office:office", f"case:{case}", "{}")]


async def test_who_took_a_days_codes_is_written_down(api: Running, case: int) -> None:
    assert (await look(api, f"{PAGES[1]}?day={DAY}")).status == 200
    assert (await api.api("GET", f"/absences/export?day={DAY}")).status == 200
    taken = [("api:office", f"day:{DAY}", "{}"), ("office:office", f"day:{DAY}", "{}")]
    assert await lookers(api, "absence.codes_shown") == taken


async def lookers(api: Running, action: str = "absence.chronology_shown") -> list[tuple[str, str, str]]:
    async with api.gateway.database.read() as session:
        lines = await audit.lines_about(session, action=action)
        return [(line.actor, line.subject, line.body) for line in lines]


async def test_guessing_is_limited_and_locks_nobody_out(api: Running) -> None:
    assert (await look(api, PAGES[0])).status == 200
    statuses = [(await look(api, PAGES[0], token=f"hb_{number}")).status for number in range(30)]
    assert set(statuses[:15]) == {401}
    assert statuses[-1] == 429
    limited = await look(api, PAGES[0], token="hb_again")
    assert int(limited.headers["Retry-After"]) > 0
    assert "Too many wrong tokens" in limited.text
    bearer = {"Authorization": "Bearer hb_more"}
    assert (await api.ask("GET", "/api/v1/notices", headers=bearer)).status == 429  # one lock, two doors
    assert (await look(api, PAGES[0])).status == 200  # whoever was here before
    gateway = api.gateway
    async with gateway.database.write() as session:
        late = await tokens.create(session, "late", log=gateway.log, now=gateway.now())
    assert (await look(api, PAGES[0], token=late)).status == 429
    api.clock.pass_by(seconds=int(limited.headers["Retry-After"]))
    assert (await look(api, PAGES[0], token=late)).status == 200
    async with gateway.database.write() as session:
        await tokens.revoke(session, "late", log=gateway.log, now=gateway.now())
    assert (await look(api, PAGES[0], token=late)).status == 401  # once more, and then it is a guess like any other
    assert (await look(api, PAGES[0], token=late)).status == 429


async def test_what_goes_wrong_is_said_on_a_page(api: Running) -> None:
    for path, status, sentence in (
        ("/office/absences/999", 404, "There is no absence case 999."),
        ("/office/absences?date=tomorrow", 422, "Write the date as 2026-11-23."),
        ("/office/nothing/here", 404, "This page is not there"),
    ):
        answer = await look(api, path)
        assert (answer.status, answer.headers["Content-Type"]) == (status, "text/html; charset=utf-8")
        assert sentence in answer.text
        up = "../" * (path.count("/") - 2)
        assert f'<a href="{up}absences">' in answer.text
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "Sign in with a token" in (await api.ask("GET", PAGES[0])).text


async def cases_of(api: Running) -> list[str]:
    async with api.gateway.database.read() as session:
        found = await cases.of_session(session, absences.TODAY, absences.AM, lock=False)
        return [case.model_dump_json() for case in found.values()]
