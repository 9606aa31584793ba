"""Good news on its page: who may praise whom, what families would get, what is kept, and that the numbers agree."""

from __future__ import annotations

import csv
import html
import re
from typing import Any

import pytest
from sqlmodel import select
from support import staff, translators
from support.website import Family, Running

from channels.translators.libretranslate import LibreTranslate
from config import sections
from gateway import tokens
from gateway.models import Contact, Praise
from gateway.roles import Role

GOOD: dict[str, Any] = {"pupil": "P1", "kind": "effort", "staff": "Ms Okafor", "words": ""}


@pytest.fixture
async def desk(running: Running, family: Family) -> staff.Browser:
    return await staff.desk(running, Role.OFFICE, name="Mrs Office")


async def praises(site: Running) -> list[Praise]:
    async with site.gateway.database.read() as session:
        return list(await session.scalars(select(Praise)))


async def test_praise_is_taken_in_for_the_kind_hour_and_taken_back(desk: staff.Browser) -> None:
    site = desk.site
    assert (await desk.get("/good-news")).headers["Location"] == "/good-news/3A"
    assert (await desk.get("/good-news?class=5B")).headers["Location"] == "/good-news/5B"
    page = await desk.get("/good-news/3A")
    assert "<h1>One child has had no good news yet</h1>" in page.text
    assert "Ben" not in page.text
    sent = await desk.post("/good-news/3A", **GOOD, act="send")
    assert (sent.status, sent.headers["Location"]) == (303, "/good-news/3A")
    [row] = await praises(site)
    assert (row.kind, row.staff, row.by) == ("effort", "Ms Okafor", "office:Mrs Office")
    page = await desk.get("/good-news/3A")
    assert "Good news about Ana leaves at 4:30pm today." in html.unescape(page.text)
    assert "Everybody in 3A has had good news" in page.text  # what waits is counted as said: nobody says it twice
    assert page.text.count("Leaves at 4:30pm today") >= 1
    again = await desk.post("/good-news/3A", **GOOD, act="send")
    assert again.status == 422
    assert "The same is waiting to go already" in again.text
    await desk.get("/good-news/3A")
    assert (await desk.post("/good-news/5B/take-back", praise=str(row.id))).status == 404
    assert (await desk.post(f"/good-news/3A/take-back?praise={row.id}")).status == 303
    assert [one.withdrawn_by for one in await praises(site)] == ["office:Mrs Office"]


async def test_families_words_are_shown_in_their_language_and_nothing_is_kept(
    desk: staff.Browser, family: Family
) -> None:
    async with desk.site.gateway.database.write() as session:
        mum = await session.get_one(Contact, family.mum)
        mum.written_language, mum.spoken_language = "ur", "ur"
        session.add(mum)
    settings = desk.site.gateway.settings
    object.__setattr__(desk.site.gateway, "settings", settings.model_copy(
        update={"languages": settings.languages.model_copy(update={"allow_drafts": True})}))  # fmt: skip
    await desk.get("/good-news/3A")
    words = "She <b>helped</b> & waited."
    seen = await desk.post("/good-news/3A/preview", **{**GOOD, "words": words})
    assert seen.status == 200
    assert re.search(r'<p class="bub" lang="ur" dir="rtl">[^<]*Ana', seen.text)
    assert "in Urdu, by text" in seen.text
    assert "Not read by anybody who speaks it" in seen.text
    assert f">{html.escape(words)}</textarea>" in seen.text  # everything typed is kept
    part = await desk.post("/good-news/3A/preview", **GOOD, headers={"HX-Request": "true"})
    assert "in Urdu, by text" in part.text
    assert "<html" not in part.text
    assert await praises(desk.site) == []
    await desk.get("/good-news/3A")
    await desk.post("/hide-names", hide="yes", back="/good-news/3A")
    hidden = await desk.post("/good-news/3A/preview", **GOOD, headers={"HX-Request": "true"})
    assert "To A. N.’s family" in hidden.text
    assert "Ana" not in hidden.text + (await desk.get("/good-news/3A?pick=all")).text


