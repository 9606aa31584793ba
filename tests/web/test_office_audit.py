"""The audit log's page: every deed has words, lines are found, the seal is true, and the file has them all."""

from __future__ import annotations

import ast
import html
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from support import absences, staff, tampering
from support.website import Family, Running

import gateway as ours
from channels.base import Medium
from gateway import audit, tokens
from gateway.models import Audit, CaseState, DetailState, MessageState, Sender
from gateway.models.emergency import EmergencyPart
from gateway.models.types import core
from gateway.roles import Role
from gateway.web.office import audit_words

DAY = absences.TODAY.isoformat()
SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def said(text: str) -> str:
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", text)))


def deeds() -> Iterator[str]:
    """Every action that any line of the code writes down."""
    families = {"details": DetailState, "message": MessageState, "emergency": EmergencyPart}
    for file in Path(ours.__file__).parent.rglob("*.py"):
        text = file.read_text("utf-8")
        yield from re.findall(r'Line\(\s*"([a-z_]+\.[a-z_]+)"', text)
        yield from re.findall(r'(?:means|deed\(request\))\.record\(\s*session, "([a-z_]+\.[a-z_]+)"', text)
        yield from (f"{kind}.{one.value}" for kind, of in families.items() if f'f"{kind}.{{' in text for one in of)
        if file.parent.name in ("desk", "absence") or file.name == "conversations.py":
            yield from (f"conversation.{what}" for what in re.findall(r'record\(session, root, "([a-z_]+)"', text))
        if file.name == "deciding.py" and file.parent.name == "campaigns":
            tree = ast.parse(text)
            named = [node for node in tree.body if isinstance(node, ast.Assign | ast.AnnAssign)]
            yield from (
                f"campaign.{node.value.value}" for node in named
                if isinstance(node.value, ast.Constant) and str(node.value.value).islower()
            )  # fmt: skip


def test_no_deed_is_without_words() -> None:
    found = set(deeds())
    assert len(found) > 120, "the search finds what is written down"
    assert found - audit_words.WORDS.keys() - {"message.expired"} == set()
    for words in audit_words.WORDS.values():
        assert all(not sentence.endswith(".") and sentence[0].isupper() for sentence in words.sentences)
    assert audit.VERIFIED in audit_words.WORDS


async def test_a_morning_in_words_and_found_by_name(api: Running, family: Family) -> None:
    mark = {"pupil": "P1", "date": DAY, "session": "am", "code": "N"}
    await api.api("POST", "/marks", json={"marks": [mark, mark | {"pupil": "P2", "code": "/"}]})
    await api.api("POST", "/marks", json={"marks": [mark | {"code": "I"}]})
    head = await staff.desk(api, Role.HEAD, name="Mrs Okafor")
    page = await head.get("/audit")
    words = said(page.text)
    assert "office, a program" in words
    assert "Register received: 2 new, 0 changed" in words
    assert "Mark changed from N to I" in words
    assert f'<a href="/families/{family.ana}"><bdi>Ana Nowak</bdi>, 3A</a>' in page.text
    found = said((await head.get("/audit?q=nowak%20ana")).text)
    assert "Ana Nowak" in found
    assert "Ben Nowak" not in found
    assert "Register received" not in found
    assert "Register received" in said((await head.get("/audit?q=register&what=absences&who=api:")).text)
    assert "No line is like that" in (await head.get("/audit?q=register&who=Mrs+Okafor")).text
    assert "No line is like that" in (await head.get("/audit?when=2026-11-22")).text
    assert "Register received" in (await head.get(f"/audit?when={DAY}")).text
    for odd in ("?before=9999999999999999999999", "?when=0001-01-01", "?what=x&who=%27", "?q=%25_", "?before=-1"):
        assert (await head.get(f"/audit{odd}")).status == 200
    await head.post("/hide-names", hide="yes", back="/")
    hidden = (await head.get("/audit?q=nowak")).text
    assert "Nowak" not in hidden
    assert "A. N." in hidden


async def test_the_seal_is_true(api: Running, family: Family) -> None:
    gateway = api.gateway
    it = await staff.desk(api, Role.IT, name="Mr Singh")
    assert "has not been checked yet" in (await it.get("/audit")).text
    async with gateway.database.write() as session:
        await gateway.log.seal(session)
    assert (await it.post("/audit/verify")).status == 303
    page = said((await it.get("/audit")).text)
    assert "Nothing is missing and nothing has been changed" in page
    assert re.search(r"Checked again in 0\.\d seconds: all \d lines are unbroken\.", page)
    assert "Mr Singh Log checked: " in page
    async with gateway.database.read() as session:
        verdict = await gateway.log.verify(session)
    assert f"Checked at 9:00am today: {verdict.sealed} lines since 23 November 2026" in page
    async with gateway.database.write() as session:
        await tampering.unguard(session)
        await session.execute(sa.update(core(Audit)).where(core(Audit).c.id == 1).values(actor="office:Mr Singh"))
    await it.post("/audit/verify")
    page = said((await it.get("/audit")).text)
    assert "Something in this log is not as it was written" in page
    assert "Row 1 (token.created) was changed after it was written. Found at 9:00am today by Mr Singh." in page


