"""The teacher's own words in other languages: by the service, only where the school lets a machine's drafts go out.

Asked outside of any transaction, and best effort: whatever it does not say comes in English, with a line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gateway import context
from gateway.database import Session
from gateway.definitions import model, translated
from gateway.good_news import words
from gateway.models import Praise, Purpose
from gateway.translating import drafting

Versions = Mapping[int, Mapping[str, str]]  #: by praise and language
NONE: Versions = {}


def may_be_asked(gateway: context.Gateway) -> bool:
    """Whether there is a service, and what it says may go out unread."""
    return gateway.translator is not None and gateway.settings.languages.allow_drafts


async def prepare(
    session: Session, gateway: context.Gateway, praises: Sequence[Praise], wanted: Mapping[int, Sequence[str]]
) -> dict[int, list[drafting.Job]]:
    """What is to be asked for each praise, by the languages that its families read."""
    found = dict[int, list[drafting.Job]]()
    for one in praises:
        if tags := wanted.get(one.pupil_id) if one.words else None:
            found[one.id or 0] = await drafting.prepare(session, gateway, _free(one), tags)
    return found


async def ask(
    gateway: context.Gateway, jobs: Mapping[int, Sequence[drafting.Job]]
) -> tuple[Versions, list[drafting.Outcome]]:
    """Ask for it; the outcomes are to be kept in the memory."""
    found, outcomes = dict[int, dict[str, str]](), list[drafting.Outcome]()
    for praise_id, several in jobs.items():
        outcome = await drafting.draft(gateway, several)
        outcomes.append(outcome)
        found[praise_id] = {one.language: one.text[translated.TEXT] for one in outcome.drafts}
    return found, outcomes


def _free(praise: Praise) -> model.Definition:
    """The words as a text of their own; nobody is sent it."""
    given = {"key": "praise", "title": "Good news", "purpose": Purpose.GOOD_NEWS, "text": {"en": praise.words}}
    # Braces are no placeholders in a teacher's words.
    given["text"] = {"en": praise.words.replace("{", "(").replace("}", ")")}
    return model.Definition.model_validate(given | {"audience": {"whole_school": True}, "media": [words.MEDIA[0]]})
