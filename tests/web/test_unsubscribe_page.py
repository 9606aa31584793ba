"""The unsubscribe link: looking never acts, one POST is enough, and nobody but us can make a link."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from sqlmodel import col, select
from support.website import NOW, Family, Running

from channels.base import Medium
from gateway import audit
from gateway.models import Message, MessageState, OptOut, Purpose

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture
async def link(running: Running, family: Family) -> str:
    """The path of a genuine link, for an email in Polish."""
    await add_email(running, family)
    return path_of(running, "01mail")


async def add_email(running: Running, family: Family, **fields: Any) -> None:
    given: dict[str, Any] = {
        "id": "01mail",
        "contact_id": family.mum,
        "medium": Medium.EMAIL,
        "address": "ewa@example.com",
        "slot": "email",
        "purpose": Purpose.COMMUNITY,
        "language": "pl",
        "state": MessageState.DELIVERED,
        "due_at": NOW,
        "created_at": NOW,
        "changed_at": NOW,
    }
    async with running.gateway.database.write() as session:
        session.add(Message(**given | fields))


def path_of(running: Running, message_id: str) -> str:
    return "/u/" + running.gateway.unsubscribe_url(message_id).partition("/u/")[2]


async def opt_outs(running: Running) -> list[OptOut]:
    async with running.gateway.database.read() as session:
        return list(await session.scalars(select(OptOut).order_by(col(OptOut.id))))


async def test_looking_does_nothing(running: Running, link: str) -> None:
    for method in ("GET", "HEAD", "GET"):
        answer = await running.ask(method, link)
        assert answer.status == 200
    assert 'lang="pl"' in answer.text
    assert '<form method="post">' in answer.text
    assert await opt_outs(running) == []


async def test_what_nobody_has_reviewed_has_the_english_below(running: Running, link: str, family: Family) -> None:
    page = (await running.ask("GET", link)).text
    assert re.findall(r'<section lang="(\w+)"', page) == ["pl", "en"]
    assert page.count("<button") == 2
    done = (await running.ask("POST", link, data=ONE_CLICK)).text
    assert re.findall(r'<section lang="(\w+)"', done) == ["pl", "en"]
    await add_email(running, family, id="01english", language="en", slot="english")
    plain = (await running.ask("GET", path_of(running, "01english"))).text
    assert re.findall(r'<section lang="(\w+)"', plain) == ["en"]


async def test_the_page_runs_no_script_and_tells_nobody_where_it_came_from(running: Running, link: str) -> None:
    answer = await running.ask("GET", link)
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in answer.headers
    assert not re.search(r"<script|<style|\sstyle=|\son\w+=|https?:", answer.text)
    (sheet,) = re.findall(r'href="\.\./(.+?)"', answer.text)
    style = await running.ask("GET", f"/u/{sheet}")
    assert (style.status, style.headers["Content-Type"]) == (200, "text/css; charset=utf-8")


async def test_one_click_acts_at_once_and_as_often_as_it_comes(running: Running, link: str) -> None:
    for _ in range(3):
        answer = await running.ask("POST", link, data=ONE_CLICK)
        assert answer.status == 200
        assert "<form" not in answer.text
    (stop,) = await opt_outs(running)
    assert (stop.medium, stop.address, stop.mandatory_too, stop.how) == (
        Medium.EMAIL,
        "ewa@example.com",
        False,
        "unsubscribe link",
    )
    async with running.gateway.database.read() as session:
        assert len(await audit.lines_about(session, action="address.opted_out")) == 1


async def test_the_button_and_a_multipart_body_act_too(running: Running, link: str, family: Family) -> None:
    page = (await running.ask("GET", link)).text
    button = dict(re.findall(r'<input type="hidden" name="(.+?)" value="(.+?)">', page))
    assert (await running.ask("POST", link, data=button)).status == 200
    await add_email(running, family, id="01more", address="other@example.com", slot="more")
    with_parts = {"Content-Type": "multipart/form-data; boundary=x"}
    body = b'--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--\r\n'
    assert (await running.ask("POST", path_of(running, "01more"), data=body, headers=with_parts)).status == 200
    assert [stop.address for stop in await opt_outs(running)] == ["ewa@example.com", "other@example.com"]


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", "application/x-www-form-urlencoded"),
        (b"List-Unsubscribe=", "application/x-www-form-urlencoded"),
        (b"one=two", "application/x-www-form-urlencoded"),
        (b"\xff\xfe", "application/x-www-form-urlencoded"),
        (b"&" * 4000, "application/x-www-form-urlencoded"),
        (b"--x\r\n\r\nOne-Click\r\n--x--", "multipart/form-data; boundary=x"),
        (b"no parts at all", "multipart/form-data"),
        (b'{"List-Unsubscribe": "One-Click"}', "application/json"),
    ],
)
async def test_a_post_without_the_words_only_looks(running: Running, link: str, body: bytes, content_type: str) -> None:
    answer = await running.ask("POST", link, data=body, headers={"Content-Type": content_type})
    assert (answer.status, "<form" in answer.text) == (200, True)
    assert await opt_outs(running) == []


async def test_many_at_once_are_one(running: Running, link: str) -> None:
    answers = await asyncio.gather(*(running.ask("POST", link, data=ONE_CLICK) for _ in range(8)))
    assert {answer.status for answer in answers} == {200}
    assert len(await opt_outs(running)) == 1


async def test_a_link_that_is_not_ours_is_a_polite_404(running: Running, link: str) -> None:
    for token in ("", "x", "0" * 32, "%C3%A9" * 16, "%00", "a" * 5000):
        for method in ("GET", "POST"):
            assert (await running.ask(method, f"/u/01mail/{token}")).status in (400, 404, 405), token
    assert await opt_outs(running) == []


async def test_a_token_is_for_one_message(running: Running, link: str) -> None:
    other = path_of(running, "01other").rpartition("/")[2]
    answer = await running.ask("POST", f"/u/01mail/{other}", data=ONE_CLICK)
    assert (answer.status, "020 7946 0000" in answer.text) == (404, True)


async def test_a_message_that_is_gone_or_no_email_says_so(running: Running, family: Family) -> None:
    await add_email(running, family, id="01text", medium=Medium.SMS, address="+447700900001")
    for message_id in ("01gone", "01text"):
        assert (await running.ask("POST", path_of(running, message_id))).status == 404
    assert await opt_outs(running) == []


async def test_a_large_body_is_refused(running: Running, link: str) -> None:
    assert (await running.ask("POST", link, data=b"x" * 100_000)).status == 413
    assert await opt_outs(running) == []