@SQLITE
async def test_older_lines_and_the_file_with_all_of_them(api: Running) -> None:
    gateway = api.gateway
    async with gateway.database.write() as session:
        lines = [
            audit.Line("mark.changed", f"pupil:{n}", {"before": "/", "after": "N"}, "office:Jo") for n in range(70)
        ]
        await gateway.log.record(session, lines, now=gateway.now())
        await gateway.log.seal(session)
    head = await staff.desk(api, Role.HEAD)
    first = await head.get("/audit?who=Jo")
    assert "50 of 70 lines today" in first.text
    [older] = re.findall(r'href="(/audit\?who=Jo&amp;before=\d+)"', first.text)
    second = await head.get(html.unescape(older))
    assert second.text.count("Mark changed from / to N") == 20
    file = await head.get("/audit.jsonl?who=Jo")
    rows = [json.loads(line) for line in file.text.splitlines()]
    assert [row["subject"] for row in rows] == [f"pupil:{n}" for n in range(70)]
    assert rows[0].keys() == {"id", "link", "at", "actor", "action", "subject", "body", "nonce", "mac", "hash"}
    assert (await staff.lines(api, "audit.exported"))[0][2] == '{"what":"","when":""}'


@SQLITE
async def test_it_sees_no_pages_of_families_and_nobody_barred(api: Running, family: Family) -> None:
    gateway = api.gateway
    async with gateway.database.write() as session:
        lines = [
            audit.Line("contact.address", f"contact:{family.dad}"),
            audit.Line("mark.changed", f"pupil:{family.ben}"),
        ]
        await gateway.log.record(session, lines, now=gateway.now())
        await tokens.create(session, "other", log=gateway.log, now=gateway.now())
    it, head = [await staff.desk(api, role) for role in (Role.IT, Role.HEAD)]
    page = await it.get("/audit")
    assert "Somebody who must never be contacted" in page.text
    assert "Jan Nowak" not in page.text
    assert "/families" not in page.text
    assert '<a href="/settings/tokens">other</a>' in page.text
    assert "Mr Jan Nowak" in (await head.get("/audit")).text
    for role in (Role.OFFICE, Role.TEACHER, Role.ATTENDANCE, Role.READ_ONLY):
        desk = await staff.desk(api, role)
        for path in ("/audit", "/audit.jsonl"):
            assert (await desk.get(path)).status == 403
        assert (await desk.post("/audit/verify")).status == 403


def test_case_states_have_words() -> None:
    for state in CaseState:
        assert "_" not in audit_words.words("absence.changed", {"after": state.value, "before": ""}).sentences[0]


@SQLITE
async def test_what_was_decided_comes_first_and_traffic_with_providers_is_counted_beside_it(api: Running) -> None:
    gateway = api.gateway
    async with gateway.database.write() as session:
        lines = [audit.Line("outbox.accepted", "sender:1", {"messages": [str(n)]}) for n in range(60)]
        lines += [audit.Line("mark.changed", f"pupil:{n}", {}, "office:Jo") for n in range(3)]
        await gateway.log.record(session, lines, now=gateway.now())
    head = await staff.desk(api, Role.HEAD)
    page = await head.get("/audit?q=m")
    assert "Mark changed" in page.text
    assert "The provider took messages" not in page.text
    assert "60 lines of single messages at the provider" in said(page.text)
    [whole] = re.findall(r'href="(/audit\?[^"]*what=all)"', page.text)
    assert "50 of 6" in said((await head.get(html.unescape(whole))).text)
    only = await head.get("/audit?what=traffic&who=handbell")
    assert "50 of 60 lines today" in said(only.text)
    none = said((await head.get("/audit?q=took+messages&who=handbell")).text)
    assert "No line is like that" in none
    assert "60 lines of single messages" in none
    file = [json.loads(line)["action"] for line in (await head.get("/audit.jsonl")).text.splitlines()]
    assert file.count("outbox.accepted") == 60, "evidence leaves nothing out"


@SQLITE
async def test_what_the_school_sends_as_stands_as_people_write_it(api: Running) -> None:
    async with api.gateway.database.write() as session:
        for address, medium in (("+442079460123", Medium.SMS), ("Oakfield", Medium.SMS), ("a@b.example", Medium.EMAIL)):
            sender = Sender(channel="twilio-sms", medium=medium, address=address, rate=1, burst=1)
            session.add(sender)
            await session.flush()
            line = audit.Line("sender.held", f"sender:{sender.id}")
            await api.gateway.log.record(session, line, now=api.gateway.now())
    page = (await (await staff.desk(api, Role.HEAD)).get("/audit")).text
    assert "+44" not in page
    for shown in ("020 7946 0123", "Oakfield", "a@b.example"):
        assert f'<a href="/settings/senders">{shown}</a>' in page
