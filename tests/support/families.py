"""Families with something of everything, for pages to show: a bar, every freshness, words both ways, a new number."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from channels.base import Medium
from gateway.database import Session
from gateway.models import (
    About,
    Contact,
    ContactPoint,
    Conversation,
    DetailState,
    Gist,
    Guardianship,
    Inbound,
    LineType,
    Message,
    MessageState,
    NewDetail,
    Notice,
    NoticeState,
    OptOut,
    PointKind,
    PointState,
    Praise,
    Preference,
    Pupil,
    Purpose,
    Reply,
    Run,
    Sender,
    Wish,
)

NOW = datetime(2026, 11, 23, 9, 50, tzinfo=UTC)
DAD, MUM, UNCLE, BARRED = "+447700900271", "+447700900272", "+447700900318", "+447700900666"
LANDLINE, NEW = "+442079460455", "+447700900273"
FEVER = "عندها حرارة مرتفعة منذ ليلة أمس وستبقى في البيت اليوم"
ENGLISH = "She has had a high temperature since last night and will stay at home today."
POEM = "Amira read her poem to the whole class and everyone clapped."


def said(text: str) -> str:
    """What a page says, without its mark-up."""
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", re.sub(r"<br>|</p>", " ", text))))


@dataclass(frozen=True)
class Village:
    """Ids of who stands in the tests. ``amira`` gives the address of the Haddads' page."""

    amira: int
    adam: int
    dad: int
    mum: int
    uncle: int
    barred: int
    noah: int
    jayden: int
    detail: int


async def settle(session: Session) -> Village:
    """The Haddads (two children, one of whom somebody must not be contacted about), the Walshes, and Jayden Clarke."""
    people = _People(session)
    amira = await people.pupil("Amira", "Haddad", "4 Heron", born=date(2018, 3, 1))
    adam = await people.pupil("Adam", "Haddad", "RR", born=date(2022, 1, 1))
    noah = await people.pupil("Noah", "Walsh", "4 Heron", born=date(2018, 9, 1))
    jayden = await people.pupil("Jayden", "Clarke", "6 Falcon", born=date(2016, 2, 1))
    dad = await people.contact("Mr", "Karim", "Haddad", "ar")
    mum = await people.contact("Ms", "Rania", "Aziz", "ar")
    uncle = await people.contact("", "Samir", "Haddad", "en")
    barred = await people.contact("Mr", "Zweitname", "Gesperrt", "en")
    walsh = await people.contact("Ms", "Sian", "Walsh", "en")
    clarke = await people.contact("Ms", "Łucja", "Clarke", "pl")
    for pupil in (amira, adam):
        await people.tie(pupil, dad, "dad", 1)
        await people.tie(pupil, mum, "mum", 2)
    await people.tie(amira, uncle, "uncle", 3, lives_with=False, parental_responsibility=False)
    await people.tie(adam, barred, "father", 4, lives_with=False, no_contact=True)
    await people.tie(noah, walsh, "mum", 1)
    await people.tie(jayden, clarke, "mum", 1)
    days = timedelta(days=1)
    await people.point(dad, DAD, state=PointState.WORKING, last_good_at=NOW - days)
    await people.point(dad, "karim.h@example.org", state=PointState.WORKING, last_good_at=NOW - 11 * days)
    await people.point(mum, MUM, state=PointState.WORKING, confirmed_at=NOW - 330 * days, last_good_at=NOW - 200 * days)
    await people.point(mum, LANDLINE, state=PointState.DEAD, line_type=LineType.LANDLINE, last_bad_at=NOW - 21 * days)
    await people.point(uncle, UNCLE)
    await people.point(barred, BARRED)
    await people.point(walsh, "s.walsh@gmial.com", state=PointState.DEAD, last_bad_at=NOW - 5 * days)
    await people.point(walsh, "+447700900801", state=PointState.WORKING, confirmed_at=NOW - 400 * days)
    await people.point(clarke, "+447700900914", state=PointState.DEAD, last_bad_at=NOW - 14 * days)
    session.add(OptOut(medium=Medium.EMAIL, address="karim.h@example.org", since=NOW - 3 * days, how="unsubscribe"))
    session.add(Preference(contact_id=dad, topic="*", medium=Medium.SMS, wish=Wish.DIGEST, since=NOW, how="page"))
    for medium, channel in ((Medium.SMS, "twilio-sms"), (Medium.VOICE, "twilio-voice"), (Medium.EMAIL, "smtp")):
        address = "office@example.com" if medium is Medium.EMAIL else "+447700900999"
        session.add(Sender(channel=channel, medium=medium, address=address))
    talk = _Talk(session)
    await talk.notice("trip", "Trip to the museum", Purpose.SERVICE, NOW - 200 * days, [(mum, MUM, Medium.SMS, amira)])
    praise = await talk.notice("praise", "Praise", Purpose.GOOD_NEWS, NOW - 11 * days, [(dad, DAD, Medium.SMS, amira)])
    session.add(
        Praise(pupil_id=amira, kind="kindness", words=POEM, staff="Mrs Nowak", by="office:Mrs Nowak",
               said_at=NOW - 11 * days, due_at=NOW - 11 * days, run_id=praise, told_at=NOW - 11 * days)
    )  # fmt: skip
    email = (dad, "karim.h@example.org", Medium.EMAIL, amira)
    evening = [(dad, DAD, Medium.SMS, amira), email, (barred, BARRED, Medium.SMS, adam)]
    await talk.notice("evening", "Parents’ evening", Purpose.SERVICE, NOW - days, evening)
    reply = await talk.reply(dad, DAD, FEVER, NOW - timedelta(minutes=9))
    session.add(Gist(reply_id=reply, language="ar", text=ENGLISH, service="test", at=NOW))
    detail = NewDetail(
        contact_id=mum, old_point_id=None, old_address=MUM, replaces=True, kind=PointKind.PHONE, address=NEW,
        line_type=LineType.MOBILE, state=DetailState.PROVED, told_on=Medium.SMS, made_at=NOW, proved_at=NOW,
        open_key=f"{mum} {NEW}",
    )  # fmt: skip
    session.add(detail)
    await session.flush()
    return Village(amira, adam, dad, mum, uncle, barred, noah, jayden, detail.id or 0)


