"""A person stands for a version: its sentences go into the memory, each beside its English."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import replace

from gateway import audit, context, errors
from gateway.database import Session
from gateway.definitions import model, translated
from gateway.translating import memory, naming, protecting, sentences
from gateway.translating.protecting import Kind, Pieces
from gateway.translating.sentences import Sentence

_ALIKE = 0.8  #: from here on, a sentence is the draft of another one, perhaps corrected


async def accept(
    session: Session, gateway: context.Gateway, definition: model.Definition, tag: str, *, by: str, actor: str
) -> tuple[int, list[str]]:
    """Remember the sentences of a version that ``by`` has read. Gives how many, and what he should look at once more.

    Raises :class:`errors.BadDefinition` where a placeholder is missing, :class:`errors.NotFound` without such a text,
    :class:`errors.Conflict` for a notice of the library.
    """
    translated.check_free(definition)
    if not by.strip():
        raise errors.BadInput([errors.Problem("Nobody is named.", "Say who has reviewed it: --by NAME.")])
    english, theirs = translated.english(definition), translated.version(definition, tag)
    if translated.TEXT not in theirs:
        raise errors.NotFound(f"There is no text in “{tag}”.")
    names = await naming.found(session, gateway, "\n".join([*english.values(), *theirs.values()]))
    care = protecting.Care(names=names, school=naming.school(gateway))
    known, doubts = list[memory.Known](), list[str]()
    for part in english.keys() & theirs.keys():
        ours, other = (protecting.take_apart(text, care) for text in (english[part], theirs[part]))
        _compare(ours, other, place=part, tag=tag)
        pairs = list(_pairs(ours, other))
        if not pairs:
            doubts.append(f"{part}: it has not as many sentences as the English, so none of it is remembered.")
        elif why := await _parted(session, gateway, pairs, tag):
            doubts.append(f"{part}: {why}, so none of it is remembered.")
            continue
        for mine, yours in pairs:
            if mine.speaks and not mine.personal and not yours.personal:
                known.append(memory.Known(mine.remembered(), _as_theirs(mine, yours), ""))
    now = gateway.now()
    await memory.accept(session, known, language=tag, reviewed_by=by, now=now)
    facts = {"language": tag, "by": by, "sentences": len(known)}
    await gateway.log.record(
        session, audit.Line("translation.reviewed", f"notice:{definition.key}", facts, actor), now=now
    )
    return len(known), doubts


def _compare(ours: Pieces, other: Pieces, *, place: str, tag: str) -> None:
    """See that the version has the placeholders of the English, and no other."""
    want, have = ({p.written for p in protecting.parts(one) if p.kind is Kind.BLANK} for one in (ours, other))
    problems = [
        errors.Problem(f"{placeholder} is {why}.", "Correct it, then review it again.", field=f"{place}.{tag}")
        for placeholders, why in ((want - have, "missing"), (have - want, "not in the English"))
        for placeholder in sorted(placeholders)
    ]
    if problems:
        raise errors.BadDefinition(problems)


def _pairs(ours: Pieces, other: Pieces) -> Iterator[tuple[Sentence, Sentence]]:
    """Each English sentence with its translation, where there are as many of them; else none can be told."""
    mine, yours = sentences.cut(ours), sentences.cut(other)
    if len(mine) == len(yours):
        yield from zip(mine, yours, strict=True)


async def _parted(
    session: Session, gateway: context.Gateway, pairs: Sequence[tuple[Sentence, Sentence]], tag: str
) -> str:
    """Why a version's sentences are not those of the English beside them, ``""`` where nothing speaks against it.

    A sentence that stands beside another's English would be drafted wrongly for good, under a reviewer's name. One with
    a name is never remembered, so its order is nobody's business: and its name need not be written as in the English.
    """
    for mine, yours in pairs:
        if number := sentences.lost_number(mine.words(), protecting.whole(yours.pieces)):
            return f"the number {number} of the English is not in its sentence"
        if not _same_slots(mine, yours):
            return "its sentences have not the placeholders, links and numbers to ring of the English ones"
    service = gateway.translator.name if gateway.translator else ""
    kept = [(mine, yours) for mine, yours in pairs if not mine.personal and not yours.personal]
    drafts = await memory.look_up(session, (mine.remembered() for mine, _ in kept), language=tag, service=service)
    for mine, yours in kept:
        like = {
            source: difflib.SequenceMatcher(None, draft.text, _as_theirs(mine, yours)).ratio()
            for source, draft in drafts.items()
        }
        best = max(like, key=lambda source: like[source], default="")
        if best and like[best] > max(_ALIKE, like.get(mine.remembered(), 0.0)):
            return "its sentences seem to stand in another order than those of the English"
    return ""


def _same_slots(mine: Sentence, yours: Sentence) -> bool:
    """Whether both have the same placeholders, and the links and numbers to ring that the memory leaves out."""
    left_out = (Kind.BLANK, Kind.LINK, Kind.PHONE)
    want, have = (sorted(p.written for p in one.parts if p.kind in left_out) for one in (mine, yours))
    return want == have


def _as_theirs(mine: Sentence, yours: Sentence) -> str:
    """A version as the memory keeps it: as it was written, its slots with the numbers that they have in the English."""
    pieces = (piece if isinstance(piece, str) else replace(piece, shows=piece.written) for piece in yours.pieces)
    return sentences.Version(mine, tuple(pieces)).remembered()