async def test_own_words_are_put_into_the_families_language_when_somebody_asks_for_it(
    desk: staff.Browser, family: Family
) -> None:
    gateway = desk.site.gateway
    async with gateway.database.write() as session:
        mum = await session.get_one(Contact, family.mum)
        mum.written_language, mum.spoken_language = "pl", "pl"
        session.add(mum)
    async with translators.Service.listening() as service:
        settings = gateway.settings.model_copy(
            update={
                "languages": gateway.settings.languages.model_copy(update={"allow_drafts": True}),
                "translation": sections.Translation(service="libretranslate", url=service.url),
            }
        )
        object.__setattr__(gateway, "settings", settings)
        object.__setattr__(gateway, "translator", LibreTranslate(service.url, key="", seconds=5))
        await desk.get("/good-news/3A")
        given, htmx = {**GOOD, "words": "She explained halves, Ana did."}, {"HX-Request": "true"}
        typing = await desk.post("/good-news/3A/preview", **given, headers=htmx)
        assert "puts your words into Polish" in typing.text
        assert service.heard == [], "a pause in typing asks nobody"
        asked = await desk.post("/good-news/3A/preview", **given, translate="yes", headers=htmx)
        assert "PL: She explained halves" in asked.text
        assert "Your words were translated by computer" in asked.text
        assert "Ana" not in service.words, "the name stays in the house"
        given["words"] = "She waited for her turn."  # a sentence with a name is remembered nowhere
        await desk.post("/good-news/3A/preview", **given, translate="yes", headers=htmx)
        said = len(service.heard)
        again = await desk.post("/good-news/3A/preview", **given, headers=htmx)
        assert "PL: She waited" in again.text, "it is remembered"
        assert "puts your words into" not in again.text
        assert len(service.heard) == said
    assert await praises(desk.site) == []


async def test_what_is_wrong_stands_at_its_field(desk: staff.Browser) -> None:
    await desk.get("/good-news/3A")
    empty = await desk.post("/good-news/3A", staff="Ms Okafor", words="She read to us", act="send")
    assert empty.status == 422
    for field, sentence in (("picked", "Tick whom it is about."), ("kind", "Choose what went well.")):
        assert f'<a href="#{field}">{sentence}</a>' in empty.text
    assert ">She read to us</textarea>" in empty.text
    doubted: dict[str, Any] = {"words": "She took her medication", **{k: GOOD[k] for k in ("pupil", "kind", "staff")}}
    seen = await desk.post("/good-news/3A", **doubted, act="send")
    assert seen.status == 422
    assert "“medication” is private" in seen.text
    assert (await desk.post("/good-news/3A", **doubted, sure="yes", act="send")).status == 303
    wrong = await desk.post("/good-news/5B", **GOOD, act="send")  # a child of another class than the page's
    assert wrong.status == 422
    assert len(await praises(desk.site)) == 1
    for path in ("/good-news/9Z", "/good-news/..%2fadmin"):
        assert (await desk.get(path)).status == 404


async def test_a_teacher_praises_the_own_class_and_nobody_elses(running: Running, family: Family) -> None:
    teacher = await staff.desk(running, Role.TEACHER, name="Ms Okafor", forms=["3A"])
    page = await teacher.get("/good-news/3A")
    assert 'value="Ms Okafor"' in page.text
    assert "5B" not in page.text
    assert "balance" not in page.text
    assert (await teacher.get("/good-news/5B")).status == 403
    assert (await teacher.get("/good-news/balance")).status == 403
    await teacher.get("/good-news/3A")
    assert (await teacher.post("/good-news/5B", **{**GOOD, "pupil": "P2"}, act="send")).status == 403
    assert (await teacher.post("/good-news/3A", csrf="other", **GOOD, act="send")).status == 403
    assert (await teacher.post("/good-news/3A", **GOOD, act="send")).status == 303
    [(actor, _, _)] = await staff.lines(running, "praise.given")
    assert actor == "office:Ms Okafor"
    none = await staff.desk(running, Role.TEACHER, name="Mr New")
    assert "The office has not said yet which class is yours." in (await none.get("/good-news")).text
    assert (await (await staff.desk(running, Role.READ_ONLY)).get("/good-news/3A")).status == 403


async def test_the_balance_is_that_of_the_api(desk: staff.Browser) -> None:
    gateway = desk.site.gateway
    async with gateway.database.write() as session:
        desk.site.token = await tokens.create(session, "office", log=gateway.log, now=gateway.now())
    told = (await desk.site.api("GET", "/balance?by=form")).json["lines"]
    rows = list(csv.DictReader((await desk.get("/good-news/balance.csv?by=form")).text.splitlines()))
    assert [(row["Form"], int(row["Pupils"]), int(row["Good"])) for row in rows] == [
        (one["name"], one["pupils"], one["good"]) for one in told
    ]
    page = await desk.get("/good-news/balance")
    assert all(one["name"] in page.text for one in told)