class _People:
    def __init__(self, session: Session) -> None:
        self._session, self._count = session, 0

    async def _add(self, row: Any) -> int:
        self._session.add(row)
        await self._session.flush()
        return int(row.id)

    async def pupil(self, forename: str, surname: str, form: str, **more: Any) -> int:
        self._count += 1
        row = Pupil(source_id=f"V{self._count}", forename=forename, surname=surname, form=form, year=form[0], **more)
        return await self._add(row)

    async def contact(self, title: str, forename: str, surname: str, reads: str) -> int:
        self._count += 1
        row = Contact(source_id=f"W{self._count}", title=title, forename=forename, surname=surname)
        row.written_language = row.spoken_language = reads
        return await self._add(row)

    async def tie(self, pupil: int, contact: int, relation: str, priority: int, **more: Any) -> None:
        given: dict[str, Any] = {"lives_with": True, "parental_responsibility": True} | more
        row = Guardianship(pupil_id=pupil, contact_id=contact, relation=relation, priority=priority, **given)
        self._session.add(row)

    async def point(self, contact: int, address: str, **more: Any) -> int:
        phone = address.startswith("+")
        given: dict[str, Any] = {"line_type": LineType.MOBILE if phone else LineType.NONE} | more
        kind = PointKind.PHONE if phone else PointKind.EMAIL
        return await self._add(ContactPoint(contact_id=contact, kind=kind, address=address, **given))


class _Talk:
    def __init__(self, session: Session) -> None:
        self._session = session

    async def notice(
        self, key: str, title: str, purpose: Purpose, at: datetime, to: list[tuple[int, str, Medium, int]]
    ) -> int:
        notice = Notice(id=key, key=key, title=title, purpose=purpose, state=NoticeState.DONE, definition={},
                        author="office:Jo", created_at=at)  # fmt: skip
        self._session.add(notice)
        await self._session.flush()
        run = Run(notice_id=key, fire_at=at, planned_at=at)
        self._session.add(run)
        await self._session.flush()
        for number, (contact, address, medium, pupil) in enumerate(to):
            barred = address == BARRED
            state = MessageState.SKIPPED if barred else MessageState.DELIVERED
            message = Message(
                id=f"{key}-{number}", run_id=run.id, contact_id=contact, medium=medium, address=address,
                slot=f"{number}", purpose=purpose, language="ar", body="نص", state=state,
                reason="barred" if barred else "", due_at=at, created_at=at, changed_at=at,
            )  # fmt: skip
            self._session.add(message)
            await self._session.flush()
            self._session.add(About(message_id=message.id, pupil_id=pupil))
        return run.id or 0

    async def reply(self, contact: int, address: str, words: str, at: datetime) -> int:
        talk = Conversation(medium=Medium.SMS, address=address, contact_id=contact, waiting_since=at, last_at=at)
        inbound = Inbound(channel="twilio-sms", event_id=words, kind="reply", event={}, raw={}, received_at=at)
        inbound.handled_at = at
        self._session.add_all([talk, inbound])
        await self._session.flush()
        row = Reply(conversation_id=talk.id or 0, inbound_id=inbound.id or 0, contact_id=contact, at=at, body=words)
        row.sorted_at = at
        self._session.add(row)
        await self._session.flush()
        return row.id or 0
