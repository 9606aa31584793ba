"""The page on which a family chooses: looking never acts, the button does, and nobody but us can make its address."""

from __future__ import annotations

import re

import pytest
from sqlmodel import col, select
from support.website import NOW, Family, Running

from channels.base import Medium
from gateway import audit, intake
from gateway.models import Message, MessageState, Preference, Purpose, Wish


@pytest.fixture
async def link(running: Running, family: Family) -> str:
    """The page of an email in Polish, as the unsubscribe page leads to it."""
    row = Message(
        id="01mail", contact_id=family.mum, medium=Medium.EMAIL, address="ewa@example.com", slot="email",
        purpose=Purpose.COMMUNITY, language="pl", state=MessageState.DELIVERED, due_at=NOW, created_at=NOW,
        changed_at=NOW,
    )  # fmt: skip
    async with running.gateway.database.write() as session:
        session.add(row)
    path = "/u/" + running.gateway.unsubscribe_url("01mail").partition("/u/")[2]
    page = await running.ask("GET", path)
    [href] = re.findall(r'<a href="(.+?)">Proszę wybrać', page.text)
    return f"{path.rpartition('/')[0]}/{href}"


async def chosen(running: Running) -> list[tuple[str, Medium, Wish, str]]:
    async with running.gateway.database.read() as session:
        rows = await session.scalars(select(Preference).order_by(col(Preference.topic), col(Preference.medium)))
        return [(row.topic, row.medium, row.wish, row.how) for row in rows]


async def test_looking_shows_every_topic_in_the_familys_language_and_does_nothing(running: Running, link: str) -> None:
    for method in ("GET", "HEAD", "GET"):
        answer = await running.ask(method, link)
        assert answer.status == 200
    assert 'lang="pl"' in answer.text
    for words in ("jadłospis", "wycieczki", "Raz dziennie, razem z innymi", "SMS-em", "menus.sms", "other.email"):
        assert words in answer.text
    assert not re.search(r"<script|<style|\sstyle=|\son\w+=|https?:", answer.text)
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert await chosen(running) == []


async def test_beside_words_that_nobody_has_reviewed_stands_the_english(running: Running, link: str) -> None:
    text = (await running.ask("GET", link)).text
    assert "jadłospis / menus" in text
    assert "Raz dziennie, razem z innymi / Once a day, with the rest" in text


async def test_the_button_notes_what_differs(running: Running, link: str) -> None:
    form = dict(re.findall(r'<select name="(.+?)">', (await running.ask("GET", link)).text) and _as_it_is(running))
    form |= {"menus.sms": "off", "trips.email": "digest", "save": "1"}
    answer = await running.ask("POST", link, data=form)
    assert (answer.status, "Zapisano." in answer.text) == (200, True)
    assert re.search(r'name="menus.sms">.*?<option value="off" selected>', answer.text, re.DOTALL)
    assert await chosen(running) == [
        ("menus", Medium.SMS, Wish.OFF, "page"),
        ("trips", Medium.EMAIL, Wish.DIGEST, "page"),
    ]
    async with running.gateway.database.read() as session:
        assert len(await audit.lines_about(session, action="preference.set")) == 2
    await running.ask("POST", link, data=form)
    assert len(await chosen(running)) == 2


def _as_it_is(running: Running) -> list[tuple[str, str]]:
    keys = [*running.gateway.preferences.topics.topics, "other"]
    return [(f"{key}.{medium}", "at_once") for key in keys for medium in ("sms", "email")]


@pytest.mark.parametrize(
    "body",
    [b"", b"menus.sms=off", b"save=1&menus.sms=never", b"save=1&football.sms=off", b"\xff", b"save=1&menus.voice=off"],
)
async def test_what_is_no_choice_only_looks(running: Running, link: str, body: bytes) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert (await running.ask("POST", link, data=body, headers=headers)).status == 200
    assert await chosen(running) == []


async def test_an_address_that_is_not_ours_is_a_polite_404(running: Running, link: str) -> None:
    for path in ("/u/01mail/" + "0" * 32 + "/topics", "/u/01other/x/topics"):
        for method in ("GET", "POST"):
            assert (await running.ask(method, path, data=b"save=1&menus.sms=off")).status == 404
    assert await chosen(running) == []


async def test_by_the_api_and_by_text_through_the_providers_webhook(api: Running, family: Family) -> None:
    path = f"/contacts/{family.mum}/preferences"
    before = (await api.api("GET", path)).json
    assert before["topics"]["menus"] == {"sms": "at_once", "email": "at_once", "voice": "at_once"}
    answer = await api.api("PUT", path, key="k", json={"topic": "trips", "media": {"sms": "off", "email": "digest"}})
    assert (answer.status, answer.json["topics"]["trips"]["email"]) == (200, "digest")
    assert (
        await api.api("PUT", path, key="k", json={"topic": "trips", "media": {"sms": "off", "email": "digest"}})
    ).json
    assert (await api.api("PUT", path, json={"topic": "football", "media": {"sms": "off"}})).status == 404
    assert (await api.api("PUT", path, json={"topic": "trips", "media": {}})).status == 422
    assert (await api.api("GET", "/contacts/999/preferences")).status == 404

    form = {"MessageSid": "SM1", "From": "+447700900101", "To": "+441134960001", "Body": "STOP MENUS"}
    [number] = [
        one["address"]
        for one in (await api.api("GET", f"/contacts/{family.mum}")).json["points"]
        if one["kind"] == "phone"
    ]
    assert (await api.hook("/hooks/twilio-sms/inbound", form | {"From": number})).status == 200
    gateway = api.gateway
    await intake.handle_waiting(gateway.database, log=gateway.log, answering=gateway.answering(), now=gateway.now())
    [declined] = (await api.api("GET", path)).json["declined_by_phone"]
    assert (declined["topic"], declined["medium"]) == ("menus", "sms")
    notice = {
        "key": "menu", "title": "Menu", "purpose": "good_news", "topic": "menus", "text": {"en": "Fish on Friday."},
        "audience": {"pupils": ["P1"]}, "media": ["sms"],
    }  # fmt: skip
    seen = (await api.api("POST", "/notices/preview", json=notice)).json
    assert seen["load"] == {"families": 1, "families_by_texts": {"0": 1}, "emails": 0, "calls": 0, "over": 0}
    assert {row["medium"]: (row["state"], row["remark"]) for row in seen["rows"]} == {
        "sms": ("skipped", ""),
        "email": ("queued", "By email, as this family prefers."),
    }
