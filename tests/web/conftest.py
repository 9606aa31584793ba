"""The running site and a family, on both databases."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date

import pytest
from support.website import DAD, MUM, OFFICE, Family, Running, running_on

from channels.base import Medium
from gateway import tokens
from gateway.database import Database
from gateway.models import Contact, ContactPoint, Guardianship, LineType, PointKind, Pupil, Sender


@pytest.fixture
async def running(database: Database) -> AsyncIterator[Running]:
    async with running_on(database) as site:
        yield site


@pytest.fixture
async def api(running: Running) -> Running:
    """The same, and a caller that has a token."""
    gateway = running.gateway
    async with gateway.database.write() as session:
        running.token = await tokens.create(session, "office", log=gateway.log, now=gateway.now())
    return running


@pytest.fixture
async def family(running: Running) -> Family:
    """Ana and Ben, their mother with phone and mailbox, their father, who is barred from Ben; and senders."""
    async with running.gateway.database.write() as session:
        ana = Pupil(source_id="P1", forename="Ana", surname="Nowak", year="3", form="3A", born=date(2018, 1, 1))
        ben = Pupil(source_id="P2", forename="Ben", surname="Nowak", year="5", form="5B", born=date(2016, 1, 1))
        mum = Contact(source_id="C1", title="Ms", forename="Ewa", surname="Nowak", written_language="en")
        dad = Contact(source_id="C2", title="Mr", forename="Jan", surname="Nowak", written_language="en")
        session.add_all([ana, ben, mum, dad])
        await session.flush()
        ids = Family(*(row.id or 0 for row in (ana, ben, mum, dad)))
        for contact, number in ((ids.mum, MUM), (ids.dad, DAD)):
            session.add(
                ContactPoint(contact_id=contact, kind=PointKind.PHONE, address=number, line_type=LineType.MOBILE)
            )
        session.add(ContactPoint(contact_id=ids.mum, kind=PointKind.EMAIL, address="ewa@example.com"))
        for pupil, contact, barred in ((ids.ana, ids.mum, False), (ids.ben, ids.mum, False), (ids.ben, ids.dad, True)):
            session.add(
                Guardianship(
                    pupil_id=pupil, contact_id=contact, priority=1, parental_responsibility=True, no_contact=barred
                )
            )
        session.add(Sender(channel="twilio-sms", medium=Medium.SMS, address=OFFICE))
        session.add(Sender(channel="twilio-voice", medium=Medium.VOICE, address=OFFICE))
        session.add(Sender(channel="smtp", medium=Medium.EMAIL, address="office@example.com"))
    return ids
