"""Words and key presses of a person: tied to the conversation with that address, and listed for staff.

Only the networks' own words are acted on by machine (``optout``). A digit of the menu that was asked is noted as the
option it stands for. Everything else is for a person to read.

What a machine wrote (out of office, a read receipt, a list) is nobody's answer: it is noted and no more. A mail may be
answered from another mailbox than the one it went to: then the words belong to whoever has that one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from channels import base
from channels.base import Medium
from gateway import (
    alarm_answers,
    answers,
    audit,
    conversations,
    errors,
    fresh_question,
    handshake,
    merging,
    optout,
    points,
    suggesting,
    survey_answers,
    topic_stops,
    two_menus,
    zero,
)
from gateway.database import Session
from gateway.models import (
    Attempt,
    Contact,
    ContactPoint,
    Conversation,
    Inbound,
    Keyword,
    Message,
    MessageState,
    Reply,
)
from gateway.understanding import menu

#: How long after a message a word from the same phone is taken as its answer; and for as long as it is worth saying.
ANSWERS_WITHIN = timedelta(days=14)

_CLOCKS_DIFFER = timedelta(seconds=5)  #: by so much at most ours and the provider's

_WANTS_A_PERSON = "By telephone key 0: would like to speak to somebody."

_WENT_OUT = (MessageState.SENDING, MessageState.UNKNOWN, MessageState.ACCEPTED, MessageState.DELIVERED)


async def handle(
    session: Session,
    reply: base.Reply,
    inbound: Inbound,
    *,
    log: audit.Log,
    now: datetime,
    answering: answers.Answering | None = None,
) -> str:
    """Attach a reply to its conversation, act on STOP and START, and list it for staff.

    Gives a word for what came of it: ``reply``, or ``automatic:`` and the kind of machine that wrote it.
    """
    if reply.automatic:
        return await _note_machine(session, reply, inbound, log=log, now=now)
    if reply.medium is Medium.EMAIL:  # as mailboxes are kept on file
        reply = dataclasses.replace(reply, sender=reply.sender.strip().lower())
    medium = Medium.SMS if reply.medium is Medium.VOICE else reply.medium
    message = await _answered(session, reply, now=now)
    other = await two_menus.other(session, reply, message)
    if message is not None and other is not None and handshake.asks(message):
        message, other = other, message  # what it may say of a child comes first
    clear = other is None
    if taken := await _taken(session, reply, message, inbound, answering, clear=clear, log=log, now=now):
        return taken
    contact = await _who(session, reply, message)
    conversation = await _conversation(session, medium, reply.sender, at=reply.at)
    if contact is not None and contact.id != conversation.contact_id:
        conversation = await _now_with(session, conversation, contact, at=reply.at, log=log, now=now)
    conversation.last_at = max(conversation.last_at, reply.at)
    session.add(conversation)
    keyword = None if reply.keys else optout.read(reply.body).keyword
    theirs = message is not None and _is_theirs(reply, message)
    option = await _chosen(session, reply, message) if message is not None and theirs and clear else ""
    row = Reply(
        conversation_id=_id(conversation),
        inbound_id=_id(inbound),
        contact_id=contact.id if contact else None,
        message_id=message.id if message else None,
        # What a stranger writes ends no ladder of those who were asked; nor does the wish to speak to somebody.
        run_id=message.run_id if message and (theirs or contact) and reply.keys != zero.KEY else None,
        at=reply.at,
        body=_WANTS_A_PERSON if reply.keys == zero.KEY else reply.body,
        keys=reply.keys,
        option=option,
        keyword=keyword,
    )
    session.add(row)
    await session.flush()
    if message is not None and other is not None:
        await two_menus.show(session, row, message, other)
    await points.good(session, reply.medium, reply.sender, at=reply.at, log=log, now=now)
    facts = {
        "medium": reply.medium,
        "option": option,
        "keyword": keyword,
        "message": row.message_id,
        "known": bool(contact),
    }
    await log.record(session, audit.Line("reply.received", f"reply:{row.id}", facts, actor="parent"), now=now)
    if contact is not None and not (option or reply.keys or keyword):
        await suggesting.note(session, row, contact, log=log, now=now)
    late = keyword is not None and await _overruled(session, row)
    settled = not late and await _act(session, reply, keyword, log=log, now=now)
    # A picture that came along with an answer may be the very thing that somebody must see.
    if not settled and (not option or reply.media):
        await conversations.wait(session, conversation, at=reply.at, log=log, now=now)
    else:
        row.sorted_at = now
    if answering and not await answers.repeats(session, row, limits=answering.limits, log=log, now=now):
        language = _language(contact, message) or answering.school.language
        await answers.no_pictures(session, reply, row, language=language, answering=answering, log=log, now=now)
        await answers.tell(session, row, answering)
    return "reply"


async def _chosen(session: Session, reply: base.Reply, message: Message) -> str:
    """The key of a message's menu that a reply stands for. What was said to the question for the language, and stands
    here, is for a person whatever its key; so is a key that may have been meant for our question about a number.
    """
    key = "" if handshake.asks(message) else _option(reply, message) or alarm_answers.key(message, reply.body)
    if key and reply.medium is Medium.SMS and await fresh_question.may_be_meant(session, message, key):
        return ""
    return key


async def _taken(
    session: Session,
    reply: base.Reply,
    message: Message | None,
    inbound: Inbound,
    answering: answers.Answering | None,
    *,
    clear: bool,
    log: audit.Log,
    now: datetime,
) -> str:
    """Let whatever has asked a question of its own take its answer: nobody has to read that, and it is no row among the
    replies. Gives a word for what came of it, ``""`` where it is nobody's.

    ``clear``  whether a key can answer no other message as well
    """
    theirs = message is not None and _is_theirs(reply, message)
    if message is not None and clear:
        key = _option(reply, message) if theirs else ""
        chosen = await handshake.take(session, reply, message, key, answering, log=log, now=now)
        if chosen and not reply.media:
            return chosen
    if message is not None and theirs and clear:
        answer = await survey_answers.take(session, reply, message, inbound, log=log, now=now)
        if answer:
            return answer
    return await topic_stops.take(session, reply, message, inbound, answering, log=log, now=now)


async def hold(session: Session, addresses: Sequence[str]) -> None:
    """Lock the conversations with these addresses, in one order."""
    if addresses:
        query = select(Conversation.id).where(col(Conversation.address).in_(addresses)).order_by(col(Conversation.id))
        await session.execute(query.with_for_update(key_share=True))


async def _note_machine(session: Session, reply: base.Reply, inbound: Inbound, *, log: audit.Log, now: datetime) -> str:
    facts = {"kind": reply.automatic, "message": reply.in_reply_to}
    await log.record(session, audit.Line("reply.automatic", f"inbound:{inbound.id}", facts), now=now)
    return f"automatic:{reply.automatic}"


def _is_theirs(reply: base.Reply, message: Message) -> bool:
    """Whether it came from where the message went. Only a mail can be answered by others: it is forwarded."""
    return reply.medium is not Medium.EMAIL or reply.sender == message.address


def _language(contact: Contact | None, message: Message | None) -> str:
    return (contact.written_language if contact else "") or (message.language if message else "")


def _id(row: Conversation | Inbound) -> int:
    if row.id is None:
        raise ValueError("the row is not stored yet")
    return row.id


async def _overruled(session: Session, row: Reply) -> bool:
    """Whether a later STOP or START from there was acted on already: this one was found only now."""
    query = select(Reply.id).where(
        Reply.conversation_id == row.conversation_id,
        col(Reply.keyword).in_([Keyword.OPT_OUT, Keyword.OPT_IN]),
        col(Reply.at) > row.at,
    )
    return (await session.scalars(query.limit(1))).first() is not None


async def _act(session: Session, reply: base.Reply, keyword: Keyword | None, *, log: audit.Log, now: datetime) -> bool:
    """Act on the networks' words. True when nothing is left for a person to do.

    «YES» is such a word, yet mostly just an answer: it is settled only where it ended a silence.
    """
    if keyword is Keyword.OPT_OUT:
        # A text that says STOP ends every text; mandatory mail goes on, as after an unsubscribe link.
        mandatory_too = reply.medium is not Medium.EMAIL
        await points.opt_out(
            session, reply.medium, reply.sender, how="reply", log=log, now=now, mandatory_too=mandatory_too
        )
    elif keyword is Keyword.OPT_IN:
        return await points.opt_in(session, reply.medium, reply.sender, how="reply", log=log, now=now)
    return False


async def _answered(session: Session, reply: base.Reply, *, now: datetime) -> Message | None:
    """The message that this answers: the one that the provider names, else the latest that went to that address.

    A menu key goes to the latest message that offers it, whatever was sent after that.
    """
    if reply.in_reply_to:
        return await session.get(Message, reply.in_reply_to)
    if reply.unasked:
        return None
    query = (
        select(Message)
        .join(Attempt, sa.and_(col(Attempt.message_id) == col(Message.id), col(Attempt.number) == col(Message.attempt)))
        .where(Message.address == reply.sender, Message.medium == reply.medium, col(Message.state).in_(_WENT_OUT))
        .where(sa.or_(col(Attempt.begun_at) > now - ANSWERS_WITHIN, col(Message.not_after) > now))
        .where(~col(Message.slot).startswith(answers.SLOT))
        # A text may be found long after it was written: what went out since cannot be what it answers.
        .where(col(Attempt.begun_at) <= reply.at + _CLOCKS_DIFFER)
        .order_by(col(Attempt.begun_at).desc(), col(Message.id).desc())
    )
    if key := _key(reply):
        offered = await session.scalars(query.where(col(Message.keys).contains(key)).limit(1))
        if message := offered.first():
            return message
    elif question := await _question_meant(session, query, reply.body):
        return question
    # Words are an answer to what was said of a child, not to the question for the language that came beside it.
    about_a_child = query.where(~col(Message.slot).startswith(handshake.SLOT))
    return (await session.scalars(about_a_child.limit(1))).first()


async def _question_meant(session: Session, sent: SelectOfScalar[Message], said: str) -> Message | None:
    """Our question for the language, where words answer it. With a newer menu only a language's name does: «2 please»
    may be said to either."""
    asks = sent.where(col(Message.run_id).is_(None), col(Message.slot).startswith(handshake.SLOT))
    question = (await session.scalars(asks.limit(1))).first()
    if question is None or not handshake.meant(question, said):
        return None
    newest = (await session.scalars(sent.where(col(Message.keys) != "").limit(1))).first()
    return question if newest is question or handshake.names_language(said) else None


async def _who(session: Session, reply: base.Reply, message: Message | None) -> Contact | None:
    """Whose words these are: of whoever was asked, else of the only contact with that address, else nobody's yet.

    A text that was for two people who share the phone says nothing of which of them answered, and a mail that was
    answered from another mailbox nothing of the one who was asked.
    """
    asked = message.contact_id if message is not None and _is_theirs(reply, message) else None
    if message is not None and asked is not None and not await _was_for_others_too(session, message):
        return await session.get(Contact, asked)
    query = (
        select(Contact)
        .join(ContactPoint, col(ContactPoint.contact_id) == col(Contact.id))
        .where(ContactPoint.address == reply.sender, ContactPoint.kind == points.kind_of(reply.medium))
        .limit(2)
    )
    found = (await session.scalars(query)).all()
    return found[0] if len(found) == 1 else None


async def _was_for_others_too(session: Session, message: Message) -> bool:
    query = select(Message.id).where(
        Message.run_id == message.run_id,
        Message.medium == message.medium,
        Message.step == message.step,
        Message.address == message.address,
        Message.reason == "merged",
    )
    return (await session.scalars(query.limit(1))).first() is not None


async def _conversation(session: Session, medium: Medium, address: str, *, at: datetime) -> Conversation:
    query = select(Conversation).where(
        Conversation.medium == medium, Conversation.address == address, col(Conversation.left_at).is_(None)
    )
    conversation = (await session.scalars(query)).one_or_none()
    if conversation is None:
        conversation = Conversation(medium=medium, address=address, last_at=at)
        session.add(conversation)
        await session.flush()
    return conversation


async def _now_with(
    session: Session, conversation: Conversation, contact: Contact, *, at: datetime, log: audit.Log, now: datetime
) -> Conversation:
    """Somebody writes from here whom it was not with: the first, another of the family, or a new owner.

    Gives the conversation that the words belong to.
    """
    if conversation.contact_id is not None:
        if await _is_still_theirs(session, conversation):
            await merging.part(session, conversation, log=log, now=now)
            return conversation
        await merging.leave(session, conversation, log=log, now=now)
        conversation = await _conversation(session, conversation.medium, conversation.address, at=at)
    conversation.contact_id = contact.id
    session.add(conversation)
    await session.flush()
    return conversation


async def _is_still_theirs(session: Session, conversation: Conversation) -> bool:
    """Whether whoever it was with has this address still: networks give a number to somebody else."""
    query = select(ContactPoint.id).where(
        ContactPoint.contact_id == conversation.contact_id,
        ContactPoint.address == conversation.address,
        ContactPoint.kind == points.kind_of(conversation.medium),
    )
    return (await session.scalars(query.limit(1))).first() is not None


def _option(reply: base.Reply, message: Message | None) -> str:
    """The menu key that the whole reply is, or ``""``."""
    key = _key(reply)
    return key if key and message is not None and key in message.keys else ""


def _key(reply: base.Reply) -> str:
    """The one digit that the whole reply is, in whichever script it was typed, or ``""``."""
    return menu.digit(reply.keys or reply.body)


async def mark_seen(session: Session, reply_id: int, *, by: str, log: audit.Log, now: datetime) -> Reply:
    """Note that a person has read a reply. A second time changes nothing: ``seen_by`` stays who was first.

    Its conversation waits no more once nothing in it is left to read; who was promised an answer is still to get one.
    Raises :class:`errors.NotFound`.
    """
    reply = await session.get(Reply, reply_id)
    if reply is None:
        raise errors.NotFound(f"There is no reply {reply_id}.")
    if reply.seen_at is not None:
        return reply
    reply.seen_at, reply.seen_by = now, by
    session.add(reply)
    await session.flush()
    conversation = await session.get_one(Conversation, reply.conversation_id)
    await conversations.rest(session, conversation, conversations.READ, log=log, now=now)
    facts = {"conversation": conversation.id, "waiting": conversation.waiting_since is not None}
    await log.record(session, audit.Line("reply.seen", f"reply:{reply_id}", facts, by), now=now)
    return reply


async def settle(session: Session, reply: Reply, what: str, *, log: audit.Log, now: datetime) -> None:
    """Note that a machine has understood a reply, so that nobody need read it: ``understood: illness``.

    Not where a picture came along, which may be the very thing that somebody must see.
    """
    inbound = await session.get_one(Inbound, reply.inbound_id)
    if inbound.event.get("media") or reply.seen_at is not None:
        return
    reply.settled, reply.sorted_at = what, now
    session.add(reply)
    await session.flush()
    conversation = await session.get_one(Conversation, reply.conversation_id)
    if conversation.waiting_since is not None:
        await conversations.rest(session, conversation, what, log=log, now=now)
    await log.record(session, audit.Line("reply.settled", f"reply:{reply.id}", {"what": what}), now=now)
