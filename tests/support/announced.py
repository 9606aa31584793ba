"""A school of forty families in six languages, some of whom nothing reaches, and an announcement on its way to them."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from channels.base import Medium
from config import sections
from gateway import context, notices
from gateway.database import Database
from gateway.definitions import reading
from gateway.models import (
    AnnouncementDraft,
    Contact,
    ContactPoint,
    Guardianship,
    LineType,
    Message,
    MessageState,
    PointKind,
    PointState,
    Pupil,
    Sender,
)
from gateway.models.types import core
from support import absences, school, website

FORMS = [("R", "RW"), ("1", "1F"), ("2", "2L"), ("3", "3K"), ("3", "3M"), ("4", "4H")]
TONGUES = ["en", "pl", "ur", "ar", "so", "ta", "en"]
NAMES = ["Olivia", "Zofia", "Zara", "Amira", "Hodan", "Kavin", "Theo"]
SURNAMES = ["Carter", "Nowak", "Khan", "Haddad", "Farah", "Rajan", "Bennett"]
TEXT = "Parents' evening is on Wednesday 25 November, 3:30pm to 7pm. Reply with a time that suits you."
POLISH = "Zebranie z rodzicami: środa 25 listopada, 15:30-19:00. Prosimy odpisać, która godzina Państwu odpowiada."
URDU = "والدین کی ملاقات بدھ 25 نومبر کو سہ پہر 3:30 سے شام 7 بجے تک ہے۔"
#: A form that is filled in.
FIELDS: dict[str, Any] = {
    "whole": "yes", "tell": "first_contact", "kind": "service", "title": "Parents’ evening: invitation", "wording": "",
    "text": TEXT, "text-pl": POLISH, "text-ur": URDU, "way": ["sms", "email", "voice"],
    "order": ["sms", "email", "voice"], "wait-email": "30", "wait-voice": "120", "replies": "yes", "when": "now",
}  # fmt: skip
FAMILIES = 40


async def people(database: Database) -> None:
    """Forty families; every fifth has two children; three cannot be reached, and two more only by a dead number."""
    async with database.write() as session:
        for channel, medium, address in (
            ("twilio-sms", Medium.SMS, website.OFFICE), ("twilio-voice", Medium.VOICE, website.OFFICE),
            ("smtp", Medium.EMAIL, "office@example.com"),
        ):  # fmt: skip
            session.add(Sender(channel=channel, medium=medium, address=address, rate=100, burst=100))
        for number in range(FAMILIES):
            turn = number % len(TONGUES)
            mum = Contact(
                source_id=f"C{number}", title="Ms", forename=f"{NAMES[-1 - turn]}", surname=SURNAMES[turn],
                written_language=TONGUES[turn],
            )  # fmt: skip
            session.add(mum)
            await session.flush()
            for child in range(2 if number % 5 == 0 else 1):
                year, form = FORMS[(number + child) % len(FORMS)]
                pupil = Pupil(
                    source_id=f"P{number}-{child}", forename=NAMES[(turn + child) % len(NAMES)],
                    surname=f"{SURNAMES[turn]}-{chr(65 + number % 26)}", year=year, form=form,
                )  # fmt: skip
                session.add(pupil)
                await session.flush()
                session.add(
                    Guardianship(
                        pupil_id=pupil.id or 0,
                        contact_id=mum.id or 0,
                        priority=1,
                        parental_responsibility=True,
                        lives_with=True,
                    )
                )
            if number % 13 == 12:  # three have nothing at all
                continue
            dead = number in (3, 4)
            phone = ContactPoint(
                contact_id=mum.id or 0, kind=PointKind.PHONE, address=school.number(), line_type=LineType.MOBILE,
                state=PointState.DEAD if dead else PointState.WORKING,
            )  # fmt: skip
            session.add(phone)
            if number % 4 == 0:
                session.add(
                    ContactPoint(contact_id=mum.id or 0, kind=PointKind.EMAIL, address=f"family{number}@example.com")
                )


async def plan(site: website.Running) -> None:
    """What the daemon would do next: make ready whatever is due."""
    async with site.gateway.database.write_here() as session:
        while await notices.plan_due(session, site.gateway):
            pass


async def arrive(database: Database, share: int = 2) -> None:
    """Of the first texts one in three fails, one is on its way, the others have arrived."""
    message = core(Message)
    async with database.write() as session:
        query = sa.select(message.c.id).where(
            message.c.state == MessageState.QUEUED, message.c.medium == Medium.SMS, message.c.step == 0
        )
        ids = list(await session.scalars(query.order_by(message.c.id)))
        for number, one in enumerate(ids):
            state, reason = MessageState.DELIVERED, ""
            if number % 9 == 7:
                state, reason = MessageState.FAILED, "bad_address"
            elif number % 9 == 8:
                state = MessageState.ACCEPTED
            elif number >= len(ids) - share:
                continue
            await session.execute(sa.update(message).where(message.c.id == one).values(state=state, reason=reason))


async def give_up(database: Database) -> None:
    """Nothing more is on its way: what waits is over, what was taken has arrived."""
    message = core(Message)
    other = message.alias()
    told = sa.select(other.c.id).where(
        other.c.contact_id == message.c.contact_id, other.c.run_id == message.c.run_id,
        other.c.state == MessageState.DELIVERED,
    )  # fmt: skip
    queued = message.c.state == MessageState.QUEUED
    async with database.write() as session:
        for which, after, reason in (
            (message.c.state == MessageState.ACCEPTED, MessageState.DELIVERED, ""),
            (sa.and_(queued, told.correlate(message).exists()), MessageState.SKIPPED, "reached"),
            (sa.and_(queued, message.c.medium == Medium.EMAIL), MessageState.ACCEPTED, ""),
            (queued, MessageState.FAILED, "no_answer"),
        ):
            await session.execute(sa.update(message).where(which).values(state=after, reason=reason))


async def half_way(gateway: context.Gateway) -> None:
    """For pictures: an announcement to the whole school that is half way, and the same as a draft."""
    now, author, texts = gateway.now(), "office:Jo Whitfield", {"en": TEXT, "pl": POLISH, "ur": URDU}
    ladder = [{"media": ["sms"]}, {"media": ["email"], "after": "30m"}, {"media": ["voice"], "after": "2h"}]
    wanted = reading.read(
        {"key": "parents-evening", "title": FIELDS["title"], "purpose": "service", "text": texts, "ladder": ladder,
         "audience": {"whole_school": True, "tell": "first_contact"}, "replies": {"expected": True}}
    )  # fmt: skip
    typed = {name: [value] if isinstance(value, str) else value for name, value in FIELDS.items()}
    async with gateway.database.write() as session:
        await notices.submit(session, gateway, wanted, author=author)
        session.add(
            AnnouncementDraft(id="draft", title=FIELDS["title"], typed=typed, author=author, created_at=now,
                              changed_at=now, changed_by=author)
        )  # fmt: skip
    async with gateway.database.write_here() as session:
        while await notices.plan_due(session, gateway):
            pass
    await arrive(gateway.database, share=20)


@contextlib.asynccontextmanager
async def opened(database: Database, **staff: int) -> AsyncIterator[website.Running]:
    """The school's office; ``staff`` are settings of that name."""

    def changed(gateway: context.Gateway) -> context.Gateway:
        costs = sections.Costs(pence_per_text_part=4, pence_per_call_minute=2)
        settings = absences.settings().model_copy(update={"staff": sections.Staff(**staff), "costs": costs})
        return replace(gateway, settings=settings)

    await people(database)
    async with website.running_on(database, changed=changed) as site:
        yield site
