"""Notices: submitted, approved, previewed, planned when they are due, cancelled."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlmodel import col, select

from channels.base import Attachment
from gateway import (
    attachments,
    audience,
    audit,
    bell,
    context,
    errors,
    firing,
    outbox,
    planner,
    runs,
    sorting,
    submission,
    tasks,
    tokens,
)
from gateway.accounts import signatures
from gateway.campaigns import deciding
from gateway.database import Session
from gateway.definitions import model, reading
from gateway.events import changes, papers, planning, slots
from gateway.models import Campaign, Message, MessageState, Notice, NoticeState, Purpose, Run, SchoolEvent
from gateway.models.types import core
from gateway.preferences import load, topics

logger = structlog.get_logger()

#: The most urgent notice that is due and that nobody else plans.
_DUE = (
    select(Notice)
    .where(
        col(Notice.state).in_([NoticeState.SCHEDULED, NoticeState.HELD]),
        col(Notice.next_fire_at) <= sa.bindparam("now"),
        col(Notice.paused_at).is_(None),
    )
    .order_by(
        sa.case({purpose.value: purpose.priority for purpose in Purpose}, value=col(Notice.purpose)),
        col(Notice.next_fire_at),
        col(Notice.id),
    )
    .limit(1)
    .with_for_update(skip_locked=True)
    .execution_options(populate_existing=True)
)

_TRIES = 5  #: how often a notice is planned again when the database refuses


@dataclass(frozen=True, slots=True)
class Preview:
    """What would happen: every row, and what the definition asks for and nobody has."""

    definition: model.Definition
    audience: audience.Audience
    rows: Sequence[planner.Planned]
    fire_at: datetime
    meter: load.Meter | None = None  #: what these families got this week, where it has texts that can wait


async def preview(session: Session, gateway: context.Gateway, definition: model.Definition) -> Preview:
    """Work everything out and write nothing.

    Raises :class:`errors.BadDefinition` when words cannot be made.
    """
    now, whole = gateway.now(), definition
    definition = papers.sample(whole, gateway.timezone)
    fire_at = await _first(session, gateway, definition, now=now)
    chosen, needed = await runs.resolve(session, gateway, definition), await runs.means(session, gateway, definition)
    found, got = await runs.sort(session, gateway, definition, chosen, fire_at=fire_at)
    if definition.event:
        rows = await planning.look(session, gateway, whole, chosen, fire_at=fire_at)
    else:
        rows = planner.write(found, definition, chosen.people, needed, fire_at=fire_at, now=now)
    return Preview(definition, chosen, rows, fire_at, _metered(gateway, definition, found, got, fire_at=fire_at))


async def meter(session: Session, gateway: context.Gateway, definition: model.Definition) -> load.Meter | None:
    """What the families that a definition would reach got this week; None where no text of it can wait."""
    if not load.can_wait(definition):
        return None  # an emergency is not kept by counting
    fire_at = await _first(session, gateway, definition, now=gateway.now())
    chosen = await runs.resolve(session, gateway, definition)
    found, got = await runs.sort(session, gateway, definition, chosen, fire_at=fire_at)
    return _metered(gateway, definition, found, got, fire_at=fire_at)


async def _first(
    session: Session, gateway: context.Gateway, definition: model.Definition, *, now: datetime
) -> datetime:
    """When it would fire first, or now where it never does."""
    calendars = await gateway.calendars.look(session)
    return firing.first(definition, now=now, timezone=gateway.timezone, calendars=calendars) or now


def _metered(
    gateway: context.Gateway,
    definition: model.Definition,
    found: sorting.Sorting,
    got: load.Load | None,
    *,
    fire_at: datetime,
) -> load.Meter | None:
    return runs.metered(gateway, definition, found, got, fire_at=fire_at) if got is not None else None


async def submit(
    session: Session,
    gateway: context.Gateway,
    definition: model.Definition,
    *,
    author: str,
    files: Sequence[Attachment] = (),
) -> Notice:
    """Take a definition in, with the ``files`` that it names. It is planned when it is due, at once without a time.

    Raises :class:`errors.BadDefinition` when it cannot be planned today, :class:`errors.Conflict` for a key in use.
    """
    taken = f"A notice “{definition.key}” has been sent or scheduled already. Give this one another key."
    if await session.scalar(select(Notice.id).where(Notice.key == definition.key)):
        raise errors.Conflict(taken)
    attachments.check(definition.attachments, files)
    calendars = await gateway.calendars.look(session)
    fire_at = submission.checked_time(
        definition, now=gateway.now(), timezone=gateway.timezone, calendars=calendars, quiet=gateway.quiet
    )
    if wrong := topics.check(definition, gateway.preferences.topics):
        raise errors.BadDefinition(wrong)
    submission.check_answerable(definition, gateway.settings.text_senders)
    await _check(session, gateway, papers.sample(definition, gateway.timezone), fire_at=fire_at)
    if await needs_second_person(session, gateway, definition):
        definition = definition.model_copy(update={"approval": model.Approval(required=True)})
    now = gateway.now()
    notice = Notice(
        id=gateway.new_id(),
        key=definition.key,
        title=definition.title,
        purpose=definition.purpose,
        state=NoticeState.HELD if definition.approval.required else NoticeState.SCHEDULED,
        definition=definition.model_dump(mode="json", by_alias=True, exclude_defaults=True),
        author=author,
        created_at=now,
        next_fire_at=fire_at,
        topic=topics.declinable(definition),
    )
    try:
        async with session.begin_nested():
            notice.event_id = await _event(session, gateway, definition)
            session.add(notice)
            await session.flush()
            await attachments.keep(session, notice.id, files)
            await deciding.begin(session, notice, definition, now=now)
    except IntegrityError:  # somebody took the key between our look and now
        raise errors.Conflict(taken) from None
    facts = {"key": definition.key, "purpose": definition.purpose, "state": notice.state, "at": notice.next_fire_at}
    await gateway.log.record(session, audit.Line("notice.submitted", f"notice:{notice.id}", facts, author), now=now)
    await bell.ring(session)
    return notice


async def needs_second_person(session: Session, gateway: context.Gateway, definition: model.Definition) -> bool:
    """Whether somebody else must approve it: it says so itself, or it is about more children than the school allows.

    An alarm has a setting of its own.
    """
    most = gateway.settings.staff.second_person_over
    if definition.approval.required or not most or definition.purpose is Purpose.EMERGENCY:
        return definition.approval.required
    return await audience.count(session, definition.audience, today=gateway.today()) > most


async def _check(
    session: Session, gateway: context.Gateway, definition: model.Definition, *, fire_at: datetime
) -> None:
    """Refuse what cannot be planned, or what nobody would get. Of a big school only so much is looked at as that takes.

    Raises :class:`errors.BadDefinition`.
    """
    outlook = submission.Outlook(await runs.try_words(session, gateway, definition))
    async with aclosing(runs.looks(session, gateway, definition, fire_at=fire_at)) as looks:
        async for look in looks:
            outlook.take(look.audience, look.rows)
            if outlook.clear:
                break
    submission.check(outlook, again=definition.schedule.repeats)


async def _event(session: Session, gateway: context.Gateway, definition: model.Definition) -> int | None:
    if definition.event is None:
        return None
    details = definition.event
    event = SchoolEvent(
        key=definition.key,
        title=definition.title,
        place=details.place,
        starts_at=planner.moment(details.starts, gateway.timezone),
        ends_at=planner.moment(details.ends, gateway.timezone) if details.ends else None,
    )
    session.add(event)
    await session.flush()
    await slots.keep(session, event, details, gateway.timezone)
    return event.id


async def plan_due(session: Session, gateway: context.Gateway) -> str | None:
    """Plan the next portion of one notice that is due, the most urgent first, in the caller's transaction.

    Gives its id, or None when nothing is due. One that cannot be planned is marked as broken, and what of it has not
    left is taken back; it never holds up the others.
    """
    now = gateway.now()
    notice = (await session.scalars(_DUE, {"now": now})).first()
    if notice is None or notice.next_fire_at is None:
        return None
    notice_id = notice.id
    try:
        async with session.begin_nested():
            await _fire(session, gateway, notice, due=notice.next_fire_at)
            notice.tries = 0
    except OperationalError:  # the database is away: the notice stays due
        raise
    except Exception as error:
        logger.exception("notice.not_planned", notice=notice_id)
        await session.refresh(notice)  # what was done to it half way was rolled back
        notice.tries += 1
        # An import may have taken a number away while we planned, or two plans were in each other's way: look again.
        if not isinstance(error, DBAPIError) or notice.tries >= _TRIES:
            await _break(session, gateway, notice, error)
    session.add(notice)
    await session.flush()
    return notice_id


async def _fire(session: Session, gateway: context.Gateway, notice: Notice, *, due: datetime) -> None:
    """Plan the next portion of a run; after the last one, see when the next run is."""
    definition = reading.stored(notice.definition)
    run = await runs.under_way(session, notice)
    if run is None:
        decided = await deciding.decide(session, gateway, notice, definition)
        if definition.schedule.repeats and decided is None:
            return  # why not is written down
        await outbox.expire_held(session, await run_ids(session, notice), now=gateway.now())
        run = await runs.begin(session, gateway, notice, definition, fire_at=decided.fire_at if decided else due)
        if decided:
            decided.run_id = run.id
    advance = runs.advance if notice.event_id is None else planning.advance
    last = await advance(session, gateway, notice, definition, run)
    await bell.ring(session)
    if not last:
        return
    if notice.event_id is not None:
        await changes.invited(session, gateway, notice)
    await deciding.lay_out(session, gateway, notice, definition)


async def _break(session: Session, gateway: context.Gateway, notice: Notice, error: Exception) -> None:
    """Give a notice up. Where a part of it was planned already, whatever has not left yet is taken back."""
    now, facts = gateway.now(), dict[str, int]()
    notice.state, notice.next_fire_at, notice.trouble = NoticeState.BROKEN, None, _told(error)
    if run := await runs.under_way(session, notice):
        taken_back = await outbox.cancel(session, [run.id or 0], now=now)
        facts = {"run": run.id or 0, "taken_back": taken_back}
        notice.trouble += (
            f" {run.messages} messages were planned before; {taken_back} had not left and were taken back."
        )
    again = await session.get(Campaign, notice.id) is not None
    cure = f"handbell notice show {notice.key} says why."
    cure += f" When that is mended: handbell campaign resume {notice.key}" if again else ""
    what = f"“{notice.title}” could not be planned: not everybody was told{', and it fires no more' if again else ''}."
    ask = tasks.Ask("notice.broken", f"notice:{notice.id}", what, cure, urgent=notice.purpose.urgent)
    await tasks.ask(session, ask, log=gateway.log, now=now)
    await gateway.log.record(session, audit.Line("notice.broken", f"notice:{notice.id}", facts), now=now)


def _told(error: Exception) -> str:
    """What staff read of it; never more than the name of an error that may quote people's words."""
    if isinstance(error, errors.HandbellError):
        return str(error)
    return f"Handbell itself failed ({type(error).__name__}). The journal says more."


