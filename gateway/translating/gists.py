"""What families' answers say in English, for staff: a machine's words, beside the original and never instead of it.

Made after everything else is done about an answer, and only where the school has said that answers may leave the house:
they are personal data. Whatever fails is left out.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa
import structlog
from sqlmodel import col, select

from channels.translators import base
from gateway import context, upsert
from gateway.database import Session
from gateway.models import Contact, Gist, Guardianship, Pupil, Reply
from gateway.models.types import core
from gateway.translating import asking, protecting
from gateway.understanding import evidence, library
from gateway.understanding.language import Language
from templates import languages

logger = structlog.get_logger()

_SINCE = timedelta(days=2)  #: older answers are left as they are
_MOST = 1000  #: characters of an answer; the rest is for whoever reads the language
_TRIES, _PAUSE = 4, timedelta(minutes=5)
_COLUMNS = ("language", "text", "service", "at", "tries", "due_at")
_CONNECT_SECONDS = 10.0  #: beside the patience with an answer
_ENOUGH, _HALF = 0.3, 0.5  #: shares of a text's words by which a language is known
_LETTERS = 3  #: fewer say nothing that could be put into English


@dataclass(frozen=True, slots=True)
class _Claimed:
    """An answer whose gist is ours to make."""

    gist: Gist
    words: str
    on_file: str
    names: Collection[str]


def is_on(gateway: context.Gateway) -> bool:
    """Whether the school wants this, and has a service for it."""
    return gateway.translator is not None and gateway.settings.translation.replies


async def work(gateway: context.Gateway, known: Mapping[str, Language]) -> bool:
    """See to the next answer that has not been looked at. Gives whether to call again at once."""
    claimed = await _claim(gateway)
    if claimed is None:
        return False
    made, trouble = claimed.gist, None
    made.language = language_of(claimed.words, claimed.on_file, known) or ""
    made.due_at = None
    if made.language != languages.ENGLISH:
        try:
            made.text = await put(gateway, claimed.words, made.language, claimed.names)
            made.service = asking.service(gateway).name
        except base.NotTranslated as error:
            trouble = error.trouble
            logger.info("gist.not_made", reply=made.reply_id, why=str(error), tries=made.tries)
            if made.tries < _TRIES and trouble is not base.Trouble.LANGUAGE:
                made.due_at = made.at + _PAUSE * 2 ** (made.tries - 1)
    async with gateway.database.write() as session:
        await _keep(session, made)
    return trouble is None or not trouble.lasting  # the next one would meet the same: let it wait for the next tick


async def _claim(gateway: context.Gateway) -> _Claimed | None:
    """The oldest answer in words that has no gist yet, or whose next try is due, with a lease on it: no other worker
    sends the same words away once more."""
    now = gateway.now()
    query = (
        sa.select(Reply, col(Gist.tries), col(Contact.written_language))
        .outerjoin(Gist, col(Gist.reply_id) == col(Reply.id))
        .outerjoin(Contact, col(Contact.id) == col(Reply.contact_id))
        .where(col(Reply.at) > now - _SINCE, col(Reply.body) != "", col(Reply.keys) == "")
        .where(col(Reply.option) == "", col(Reply.keyword).is_(None))
        .where(sa.or_(col(Gist.reply_id).is_(None), col(Gist.due_at) <= now))
        .order_by(col(Reply.id))
        .limit(1)
    )
    async with gateway.database.read() as session:  # mostly there is nothing, and nobody has to wait for us
        if (await session.execute(query)).first() is None:
            return None
    async with gateway.database.write() as session:
        row = (await session.execute(query.with_for_update(skip_locked=True, of=Reply))).first()
        if row is None:
            return None
        reply, tries, on_file = row
        # Time for two questions, which languages there are and the words, each no longer than this.
        lease = timedelta(seconds=3 * (gateway.settings.translation.timeout_s + _CONNECT_SECONDS))
        gist = Gist(reply_id=reply.id or 0, at=now, tries=(tries or 0) + 1, due_at=now + lease)
        if not await _is_ours(session, gist):
            return None
        return _Claimed(gist, reply.body, on_file or "", await _names(session, reply))


async def _is_ours(session: Session, gist: Gist) -> bool:
    """Write the lease down, unless another worker has been faster since we looked."""
    t = core(Gist)
    if gist.tries == 1:
        return bool(await upsert.insert_new(session, t, [_row(gist)], key=["reply_id"]))
    first = sa.update(t).where(t.c.reply_id == gist.reply_id, t.c.tries == gist.tries - 1).returning(t.c.reply_id)
    return (await session.execute(first.values(tries=gist.tries, due_at=gist.due_at))).first() is not None


async def _names(session: Session, reply: Reply) -> set[str]:
    """What the writer and the children are called."""
    own = select(Contact.forename, Contact.surname).where(Contact.id == reply.contact_id)
    theirs = (
        select(Pupil.forename, Pupil.known_as, Pupil.surname)
        .join(Guardianship, col(Guardianship.pupil_id) == col(Pupil.id))
        .where(Guardianship.contact_id == reply.contact_id)
    )
    rows = [*(await session.execute(own)).all(), *(await session.execute(theirs)).all()]
    return {name for row in rows for name in row if name}


def language_of(text: str, on_file: str, known: Mapping[str, Language]) -> str | None:
    """The language of an answer, as far as our own words tell it: English, another one, or None for whatever it is.

    What hardly any word list knows is taken for the language on file.
    """
    cut = evidence.Text.of(text)
    if sum(map(str.isalpha, text)) < _LETTERS:
        return languages.ENGLISH
    shares = {tag: evidence.known(cut, lang) for tag, lang in known.items() if tag != library.EVERYWHERE}
    english, best = shares.get(languages.ENGLISH, 0.0), max(shares, key=lambda tag: shares[tag])
    if english >= max(_HALF, shares[best]):
        return languages.ENGLISH
    if shares[best] >= _ENOUGH and best != languages.ENGLISH:
        return languages.match(best)
    if on_file and on_file != languages.ENGLISH:
        return on_file
    # Nobody's language by our lists: in Latin letters most likely English with many names in it.
    return languages.ENGLISH if english or text.isascii() else None


async def put(gateway: context.Gateway, text: str, source: str, names: Collection[str]) -> str:
    """Put an answer into English. Names that are on file, telephone numbers and addresses do not leave the house.

    Raises :class:`base.NotTranslated`.
    """
    words = text[:_MOST]
    spelt = {found[0] for name in names for found in re.finditer(re.escape(name), words, re.IGNORECASE)}
    pieces = protecting.take_apart(words, protecting.Care(names=spelt))
    parts = list(protecting.parts(pieces))
    marks = iter(range(len(parts)))
    marked = tuple(piece if isinstance(piece, str) else next(marks) for piece in pieces)
    (answer,) = await asking.ask(gateway, [marked], source=source, target=languages.ENGLISH)
    said = "".join(
        piece if isinstance(piece, str) else parts[piece].written if piece < len(parts) else "" for piece in answer
    )
    return said.strip() + ("…" if len(text) > _MOST else "")


async def _keep(session: Session, made: Gist) -> None:
    """Write a gist down, unless its reply is gone by now."""
    reply = await session.get(Reply, made.reply_id)
    if reply is not None:
        await upsert.insert(session, core(Gist), [_row(made)], key=["reply_id"], update=_COLUMNS)


def _row(gist: Gist) -> dict[str, object]:
    return {name: getattr(gist, name) for name in ("reply_id", *_COLUMNS)}


async def of(session: Session, reply_ids: Sequence[int]) -> dict[int, str]:
    """The gists that there are of some replies."""
    return {reply_id: gist.text for reply_id, gist in (await made(session, reply_ids)).items() if gist.text}


async def made(session: Session, reply_ids: Sequence[int]) -> dict[int, Gist]:
    """What was found out about some replies: their language, and what they say in English where that was made."""
    query = select(Gist).where(col(Gist.reply_id).in_(list(reply_ids)))
    return {gist.reply_id: gist for gist in await session.scalars(query)}
