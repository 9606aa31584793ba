"""Files that go along with emails: read beside a definition, kept with its notice, handed to the channel."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from channels.base import Attachment, Medium
from gateway import errors
from gateway.database import Database, Session
from gateway.models import EventGuest, EventSlot, EventTold, GuestState, Notice, NoticeFile, Run, SchoolEvent
from gateway.models.types import core
from templates import invitation

#: What schools send and mailboxes let through: no program, no archive, no page (compare Gmail's list of blocked files).
TYPES: Mapping[str, str] = {
    ".pdf": "application/pdf",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ".odt": "application/vnd.oasis.opendocument.text",
    ".ods": "application/vnd.oasis.opendocument.spreadsheet",
    ".txt": "text/plain; charset=utf-8",
    ".csv": "text/csv; charset=utf-8",
    ".ics": "text/calendar; charset=utf-8",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
}
MOST_BYTES = 7_000_000  #: together: base64 makes a third more of it, and many mailboxes take 10 MB and no more
_KEPT = 16  #: runs whose files stay in memory


def read(definition: Path, names: Sequence[str]) -> list[Attachment]:
    """Read the files that lie beside a definition.

    Raises :class:`errors.BadDefinition` with every one that is missing, not to be sent, or too long.
    """
    problems: list[errors.Problem] = []
    found: list[Attachment] = []
    for name in names:
        try:
            found.append(_read(definition.parent, name))
        except errors.BadDefinition as error:
            problems += error.problems
    if len({name.casefold() for name in names}) < len(names):
        problems.append(_problem("the same file stands there twice.", "Name each file once."))
    if sum(len(file.content) for file in found) > MOST_BYTES:
        what = f"the files have more than {MOST_BYTES // 1_000_000} MB together, which many mailboxes refuse."
        problems.append(_problem(what, "Make them smaller, or put them on the school's website and send the link."))
    if problems:
        raise errors.BadDefinition(problems)
    return found


def _read(folder: Path, name: str) -> Attachment:
    content_type = TYPES.get(Path(name).suffix.lower())
    if not name or Path(name).name != name or set(name) & set('/\\"') or not name.isprintable() or len(name) > 100:
        cure = "Give its name without a folder, 100 letters at most; it lies beside the definition."
        raise errors.BadDefinition([_problem(f"“{name}” is not the name of a file.", cure)])
    if content_type is None:
        cure = f"Send one of these: {' '.join(TYPES)}."
        raise errors.BadDefinition([_problem(f"“{name}” is of a sort that mailboxes refuse or that is unsafe.", cure)])
    try:
        if (folder / name).stat().st_size > MOST_BYTES:
            what = f"“{name}” has more than {MOST_BYTES // 1_000_000} MB, which many mailboxes refuse."
            raise errors.BadDefinition([_problem(what, "Make it smaller, or send a link to it.")])
        content = (folder / name).read_bytes()
    except OSError:
        cure = "It must lie in the folder of the definition."
        raise errors.BadDefinition([_problem(f"there is no file “{name}” that can be read.", cure)]) from None
    if not content:
        raise errors.BadDefinition([_problem(f"“{name}” is empty.", "Save it again.")])
    return Attachment(name, content_type, content)


def _problem(what: str, cure: str) -> errors.Problem:
    return errors.Problem(what, cure, field="attachments")


def check(names: Sequence[str], files: Sequence[Attachment]) -> None:
    """Refuse a definition whose files did not come along. Raises :class:`errors.BadDefinition`."""
    if sorted(names) != sorted(file.name for file in files):
        cure = "Send it with handbell notice send, from the folder where the files lie."
        raise errors.BadDefinition([_problem("the files of this notice did not come along.", cure)])


async def keep(session: Session, notice_id: str, files: Sequence[Attachment]) -> None:
    """Keep a notice's files as they are now: what is approved is what is sent."""
    session.add_all(
        NoticeFile(
            notice_id=notice_id,
            name=file.name,
            place=place,
            content_type=file.content_type,
            content=file.content,
            sha256=hashlib.sha256(file.content).hexdigest(),
        )
        for place, file in enumerate(files)
    )
    await session.flush()