async def find(session: Session, name: str) -> Notice:
    """A notice by its key or its id.

    Raises :class:`errors.NotFound`.
    """
    query = select(Notice).where(sa.or_(col(Notice.key) == name, col(Notice.id) == name))
    notice = (await session.scalars(query)).one_or_none()
    if notice is None:
        raise errors.NotFound(f"There is no notice “{name}”.")
    return notice


async def _locked(session: Session, name: str) -> Notice:
    """A notice that nobody plans, approves or cancels until the caller's transaction ends."""
    notice = await find(session, name)
    await session.refresh(notice, with_for_update=True)
    return notice


async def _objection(session: Session, approver: str, author: str) -> str:
    """Why an approver is no second person; whoever made a program's token stands behind what it does."""
    if objection := signatures.objection(approver, author):
        return objection
    if signatures.is_same(await _behind(session, approver), await _behind(session, author)):
        return "a program works with the token that somebody made: somebody else must approve it."
    return ""


async def _behind(session: Session, signature: str) -> str:
    if not signature.startswith(signatures.PROGRAM):
        return signature
    return await tokens.maker(session, signature.removeprefix(signatures.PROGRAM)) or signature


async def approve(session: Session, gateway: context.Gateway, name: str, *, approver: str) -> Notice:
    """Let a held notice go. The author cannot be the second pair of eyes.

    Raises :class:`errors.NotFound` or :class:`errors.Conflict`.
    """
    notice, now = await _locked(session, name), gateway.now()
    if notice.state is not NoticeState.HELD:
        raise errors.Conflict(f"“{notice.key}” does not wait for approval: it is {notice.state.value}.")
    if objection := await _objection(session, approver, notice.author):
        raise errors.Conflict(f"“{notice.key}” was written by {notice.author}: {objection}")
    if notice.next_fire_at is None and await outbox.held_too_long(session, await run_ids(session, notice), now=now):
        raise errors.Conflict(f"“{notice.key}” waited too long: it is no longer worth saying. Send it anew.")
    notice.approver, notice.approved_at = approver, now
    notice.state = NoticeState.SCHEDULED
    if notice.next_fire_at is None:
        await deciding.lay_out(session, gateway, notice, reading.stored(notice.definition))
    session.add(notice)
    await session.flush()
    released = 0
    for run_id in await run_ids(session, notice):
        released += await outbox.release(session, run_id, now=now)
        await runs.ask_released(session, gateway, run_id)
    line = audit.Line("notice.approved", f"notice:{notice.id}", {"released": released}, approver)
    await gateway.log.record(session, line, now=now)
    await bell.ring(session)
    return notice


