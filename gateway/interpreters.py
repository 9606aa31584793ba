"""Which families who are told of an event need an interpreter, by the language that they hear."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Protocol

import sqlalchemy as sa

from gateway.database import Session
from gateway.models import Contact, Message, MessageState
from gateway.models.types import core
from templates import languages

_NOT_TOLD = (MessageState.SKIPPED, MessageState.CANCELLED)  #: everybody else was told, or is about to be


class Listener(Protocol):
    """Whoever needs an interpreter: a contact, or a row of one."""

    @property
    def full_name(self) -> str:
        """Title, forename and surname."""
        ...

    @property
    def written_language(self) -> str:
        """What they read."""
        ...

    @property
    def spoken_language(self) -> str:
        """What they hear."""
        ...


async def of_runs(session: Session, run_ids: Collection[int]) -> dict[str, list[str]]:
    """Their names by language, of those who were told by these runs."""
    message, contact = core(Message).c, core(Contact).c
    told = sa.select(message.contact_id).where(message.run_id.in_(run_ids), message.state.not_in(_NOT_TOLD))
    query = sa.select(Contact).where(contact.interpreter, contact.id.in_(told)).order_by(contact.surname, contact.id)
    return by_language(await session.scalars(query))


def by_language(found: Iterable[Listener]) -> dict[str, list[str]]:
    """Names by language, the one of most families first."""
    named: dict[str, list[str]] = {}
    for one in found:
        tag = one.spoken_language or one.written_language
        named.setdefault(languages.english(tag) if tag else "language unknown", []).append(one.full_name)
    return dict(sorted(named.items(), key=lambda item: (-len(item[1]), item[0])))


def sentence(named: dict[str, list[str]]) -> str:
    """Say it in one line: ``Interpreters needed: Urdu 2 (Mrs Khan, Mr Shah).``"""
    each = [f"{language} {len(names)} ({', '.join(names)})" for language, names in named.items()]
    return f"Interpreters needed: {'; '.join(each)}."
