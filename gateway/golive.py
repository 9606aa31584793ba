"""The go-live check: what must be true before a school's messages reach families (``docs/going-live.md``).

Each check gives one finding by a name that stays, so that somebody may answer for it by that name, with a reason.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import aiohttp
import sqlalchemy as sa
from sqlmodel import col, select

from channels.base import Callbacks, Medium
from gateway import audit, context, errors, polling, trial, upsert
from gateway import staff as writing
from gateway.accounts import staff
from gateway.agenda import coming
from gateway.backup import copies
from gateway.database import Session
from gateway.doctor import Finding, State, machine, ways_back, ways_out
from gateway.models import (
    Account,
    ContactPoint,
    Conversation,
    Message,
    MessageState,
    Notice,
    NoticeState,
    Pupil,
    Purpose,
    Reply,
    Run,
    TrialGuest,
    Waiver,
)
from gateway.models.types import Keyword, core
from gateway.roles import Role
from gateway.trust import visiting

_FAR: Final = timedelta(days=366)
_FRESH: Final = timedelta(days=7)  #: a copy that is older is none
_NEEDS_CODES: Final = (Role.IT, Role.HEAD, Role.SAFEGUARDING)  #: who may see or change what others may not
_KNOCK_SECONDS: Final = 10
_GUESTS: Final = sa.select(core(TrialGuest).c.address)
_MAIL: Final = "smtp"  #: the channel that looks at the records of its domain
_TRY: Final = "Add a guest (handbell trial guests add), write to them (handbell trial test)"


async def check(gateway: context.Gateway) -> list[Finding]:
    """Look at everything, and ask the providers. What somebody answers for is ``warn``, whatever was found."""
    found = [*await _providers(gateway), await _way_back(gateway)]
    async with gateway.database.read() as session:
        found += [await _stop(session, gateway), await _test_message(session, gateway), await _people(session)]
        found += [await _staff(session, gateway), _audit_key(gateway), await _backup(session, gateway)]
        waived = {one.of: one for one in await waivers(session)}
    return [_answered_for(one, waived[one.name]) if one.name in waived else one for one in found]


async def asks_for_codes(session: Session, role: Role) -> bool:
    """Whether the school lets nobody in by a password alone who is this, and nobody answers for those who do."""
    return role in _NEEDS_CODES and not any(one.of == "staff" for one in await waivers(session))


async def waivers(session: Session) -> Sequence[Waiver]:
    """What somebody answers for."""
    return (await session.scalars(select(Waiver).order_by(col(Waiver.of)))).all()


async def waive(
    session: Session, of: str, because: str, *, findings: Sequence[Finding], actor: str, log: audit.Log, now: datetime
) -> None:
    """Let somebody answer for a finding. Raises :class:`errors.NotFound` for a name that no finding has."""
    if of not in {one.name for one in findings}:
        raise errors.NotFound(f"The go-live check has no finding “{of}”. See handbell golive check.")
    row = {"of": of, "because": because, "at": now, "by": actor}
    await upsert.insert(session, core(Waiver), [row], key=("of",), update=("because", "at", "by"))
    facts = {"of": of, "because": because}
    await log.record(session, audit.Line("golive.waived", facts=facts, actor=actor), now=now)


async def end_trial(session: Session, gateway: context.Gateway, findings: Sequence[Finding], *, actor: str) -> None:
    """End the trial. Raises :class:`errors.Conflict` while something is bad that nobody answers for."""
    if bad := [one.name for one in findings if one.state == "bad"]:
        what = f"The trial goes on: {', '.join(bad)}. handbell golive check says what to do about each."
        raise errors.Conflict(f"{what} Whoever answers for one says so with handbell golive waive.")
    open_ones = {one.name for one in findings if one.state != "ok"}
    waived = [one.of for one in await waivers(session) if one.of in open_ones]
    await trial.end(session, waived=waived, actor=actor, log=gateway.log, now=gateway.now())


async def send_test(session: Session, gateway: context.Gateway, *, actor: str) -> int:
    """Write to every guest, so that they see something come and may try to stop it. Gives how many that is."""
    addresses = [one.address for one in await trial.guests(session)]
    school, now = gateway.settings.school.short_name, gateway.now()
    words = f"{school}: a test of Handbell. All is well. To try stopping these messages, reply STOP, then START."
    sent = await writing.write(
        session, gateway, addresses, words, subject=f"{school}: a test", slot=f"test:{now:%d%H%M%S}",
        purpose=Purpose.SERVICE, priority=Purpose.SERVICE.priority,
    )  # fmt: skip
    line = audit.Line("trial.tested", facts={"messages": sent}, actor=actor)
    await gateway.log.record(session, line, now=now)
    return len(sent)


async def goes_by_itself(session: Session, *, now: datetime) -> Sequence[str]:
    """What will go out without anybody's doing, to families, once the trial is over: the keys of notices, then the
    titles of what is none yet.

    What follows from something that went out in the trial goes to whoever had that: it is said so.
    """
    t, begun = core(Notice).c, core(Notice).alias("begun").c
    waits = (t.state == NoticeState.SCHEDULED, t.next_fire_at.is_not(None), t.paused_at.is_(None))
    the_same = sa.or_(begun.id == t.id, begun.event_id == t.event_id)
    has_begun = sa.exists().where(the_same, core(Run).c.notice_id == begun.id)
    query = sa.select(t.key, t.definition, t.event_id.is_not(None), has_begun).where(*waits).order_by(t.next_fire_at)
    found = list[str]()
    for key, definition, of_event, has in await session.execute(query):
        follows = has and (of_event or definition.get("schedule", {}).get("date"))
        found.append(f"{key} (only who had its beginning)" if follows else key)
    return [*found, *(f"{one.title} ({one.about})" for one in await coming.unwritten(session, until=now + _FAR))]


def _answered_for(finding: Finding, waiver: Waiver) -> Finding:
    if finding.state == "ok":
        return finding
    sentence = f"{finding.sentence} {waiver.by} answers for it: {waiver.because}"
    return dataclasses.replace(finding, state="warn", sentence=sentence)


def _worst(name: str, found: Sequence[Finding]) -> Finding:
    """Several findings as one: of the worst state, with what it says and what to do."""
    states = {one.state for one in found}
    state: State = "bad" if "bad" in states else "warn" if "warn" in states else "ok"
    of = [one for one in found if one.state == state]
    cures = dict.fromkeys(one.cure for one in of if one.cure)
    return Finding(name, state, " ".join(f"{one.name}: {one.sentence}" for one in of), " ".join(cures))


async def _providers(gateway: context.Gateway) -> list[Finding]:
    """Each provider answers and knows us; and whether mailboxes will believe our mail, by the records of its domain."""
    found = [one async for one in ways_out.channels(gateway)]
    mail = [one for one in found if one.name == _MAIL]
    records = mail[1:]  # the first says whether the server answers
    senders = _worst("senders", [one for one in found if one not in records])
    return [senders, _worst("mail records", records)] if records else [senders]


async def _way_back(gateway: context.Gateway) -> Finding:
    """Receipts and answers reach us: by webhooks that the world can knock at, or by lists that can be read."""
    found = [*ways_back.ways(gateway), *await ways_back.looks(gateway)]
    called = [name for name, channel in gateway.channels.items() if isinstance(channel, Callbacks)]
    called += gateway.lines
    if gateway.public_url and called:
        doors = [f"{gateway.public_url}/hooks/{name}/status" for name in called]
        found += await asyncio.gather(*map(_knock, doors))  # a proxy may let one provider in and another not
    elif called and polling.pause(gateway) is None:
        found.append(Finding("lists", "bad", "No answer can come in.", "Set web.public_base_url, or twilio.poll."))
    return _worst("answers", found) if found else Finding("answers", "ok", "Nothing that is set up takes answers.")


async def _knock(url: str) -> Finding:
    """Call our own webhook as a stranger: it is there, from outside, where it sends a forged call away."""
    name, limit = "webhook", aiohttp.ClientTimeout(total=_KNOCK_SECONDS)
    cure = "Does the proxy forward /hooks/ to Handbell, which must be running? See docs/operations.md."
    try:
        async with aiohttp.ClientSession(timeout=limit) as client, client.post(url, allow_redirects=False) as answer:
            status = answer.status
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        return Finding(name, "bad", f"{url} cannot be reached from here ({type(error).__name__}).", cure)
    if status == 403:
        return Finding(name, "ok", f"{url} is there, and sends a forged call away.")
    return Finding(name, "bad", f"{url} answers {status}, and Handbell would have answered 403.", cure)


async def _stop(session: Session, gateway: context.Gateway) -> Finding:
    """A guest has stopped our texts by a word, and Handbell heard it."""
    if not any(channel.medium is Medium.SMS for channel in gateway.channels.values()):
        return Finding("stop", "ok", "No texts are sent; every email has a link to unsubscribe.")
    heard = (
        sa.select(core(Reply).c.id)
        .join(core(Conversation), col(Conversation.id) == col(Reply.conversation_id))
        .where(col(Reply.keyword) == Keyword.OPT_OUT, col(Conversation.address).in_(_GUESTS))
    )
    if await session.scalar(heard.limit(1)):
        return Finding("stop", "ok", "A guest has texted STOP, and it was heard.")
    return Finding("stop", "bad", "No guest has tried STOP yet.", f"{_TRY}, and let them text STOP, then START.")


async def _test_message(session: Session, gateway: context.Gateway) -> Finding:
    """Something has arrived at a guest's phone; where there are no texts, the mail server has taken something."""
    texts = any(channel.medium is Medium.SMS for channel in gateway.channels.values())
    t, arrived = core(Message).c, [MessageState.DELIVERED] if texts else [MessageState.DELIVERED, MessageState.ACCEPTED]
    medium = Medium.SMS if texts else Medium.EMAIL
    to_guest = (t.address.in_(_GUESTS), t.medium == medium, t.state.in_(arrived))
    if await session.scalar(sa.select(t.id).where(*to_guest).limit(1)):
        return Finding("test message", "ok", "A message has arrived at a guest.")
    what = "text" if texts else "email"
    return Finding("test message", "bad", f"No {what} has arrived at a guest yet.", f"{_TRY}, and wait until it came.")