async def cancel(session: Session, gateway: context.Gateway, name: str, *, actor: str) -> int:
    """Take back whatever has not left, and fire no more. Gives how many messages were taken back.

    Raises :class:`errors.NotFound` or :class:`errors.Conflict`.
    """
    notice, now = await _locked(session, name), gateway.now()
    if notice.state is NoticeState.CANCELLED:
        raise errors.Conflict(f"“{notice.key}” was cancelled already.")
    notice.state, notice.next_fire_at = NoticeState.CANCELLED, None
    session.add(notice)
    if notice.event_id is not None:  # with the notice that announced it
        announced = (col(SchoolEvent.id) == notice.event_id, col(SchoolEvent.key) == notice.key)
        later = col(SchoolEvent.sequence) + 1  # by which calendars that follow it know
        cancelled = sa.update(SchoolEvent).where(*announced).values(cancelled_at=now, changed_at=now, sequence=later)
        if (await session.execute(cancelled.returning(col(SchoolEvent.id)))).first():
            await changes.put_aside(session, gateway, notice.event_id, by=actor)
    await session.flush()
    taken_back = await outbox.cancel(session, await run_ids(session, notice), now=now)
    await tasks.over(session, f"notice:{notice.id}", by=f"{actor}: cancelled", log=gateway.log, now=now)
    line = audit.Line("notice.cancelled", f"notice:{notice.id}", {"taken_back": taken_back}, actor)
    await gateway.log.record(session, line, now=now)
    return taken_back


