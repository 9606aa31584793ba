"""One box for everything: families, announcements and replies, as far as whoever looks may see them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa
from sqlmodel import col
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from gateway import context
from gateway.absence import sending
from gateway.database import Session
from gateway.desk import inbox
from gateway.families import finding
from gateway.models import Contact, Conversation, Notice, Reply
from gateway.models.types import core
from gateway.web import site
from gateway.web.office import door, frame, visitors
from gateway.web.office.rights import Right

_LONGEST: Final = 80  #: characters of what is looked for
_SHORTEST: Final = 2  #: of one letter there is too much
_EACH: Final = 8  #: of every kind
_REPLIES_SINCE: Final = timedelta(days=400)


def routes(pages: frame.Pages) -> list[BaseRoute]:
    """``/search?q=``."""

    async def show(request: Request) -> Response:
        """What is found of every kind that whoever looks may see."""
        gateway, visitor = site.of(request).gateway, visitors.of(request)
        words = " ".join(request.query_params.get("q", "").split())[:_LONGEST]
        found = Found()
        if len(words) >= _SHORTEST:
            async with gateway.database.read() as session:
                if visitor.may(Right.SEE_FAMILIES):
                    wanted = finding.Wanted(words, "", visitor.sees, visitor.may(Right.SEE_LOCKED))
                    found.families = await finding.find(session, wanted, today=gateway.today())
                if visitor.may(Right.SEE_ANNOUNCEMENTS) and not visitor.forms:
                    found.notices = await _notices(session, words)
                if visitor.may(Right.SEE_REPLIES):
                    found.replies = await _replies(session, gateway, visitor, words)
        return await pages.render(
            request, "search.html", here="menu", words=words, found=found, each=_EACH, shortest=_SHORTEST
        )

    return [door.page("/search", show, right=Right.OWN)]


@dataclass(frozen=True, slots=True)
class Said:
    """A reply: of whom, when, in which conversation."""

    conversation: int
    at: datetime
    words: str
    person: str


@dataclass(slots=True)
class Found:
    """What was found; ``families`` is None where nobody may look for them."""

    families: finding.Found | None = None
    notices: Sequence[tuple[str, str, datetime]] = field(default_factory=list[tuple[str, str, datetime]])
    replies: Sequence[Said] = field(default_factory=list[Said])

    def __bool__(self) -> bool:
        return bool((self.families and self.families.families) or self.notices or self.replies)


async def _notices(session: Session, words: str) -> list[tuple[str, str, datetime]]:
    """Announcements with these words in their title, the newest first; absence checks are none."""
    t = core(Notice).c
    query = (
        sa.select(t.key, t.title, t.created_at)
        .where(t.title.icontains(words, autoescape=True), t.author != sending.AUTHOR)
        .order_by(t.created_at.desc())
        .limit(_EACH)
    )
    return [(key, title, at) for key, title, at in await session.execute(query)]


async def _replies(session: Session, gateway: context.Gateway, visitor: visitors.Visitor, words: str) -> list[Said]:
    """Replies with these words in them, the newest first; a teacher's are those of the conversations they may read."""
    reply, talk, contact = core(Reply).c, core(Conversation).c, core(Contact).c
    root, since = sa.func.coalesce(talk.merged_into_id, talk.id), gateway.now() - _REPLIES_SINCE
    query = (
        sa.select(
            root, reply.at, reply.body,
            contact.title, contact.forename, contact.surname,
        )
        .join(core(Conversation), talk.id == reply.conversation_id)
        .outerjoin(core(Contact), contact.id == reply.contact_id)
        .where(reply.at >= since, reply.body.icontains(words, autoescape=True))
        .order_by(reply.at.desc())
        .limit(_EACH)
    )  # fmt: skip
    scope = inbox.of(visitor.role, visitor.name, visitor.forms)
    if scope.forms is not None:
        query = query.where(root.in_(inbox.query("all", scope, gateway).with_only_columns(col(Conversation.id))))
    return [
        Said(id_, at, body, " ".join(part for part in names if part))
        for id_, at, body, *names in await session.execute(query)
    ]