class Files:
    """The files of messages that are being sent, read once for each run. ``school`` stands before an event's name."""

    def __init__(self, database: Database, *, school: str, now: Callable[[], datetime]) -> None:
        self._database, self._school, self._now = database, school, now
        self._kept: OrderedDict[int, tuple[tuple[Attachment, ...], bool]] = OrderedDict()

    async def of(self, message: Mapping[str, Any]) -> tuple[Attachment, ...]:
        """The files that go along with an email of a notice, or with our answer to what a family said of an event."""
        run_id = message["run_id"]
        if message["medium"] != Medium.EMAIL:
            return ()
        if run_id is None:
            answer = await self._answered(message["id"])
            return () if answer is None else (self._calendar_file(answer),)
        if run_id not in self._kept:
            self._kept[run_id] = await self._read(run_id)
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(run_id)
        files, about_event = self._kept[run_id]
        entry = await self._entry(message["id"], run_id) if about_event else None
        return files if entry is None else (*files, self._calendar_file(entry))

    async def _read(self, run_id: int) -> tuple[tuple[Attachment, ...], bool]:
        """The files of a run's notice, and whether it is about an event that families put into their calendars."""
        file, run, notice = core(NoticeFile), core(Run), core(Notice)
        files = (
            sa.select(file.c.name, file.c.content_type, file.c.content)
            .join(run, run.c.notice_id == file.c.notice_id)
            .where(run.c.id == run_id)
            .order_by(file.c.place)
        )
        notices = sa.select(notice.c.definition).join(run, run.c.notice_id == notice.c.id)
        async with self._database.read() as session:
            rows = (await session.execute(files)).all()
            definition = await session.scalar(notices.where(run.c.id == run_id, notice.c.event_id.is_not(None)))
        found = tuple(Attachment(row.name, row.content_type, row.content) for row in rows)
        return found, bool(definition and definition["event"].get("calendar_file", True))

    async def _entry(self, message_id: str, run_id: int) -> Mapping[str, Any] | None:
        """What the calendar of whoever gets a message should have: the event, at the time that is theirs.

        None while they have not chosen one of several times.
        """
        run, notice, event = core(Run).c, core(Notice).c, core(SchoolEvent).c
        told, guest, slot = core(EventTold).c, core(EventGuest).c, core(EventSlot).c
        times = sa.select(sa.func.count()).where(slot.event_id == event.id, slot.again.is_(False)).scalar_subquery()
        query = (
            sa.select(
                event.key, event.title, event.cancelled_at, event.starts_at, event.ends_at, event.place,
                (event.sequence + sa.func.coalesce(guest.sequence, 0)).label("sequence"),
                guest.id.label("guest"), guest.state, slot.starts_at.label("from"), slot.ends_at.label("until"),
                slot.place.label("room"),
                slot.again, times.correlate(core(SchoolEvent)).label("times"),
            )
            .select_from(core(Run))
            .join(core(Notice), notice.id == run.notice_id)
            .join(core(SchoolEvent), event.id == notice.event_id)
            .outerjoin(core(EventTold), told.message_id == message_id)
            .outerjoin(core(EventGuest), guest.id == told.guest_id)
            .outerjoin(core(EventSlot), sa.and_(slot.id == guest.slot_id, guest.state == GuestState.COMING))
            .where(run.id == run_id)
        )  # fmt: skip
        async with self._database.read() as session:
            found = dict((await session.execute(query)).mappings().one())
        own = {"starts_at": found["from"], "ends_at": found["until"], "place": found["room"] or found["place"]}
        if found["from"] is not None and (found["times"] > 1 or found["again"]):
            found |= own
        elif found["times"] > 1 or found["state"] == GuestState.OFFERED:
            return None
        over = found["starts_at"] <= self._now() and found["cancelled_at"] is None
        return None if over else found

    async def _answered(self, message_id: str) -> Mapping[str, Any] | None:
        """The entry of a household whose answer is confirmed: at the time that it has chosen, or taken out again."""
        notice, event = core(Notice).c, core(SchoolEvent).c
        told, guest, slot = core(EventTold).c, core(EventGuest).c, core(EventSlot).c
        times = sa.select(sa.func.count()).where(slot.event_id == event.id, slot.again.is_(False)).scalar_subquery()
        query = (
            sa.select(
                event.key, event.title, event.cancelled_at, event.starts_at, event.ends_at, event.place,
                (event.sequence + guest.sequence).label("sequence"), guest.sequence.label("own"),
                guest.id.label("guest"), guest.state, slot.starts_at.label("from"), slot.ends_at.label("until"),
                slot.place.label("room"), slot.again, times.correlate(core(SchoolEvent)).label("times"),
                notice.definition,
            )
            .select_from(core(EventTold))
            .join(core(EventGuest), guest.id == told.guest_id)
            .join(core(SchoolEvent), event.id == guest.event_id)
            .join(core(Notice), notice.key == event.key)
            .outerjoin(core(EventSlot), slot.id == guest.slot_id)
            .where(told.message_id == message_id)
        )  # fmt: skip
        async with self._database.read() as session:
            row = (await session.execute(query)).mappings().one_or_none()
        if row is None or not row["definition"]["event"].get("calendar_file", True):
            return None
        found = dict(row)
        chosen = found["times"] > 1 or found["again"]
        if found["state"] == GuestState.COMING and found["from"] is not None:
            room = found["room"] or found["place"]
            found |= {"starts_at": found["from"], "ends_at": found["until"], "place": room} if chosen else {}
        elif found["times"] > 1 and found["own"]:  # it had a time
            found["cancelled_at"] = self._now()
        else:
            return None
        return None if found["starts_at"] <= self._now() else found

    def _calendar_file(self, event: Mapping[str, Any]) -> Attachment:
        cancelled = event["cancelled_at"] is not None
        entry = invitation.Entry(
            uid=".".join(filter(None, [event["key"], str(event["guest"] or "")])) + "@handbell",
            title=f"{self._school}: {event['title']}" if self._school else event["title"],
            starts=event["starts_at"],
            ends=event["ends_at"],
            place=event["place"],
            cancelled=cancelled,
            sequence=event["sequence"],
            changed=self._now(),
        )
        return Attachment("event.ics", invitation.content_type(cancelled=cancelled), invitation.calendar_file(entry))
