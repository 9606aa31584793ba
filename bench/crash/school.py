"""The school of the laboratory: families with a phone and a mailbox each, and notices that say which one they are."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from bench import house
from bench.crash import plan, programs
from config import sections
from config.settings import Settings
from gateway import audit, context, errors, notices
from gateway.database import Database
from gateway.definitions import reading
from gateway.models import Contact, ContactPoint, Guardianship, LineType, PointKind, Pupil

FAMILIES = 40  #: so many messages has each notice

#: Everything that waits is quicker than in life, in the same proportion: a lease outlasts a call, and the time of grace
#: outlasts whatever the provider's list lags behind.
_QUICK = """
connect_timeout_s = 1.0
read_timeout_s = 1.5
poll_every_s = 2
[[twilio.voice_senders]]
address = "+441134960002"
calls_per_second = 40
burst = 10
{mail}timeout_s = 1.3
[costs]
pence_per_text_part = 3.4
[sending]
trial = false
poll_s = 0.2
lease_s = 3.5
in_doubt_grace_s = 1.2
in_doubt_patience_s = {patience}
sweep_s = 0.4
lane_hold_s = 0.5
[sending.retry.sms]
base_s = 0.2
max_s = 1
max_attempts = 80
[sending.retry.email]
base_s = 0.2
max_s = 1
max_attempts = 80
[sending.retry.voice]
base_s = 0.2
max_s = 1
max_attempts = 80
"""


_MAIL = """[smtp]
host = "127.0.0.1"
port = {port}
security = "none"
from_address = "office@oakfield.example"
messages_per_second = 60
"""


def write_settings(file: Path, world: programs.World, *, database: str, port: int, patience: float) -> None:
    """The settings file; ``patience`` in seconds is for evidence about doubts."""
    settings(file, world, database=database, port=port, more=_QUICK.format(mail=mail(world), patience=patience))


def settings(
    file: Path, world: programs.World, *, database: str, port: int, public_url: str = "", more: str = ""
) -> None:
    """Write the settings of a school that sends by this world. ``more`` goes on in ``[twilio]``."""
    text = house.school(
        file.parent, database, port, provider=world.http_url, token=world.token, rate=80, burst=20,
        public_url=public_url, more=more,
    )  # fmt: skip
    file.write_text(text)


def mail(world: programs.World) -> str:
    """The settings of its mail server, to go on in ``[smtp]``."""
    return _MAIL.format(port=world.smtp_port)


async def fill(database: Database, *, families: int) -> None:
    """Put the families in. Telephone numbers are Ofcom's for drama."""
    async with database.write() as session:
        for number in range(families):
            child = Pupil(source_id=f"p{number}", forename=f"Child{number}", surname="Example")
            parent = Contact(source_id=f"c{number}", forename=f"Parent{number}", surname="Example")
            session.add_all([child, parent])
            await session.flush()
            assert child.id is not None
            assert parent.id is not None
            phone, mailbox = f"+447700900{200 + number}", f"parent{number}@example.com"
            session.add_all(
                [
                    Guardianship(pupil_id=child.id, contact_id=parent.id, priority=1, parental_responsibility=True),
                    ContactPoint(
                        contact_id=parent.id, kind=PointKind.PHONE, address=phone, line_type=LineType.MOBILE, rank=1
                    ),
                    ContactPoint(
                        contact_id=parent.id, kind=PointKind.EMAIL, address=mailbox, line_type=LineType.NONE, rank=1
                    ),
                ]
            )


class Office:
    """Whoever hands notices in: once each, however often the database goes away in the middle of it."""

    def __init__(self, database: Database, *, key: str) -> None:
        settings = Settings(
            school=sections.School(name="Oakfield Primary School", short_name="Oakfield", phone="0113 496 0000"),
            quiet=sections.Quiet(enabled=False),
            load=sections.Load(texts_per_day=0, texts_per_week=0),
        )
        self._database = database
        self._gateway = context.Gateway(
            settings=settings,
            database=database,
            log=audit.Log(key.encode()),
            secret=b"s" * 32,
            channels={},
            now=lambda: datetime.now(UTC),
        )
        self._number = 0
        self._words = ""
        self.submitted: list[str] = []

    async def send(self, order: plan.Order) -> None:
        """Hand one notice in. Raises what the database raised, and then it may be handed in again."""
        if not order.twin:
            self._words = f"Notice {self._number}: school finishes at 1pm on Friday."
        key = f"notice-{self._number}"
        definition = reading.read(
            {
                "key": key,
                "title": f"Notice {self._number}",
                "purpose": order.purpose,
                "text": {"en": self._words},
                "audience": {"whole_school": True},
                "media": [order.medium],
            }
        )
        try:
            async with self._database.write() as session:
                await notices.submit(session, self._gateway, definition, author="office")
        except errors.Conflict:
            pass  # a commit that seemed to fail had not
        self._number += 1
        self.submitted.append(key)
