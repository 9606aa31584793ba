"""``handbell replies``: what families answered, and which of it a person has read."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

from gateway.commands import opening, options, showing

if TYPE_CHECKING:
    from gateway.context import Gateway
    from gateway.database import Session

_MOST_WORDS = 400  #: characters of an answer in the table


def list_all(
    ctx: typer.Context,
    waiting: Annotated[bool, typer.Option("--waiting", help="Only those that nobody has read.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="How many of the newest.")] = 50,
    json: options.Json = False,
) -> None:
    """List answers, the newest first."""

    async def job(gateway: Gateway) -> None:
        async with gateway.database.read() as session:
            found = await _newest(session, waiting=waiting, limit=limit, lines=gateway.lines)
        if json:
            showing.data(found)
            return
        columns = ("id", "conversation", "at", "from", "medium", "words", "means", "seen by")
        for row in found:
            row["at"], row["words"] = showing.when(row["at"], gateway.timezone), _shortened(row["words"])
            if row["gist"]:
                row["words"] += f"\n(in English, by a machine: {_shortened(row['gist'])})"
        showing.table(columns, ([row[name] for name in columns] for row in found))

    opening.work(ctx, job)


def seen(
    ctx: typer.Context,
    reply_id: Annotated[int, typer.Argument(metavar="ID", help="The answer's id, from handbell replies list.")],
    actor: options.As,
) -> None:
    """Note that somebody has read an answer and will act on it."""
    from gateway import replies

    async def job(gateway: Gateway) -> None:
        async with gateway.database.write() as session:
            reply = await replies.mark_seen(session, reply_id, by=actor, log=gateway.log, now=gateway.now())
        showing.say(f"Reply {reply_id} was read by {reply.seen_by}.")

    opening.work(ctx, job)


def play(
    ctx: typer.Context,
    reply_id: Annotated[int, typer.Argument(metavar="ID", help="The answer's id, from handbell replies list.")],
    out: Annotated[Path, typer.Option(help="Where the sound goes, as a WAV file that you alone may read.")],
    actor: options.As,
) -> None:
    """Write the voice message of an answer to a file; who listened is written down."""
    from gateway.phone_line import voicemail

    async def job(gateway: Gateway) -> None:
        with _private(out) as file:
            async with gateway.database.write() as session:
                played = await voicemail.play(session, gateway, reply_id, by=actor)
            file.write(played.audio.content)  # once it is written down who listens
        showing.say(f"The voice message of reply {reply_id}, {played.seconds} seconds, is in {out}.")

    opening.work(ctx, job)


@contextmanager
def _private(path: Path) -> Iterator[IO[bytes]]:
    """A new file that nobody else may read, gone again if nothing comes of it.

    Raises :class:`errors.Conflict` where there is one already, and :class:`errors.NotReady` where it cannot be made.
    """
    from gateway import errors

    try:
        file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
    except FileExistsError:
        raise errors.Conflict(f"There is a file {path} already: give another name.") from None
    except OSError as error:
        raise errors.NotReady(f"{path} cannot be written: {error.strerror}.") from None
    with file:
        try:
            yield file
        except BaseException:
            path.unlink()
            raise


def _shortened(words: str) -> str:
    """A long mail must not push the other answers off the screen."""
    return words if len(words) <= _MOST_WORDS else f"{words[:_MOST_WORDS]}… (the rest: --json)"


async def _newest(session: Session, *, waiting: bool, limit: int, lines: Collection[str]) -> list[dict[str, Any]]:
    import sqlalchemy as sa
    from sqlmodel import col

    from channels.base import Medium
    from gateway.commands import preview
    from gateway.models import Contact, Conversation, Gist, Inbound, Reply

    query = (
        sa.select(Reply, Conversation, Contact, col(Inbound.channel), col(Gist.text))
        .join(Inbound, col(Inbound.id) == col(Reply.inbound_id))
        .join(Conversation, col(Conversation.id) == col(Reply.conversation_id))
        .outerjoin(Contact, col(Contact.id) == col(Reply.contact_id))
        .outerjoin(Gist, col(Gist.reply_id) == col(Reply.id))
        .order_by(col(Reply.at).desc(), col(Reply.id).desc())
        .limit(limit)
    )
    if waiting:
        # An answer of the menu needs no reader, unless it is for its picture that the conversation waits.
        unread = sa.or_(col(Reply.option) == "", col(Reply.at) >= col(Conversation.waiting_since))
        unread = sa.and_(unread, col(Reply.settled) == "", col(Reply.seen_at).is_(None))
        query = query.where(unread, col(Conversation.waiting_since).is_not(None))
    return [
        {
            "id": reply.id,
            "conversation": conversation.merged_into_id or conversation.id,
            "at": reply.at,
            "from": contact.full_name if contact else preview.masked(conversation.address),
            # The conversation is the phone's, where texts and calls meet; only a call has keys to press.
            "medium": Medium.VOICE if reply.keys or channel in lines else conversation.medium,
            "words": reply.keys or reply.body,
            "means": reply.keyword or reply.settled or reply.option,
            "seen by": reply.seen_by,
            "message": reply.message_id,
            "gist": gist or "",
        }
        for reply, conversation, contact, channel, gist in await session.execute(query)
    ]
