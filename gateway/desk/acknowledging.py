"""The words that say at once who will answer, and by when: one for each stretch of waiting, and never to a machine."""

from __future__ import annotations

from datetime import datetime, timedelta

from channels.base import Medium
from gateway import answers, context
from gateway.database import Session
from gateway.desk import writing
from gateway.models import Message, Promise
from templates import phrases

_URGENT_HOLDS = timedelta(hours=1)  #: so long it is true that somebody has just been told


async def acknowledge(
    session: Session, gateway: context.Gateway, to: writing.Addressee, promise: Promise, *, urgent: bool
) -> Message | None:
    """Tell whoever wrote what was promised. None where nothing is told: the limits of ``answers`` are kept here too.

    A stranger's text is answered without a name, a stranger's email not at all: most of those are advertisements.
    """
    if not gateway.settings.desk.acknowledge or not _may(to):
        return None
    if await _has_enough(session, gateway, to, urgent=urgent):
        return None
    if await answers.sender(session, to.conversation.medium, str(to.event.get("to", ""))) is None:
        return None
    letter = words(gateway, to, promise.due_at, urgent=urgent)
    # After a provider's outage “by 3.30pm today” must not leave tomorrow.
    until = gateway.now() + _URGENT_HOLDS if urgent else promise.due_at
    slot = f"{answers.SLOT}{to.last.inbound_id}"
    return await writing.send(session, gateway, to, letter, slot=slot, checked=False, not_after=until)


async def _has_enough(session: Session, gateway: context.Gateway, to: writing.Addressee, *, urgent: bool) -> bool:
    """Whether they have had all the answers they may have. What is urgent is told once until a person acts: no two
    machines chat by that, so it does not wait because something else was answered a minute ago.
    """
    limits = gateway.settings.answers
    if urgent:
        return not limits.per_hour or not limits.per_day  # the school wants none at all
    return await answers.enough(session, to.last, to.conversation.address, limits, log=gateway.log, now=gateway.now())


def words(gateway: context.Gateway, to: writing.Addressee, due_at: datetime, *, urgent: bool) -> writing.Letter:
    """What it says: “by 3.30pm today”, “by Tuesday 1 December, 10am”; of what is urgent, that it was passed on."""
    if urgent:
        return writing.ours(gateway, to, "acknowledgement_urgent", {})
    local = due_at.astimezone(gateway.timezone).replace(tzinfo=None)
    named = gateway.settings.desk.answered_by if to.known else ""
    who = {"who": named or phrases.office(_language(gateway, to))}
    if local.date() == gateway.today():
        return writing.ours(gateway, to, "acknowledgement_today", {**who, "time": local.time()})
    return writing.ours(gateway, to, "acknowledgement", {**who, "by": local})


def _language(gateway: context.Gateway, to: writing.Addressee) -> str:
    return answers.allowed(to.language, drafts=gateway.settings.languages.allow_drafts)


def _may(to: writing.Addressee) -> bool:
    if to.event.get("medium") == Medium.VOICE.value:  # who spoke was told in the call
        return False
    if to.conversation.medium is Medium.EMAIL:
        return to.known
    return bool(answers.A_PERSONS_NUMBER.fullmatch(to.conversation.address))