async def _people(session: Session) -> Finding:
    """There are pupils, and somebody who can be reached."""
    pupils, points = [await session.scalar(sa.select(sa.func.count()).select_from(of)) or 0
                      for of in (Pupil, ContactPoint)]  # fmt: skip
    sentence = f"{pupils:,} pupils, and {points:,} phones and mailboxes."
    if pupils and points:
        return Finding("people", "ok", sentence)
    return Finding("people", "bad", sentence, "handbell import files pupils.csv contacts.csv")


async def _staff(session: Session, gateway: context.Gateway) -> Finding:
    """Whoever may see or change most is asked for a code of their phone; people of another school sign in there."""
    people = [
        one for one in await staff.listed(session) if not (one.disabled_at or await _visits(session, gateway, one))
    ]
    without = [one.name for one in people if one.role in _NEEDS_CODES and not one.secret]
    if without:
        sentence = f"{', '.join(without)} can come in by a password alone."
        return Finding("staff", "bad", sentence, "Each of them switches codes on under their own name.")
    if not any(one.secret for one in people):
        cure = "handbell staff add; then they switch codes on under their own name."
        return Finding("staff", "bad", "Nobody of the staff is on file who is asked for a code of their phone.", cure)
    return Finding("staff", "ok", f"{len(people)} on file; whoever may see most is asked for a code of their phone.")


async def _visits(session: Session, gateway: context.Gateway, account: Account) -> bool:
    of_a_trust = bool(gateway.database.school)
    return of_a_trust and not account.password and await visiting.holds(session, account.email, account.role)


def _audit_key(gateway: context.Gateway) -> Finding:
    """No program can see whether a copy lies in the safe, so somebody must say so."""
    [found] = machine.key(gateway)
    if found.state != "ok":
        return dataclasses.replace(found, name="audit key")
    cure = 'Copy it, then: handbell golive waive "audit key" --because "A copy lies in the safe."'
    return Finding("audit key", "bad", "Nobody has said that a copy of audit.key is kept elsewhere.", cure)


async def _backup(session: Session, gateway: context.Gateway) -> Finding:
    """A copy of the database was made and verified lately."""
    made = await copies.last_made(session)
    if made and made > gateway.now() - _FRESH:
        at = made.astimezone(gateway.timezone)
        return Finding("backup", "ok", f"A copy was made and verified on {at:%d %B}.")
    return Finding("backup", "bad", "No copy was made and verified in the last 7 days.", "handbell backup make")
