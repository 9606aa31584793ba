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
from gateway.models import Notice, NoticeFile, Run, SchoolEvent
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
        self._kept: OrderedDict[int, tuple[Attachment, ...]] = OrderedDict()

    async def of(self, message: Mapping[str, Any]) -> tuple[Attachment, ...]:
        """The files that go along with a message; none for anything but an email of a notice."""
        run_id = message["run_id"]
        if message["medium"] != Medium.EMAIL or run_id is None:
            return ()
        if run_id not in self._kept:
            self._kept[run_id] = await self._read(run_id)
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(run_id)
        return self._kept[run_id]

    async def _read(self, run_id: int) -> tuple[Attachment, ...]:
        file, run, notice, event = core(NoticeFile), core(Run), core(Notice), core(SchoolEvent)
        files = (
            sa.select(file.c.name, file.c.content_type, file.c.content)
            .join(run, run.c.notice_id == file.c.notice_id)
            .where(run.c.id == run_id)
            .order_by(file.c.place)
        )
        events = (
            sa.select(notice.c.id.label("notice_id"), notice.c.definition, event)
            .select_from(run)
            .join(notice, notice.c.id == run.c.notice_id)
            .join(event, event.c.id == notice.c.event_id)
            .where(run.c.id == run_id)
        )
        async with self._database.read() as session:
            rows = (await session.execute(files)).all()
            happening = (await session.execute(events)).mappings().first()
        found = [Attachment(row.name, row.content_type, row.content) for row in rows]
        if happening and happening["definition"]["event"].get("calendar_file", True):
            found.append(self._calendar_file(dict(happening)))
        return tuple(found)

    def _calendar_file(self, event: Mapping[str, Any]) -> Attachment:
        content = invitation.calendar_file(
            uid=f"{event['notice_id']}@handbell",
            title=event["title"],
            starts=event["starts_at"],
            ends=event["ends_at"],
            place=event["place"],
            school=self._school,
            cancelled=event["cancelled_at"] is not None,
            now=self._now(),
        )
        return Attachment("event.ics", invitation.CONTENT_TYPE, content)
