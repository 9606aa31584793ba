"""Wording: the table is the command's, and what a person who reads a language has checked is used at once."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from support import families, staff, website
from support.databases import Database
from support.website import Running

from gateway.roles import Role
from templates import coverage, own_words, words

HERE = "/wording/verify_details/ar"


@pytest.fixture
async def school(database: Database, tmp_path: Path) -> AsyncIterator[Running]:
    """A school with families who read Arabic, English and Polish, and a folder for its own words."""

    def changed(gateway: website.context.Gateway) -> website.context.Gateway:
        chosen = gateway.settings.languages.model_copy(update={"folder": tmp_path})
        return replace(gateway, settings=gateway.settings.model_copy(update={"languages": chosen}))

    async with website.running_on(database, changed=changed) as site:
        async with site.gateway.database.write() as session:
            await families.settle(session)
        yield site
    own_words.lay_over({})


def texts(page: str) -> dict[str, str]:
    """The fields of a page, as they stand in it."""
    found = re.findall(r'<textarea id="(t-[^"]+)"[^>]*>(.*?)</textarea>', page, re.DOTALL)
    return {name: html.unescape(inside) for name, inside in found}


async def test_the_table_says_what_the_command_says(school: Running) -> None:
    desk = await staff.desk(school, Role.OFFICE)
    page = await desk.get("/wording")
    cells = re.findall(r'<a class="(ok|slow|muted)" href="/wording/([\w-]+/[\w-]+)"', page.text)
    states = {key: look for look, key in cells}
    assert {key.partition("/")[2] for key in states} == {"en", "ar", "pl"}
    shown = {"source": "ok", "reviewed": "ok", "draft": "slow", "machine": "slow", "missing": "muted"}
    for tag in ("en", "ar", "pl"):
        shared = {key for key in states if key.startswith("shared-")}
        assert {states[f"shared-message/{tag}"], states[f"shared-call/{tag}"]} == {"ok" if tag == "en" else "slow"}
        of = {key: shown[state] for (key, by), state in coverage.of(tag).items() if by == "sms"}
        assert {
            key.partition("/")[0]: state
            for key, state in states.items()
            if key.endswith(f"/{tag}") and key not in shared
        } == of
    assert "Machine draft" in families.said(page.text)
    assert 'href="/wording/shared-message/ar"' in (await desk.get(HERE)).text, "what goes with it, and nobody has read"
    assert (await desk.get("/wording/shared-message/ar")).status == 200
    assert (await desk.get("/wording?by=call")).status == 200


async def test_a_person_who_reads_it_checks_a_wording(school: Running) -> None:
    desk = await staff.desk(school, Role.OFFICE, name="Mrs Office")
    page = await desk.get(HERE)
    assert "Machine draft, not checked yet" in families.said(page.text)
    assert re.search(r'<textarea [^>]*lang="ar" dir="rtl"', page.text)
    given = texts(page.text)
    text = "t-verify_details-sms-text"
    assert "{school}" in given[text]
    wrong = {**given, text: given[text].replace("{school}", "{shcool}"), "by": "Mrs Saleh", "entry": ""}
    answer = await desk.post(HERE, **wrong)
    assert answer.status == 422
    assert "{shcool}" in answer.text, "what was typed is kept"
    assert 'href="#t-verify_details-sms-text"' in answer.text
    nobody = await desk.post(HERE, **given, by=" ", entry="")
    assert nobody.status == 422
    assert "Write the name of whoever reads the language" in families.said(nobody.text)
    new = given[text].replace("{school}:", "{school}،")
    done = await desk.post(HERE, **{**given, text: new}, by="Mrs Saleh", entry="")
    assert (done.status, done.headers["Location"]) == (303, HERE)
    page = await desk.get(HERE)
    assert "Checked by Mrs Saleh, 23 November 2026" in families.said(page.text)
    assert "not checked yet" not in families.said(page.text)
    assert texts(page.text)[text] == new
    made = words.prepare("verify_details", language="ar", medium="sms")
    assert "،" in made.fill({"school": "Oakfield", "school_phone": "020"}).text, "it is used at once"
    lines = await staff.lines(school, "words.reviewed")
    assert {(actor, subject) for actor, subject, _ in lines} == {("office:Mrs Office", "language:ar")}


async def test_one_text_alone_and_who_may(school: Running) -> None:
    teacher, reader = await staff.desk(school, Role.TEACHER, forms=["4 Heron"]), await staff.desk(school, Role.IT)
    page = await teacher.get(HERE)
    given = texts(page.text)
    one = "verify_details/answer/confirmed"
    assert (await teacher.post(HERE, **given, by="A parent", entry=one)).status == 303
    page = await teacher.get(HERE)
    assert families.said(page.text).count("Checked by A parent") == 1
    assert "readonly" in (await reader.get(HERE)).text
    assert (await reader.post(HERE, **given, by="A parent", entry="")).status == 403
    assert (await teacher.get("/wording/nothing/ar")).status == 404
    assert (await teacher.get("/wording/verify_details/xx-yy")).status == 404
    assert (
        "These are the words that everything else is translated from."
        in (await teacher.get("/wording/verify_details/en")).text
    )
    file = await teacher.get("/wording/pl.po")
    assert 'msgctxt "verify_details/sms/text"' in file.text
