"""Drafts and reviews by the API."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator

import pytest
from support.translators import Service
from support.website import Family, Running, running_on

from channels.translators.libretranslate import LibreTranslate
from gateway import tokens
from gateway.database import Database

FAIR = {
    "key": "fair",
    "title": "Fair",
    "purpose": "service",
    "media": ["sms"],
    "text": {"en": "The fair is on Friday, {children}."},
    "audience": {"whole_school": True},
}


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with Service.listening() as here:
        yield here


@pytest.fixture
async def running(sqlite_database: Database, service: Service) -> AsyncIterator[Running]:
    translator = LibreTranslate(service.url, key="", seconds=5)
    async with running_on(
        sqlite_database, changed=lambda made: dataclasses.replace(made, translator=translator)
    ) as site:
        async with site.gateway.database.write() as session:
            site.token = await tokens.create(session, "office", log=site.gateway.log, now=site.gateway.now())
        yield site


async def test_a_draft_is_reviewed_and_sent(running: Running, family: Family) -> None:
    drafted = await running.api("POST", "/translations/draft?to=pl&to=so", json=FAIR)
    assert drafted.status == 200, drafted.text
    [draft] = drafted.json["drafts"]
    assert (draft["text"]["text"], draft["back"]["text"]) == (
        "PL: The fair is on Friday, {children}.",
        "The fair is on Friday, {children}.",
    )
    assert drafted.json["refused"] == [{"language": "so", "why": "LibreTranslate does not translate into “so”."}]
    definition = drafted.json["definition"]
    assert definition["translations"]["pl"]["by"] == "LibreTranslate"
    again = await running.api("POST", "/translations/draft?to=pl", json=definition)
    assert (again.json["characters"], again.json["drafts"][0]["sentences"]) == (0, 1)
    reviewed = await running.api("POST", "/translations/review?language=pl&by=Anna", json=definition, key="r1")
    assert (reviewed.status, reviewed.json["sentences"]) == (200, 1)
    note = reviewed.json["definition"]["translations"]["pl"]
    assert (note["reviewed_by"], note["reviewed_on"]) == ("Anna", "2026-11-23")
    sent = await running.api("POST", "/notices", json=reviewed.json["definition"])
    assert sent.status == 201, sent.text
    shown = (await running.api("GET", "/notices/fair")).json
    assert shown["definition"]["translations"]["pl"]["reviewed_by"] == "Anna"


async def test_what_cannot_be_is_said(running: Running, family: Family) -> None:
    refused = await running.api("POST", "/translations/draft?to=klingon", json=FAIR)
    assert (refused.status, "klingon" in refused.text) == (422, True)
    typed = FAIR | {"text": {"en": "A {children}.", "pl": "B."}}
    assert (await running.api("POST", "/translations/draft?to=pl", json=typed)).status == 409
    missing = await running.api("POST", "/translations/review?language=pl&by=Anna", json=typed)
    assert "{children} is missing" in missing.text
    assert (await running.api("POST", "/translations/review?language=ur&by=Anna", json=typed)).status == 404


async def test_nothing_is_sent_where_no_service_is_set(sqlite_database: Database) -> None:
    async with running_on(sqlite_database) as site:
        async with site.gateway.database.write() as session:
            site.token = await tokens.create(session, "office", log=site.gateway.log, now=site.gateway.now())
        refused = await site.api("POST", "/translations/draft?to=pl", json=FAIR)
    assert (refused.status, "nothing was sent anywhere" in refused.json["detail"]) == (503, True)