async def pause(session: Session, gateway: context.Gateway, name: str, *, by: str) -> int:
    """Hold back whatever of a notice has not left, until somebody resumes it. Gives how many messages that was.

    A campaign is paused by :mod:`gateway.campaigns.deeds`, which makes up for nothing that falls into the pause.
    Raises :class:`errors.NotFound` or :class:`errors.Conflict`.
    """
    notice, now = await _locked(session, name), gateway.now()
    if notice.paused_at is not None:
        raise errors.Conflict(f"“{notice.key}” is paused already, by {notice.paused_by}.")
    if notice.state not in (NoticeState.SCHEDULED, NoticeState.DONE):
        raise errors.Conflict(f"“{notice.key}” cannot be paused: it is {notice.state.value}.")
    notice.paused_at, notice.paused_by = now, by
    session.add(notice)
    await session.flush()
    held = await outbox.hold(session, await run_ids(session, notice), now=now)
    await gateway.log.record(session, audit.Line("notice.paused", f"notice:{notice.id}", {"held": held}, by), now=now)
    return held


async def resume(session: Session, gateway: context.Gateway, name: str, *, by: str) -> int:
    """Let a paused notice go on: nobody gets twice what has left. Gives how many messages go on.

    Raises :class:`errors.NotFound` or :class:`errors.Conflict`.
    """
    notice, now = await _locked(session, name), gateway.now()
    if notice.paused_at is None or notice.state is NoticeState.CANCELLED:
        raise errors.Conflict(f"“{notice.key}” is not paused.")
    notice.paused_at, notice.paused_by = None, ""
    session.add(notice)
    await session.flush()
    released = 0
    for run_id in await run_ids(session, notice):
        released += await outbox.release(session, run_id, now=now)
    line = audit.Line("notice.resumed", f"notice:{notice.id}", {"released": released}, by)
    await gateway.log.record(session, line, now=now)
    await bell.ring(session)
    return released


async def run_ids(session: Session, notice: Notice) -> list[int]:
    """The ids of a notice's runs, oldest first."""
    query = select(Run.id).where(Run.notice_id == notice.id).order_by(col(Run.id))
    return [run_id for run_id in await session.scalars(query) if run_id is not None]


async def tally(session: Session, notice: Notice) -> dict[tuple[str, MessageState, str], int]:
    """How many messages of a notice are in which state, by medium and reason."""
    t = core(Message).c
    query = (
        sa.select(t.medium, t.state, t.reason, sa.func.count())
        .where(t.run_id.in_(await run_ids(session, notice)))
        .group_by(t.medium, t.state, t.reason)
    )
    return {(medium.value, state, reason): count for medium, state, reason, count in await session.execute(query)}
