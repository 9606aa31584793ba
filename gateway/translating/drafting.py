"""Drafts of a free text: which languages the audience reads, what that would cost, and the versions themselves.

Looking (``prepare``), asking (``draft``) and writing down (``keep``) are apart: no transaction waits for a service.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from channels.translators import base
from gateway import context, errors, optout, runs, tongues
from gateway.database import Session
from gateway.definitions import model, translated
from gateway.translating import asking, glossary, memory, naming, protecting, sentences
from gateway.translating.sentences import Sentence, Version
from templates import languages

_DAYS = re.compile(
    r"\b(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day|today|tomorrow|january|february|march|april|june|july|august"
    r"|september|october|november|december)\b",
    re.IGNORECASE,
)
_QUOTED = 40  #: characters of a sentence that a refusal names


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be done for one language: its sentences by part of the text, and what is known of them already."""

    language: str
    parts: Mapping[str, Sequence[Sentence]]
    known: Mapping[Sentence, tuple[Version, str]]

    @property
    def sentences(self) -> list[Sentence]:
        """Those that say something, each once."""
        return list(dict.fromkeys(one for several in self.parts.values() for one in several if one.speaks))

    @property
    def unknown(self) -> list[Sentence]:
        """Those that the service is asked for."""
        return [one for one in self.sentences if one not in self.known]

    @property
    def reviewed(self) -> int:
        """How many of them a person has reviewed before."""
        return sum(bool(version.reviewed_by) for version, _ in self.known.values())

    @property
    def characters(self) -> int:
        """About how many characters will be sent: there, and as many back."""
        return 2 * base.characters(one.marked() for one in self.unknown)


@dataclass(frozen=True, slots=True)
class Draft:
    """A text in another language: its parts (``text``, ``subject``, ``option 1``), and the same back in English.

    ``reviewed`` of so many ``sentences`` a person has reviewed before; ``doubts`` are what a reader should look at.
    """

    language: str
    by: str
    text: Mapping[str, str]
    back: Mapping[str, str]
    sentences: int
    reviewed: int
    doubts: Sequence[str]


@dataclass(frozen=True, slots=True)
class Refused:
    """A language that has no draft, and why."""

    language: str
    why: str


@dataclass(slots=True)
class Outcome:
    """What came of it. ``fresh`` is what the memory does not know yet, by language."""

    drafts: list[Draft] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    fresh: dict[str, list[memory.Known]] = field(default_factory=dict)
    characters: int = 0


async def wanted(session: Session, gateway: context.Gateway, definition: model.Definition) -> Counter[str]:
    """How many of the audience would read each language, by one medium or another."""
    chosen = await runs.resolve(session, gateway, definition)
    media = {medium for step in definition.steps for medium in step.media}
    default, found = gateway.settings.school.language, Counter[str]()
    for contact_id in {one.contact_id for one in chosen.listeners if not one.reason and one.contact_id is not None}:
        adult = chosen.people.contacts[contact_id]
        found.update({tongues.wanted(medium, adult, default) for medium in media})
    return found


def missing(definition: model.Definition, tags: Iterable[str]) -> list[str]:
    """Those languages for which there is no text, or a stale one."""
    there = translated.current(definition)
    served = {tag for tag in tags if any(one in there for one in languages.fallbacks(tag) if one != languages.ENGLISH)}
    return [tag for tag in tags if tag not in served and tag != languages.ENGLISH]


def check(definition: model.Definition, tags: Sequence[str]) -> None:
    """Refuse what is not to be drafted. Raises :class:`errors.Conflict`."""
    translated.check_free(definition)
    for tag in tags:
        if tag == languages.ENGLISH:
            raise errors.Conflict("English is what is translated from.")
        state = translated.state(definition, tag) if tag in definition.text else ""
        whose = {"source": "typed by staff", "reviewed": "reviewed by a person", "draft": "changed by hand"}.get(state)
        if whose:
            raise errors.Conflict(
                f"The text in “{tag}” was {whose}. Take it out first if a machine is to write it anew."
            )


async def prepare(
    session: Session, gateway: context.Gateway, definition: model.Definition, tags: Sequence[str]
) -> list[Job]:
    """See what is to be done. Raises :class:`errors.BadInput` for a glossary that cannot be read."""
    english = translated.english(definition)
    words = "\n".join(english.values())
    names, school = await naming.found(session, gateway, words), naming.school(gateway)
    terms = glossary.load(gateway.settings.translation.glossary)
    service, jobs = asking.service(gateway).name, list[Job]()
    for tag in tags:
        care = protecting.Care(tag, names, school, terms.of(tag))
        parts = {part: sentences.cut(protecting.take_apart(text, care)) for part, text in english.items()}
        every = [one for several in parts.values() for one in several if one.speaks and not one.personal]
        found = await memory.look_up(session, (one.remembered() for one in every), language=tag, service=service)
        jobs.append(Job(tag, parts, _known(every, found)))
    return jobs


def _known(every: Iterable[Sentence], found: Mapping[str, memory.Known]) -> dict[Sentence, tuple[Version, str]]:
    known = dict[Sentence, tuple[Version, str]]()
    for one in every:
        if before := found.get(one.remembered()):
            try:
                known[one] = sentences.recall(one, before.text, before.reviewed_by), before.back
            except sentences.Unfit:  # the glossary has changed since
                continue
    return known


async def draft(gateway: context.Gateway, jobs: Sequence[Job]) -> Outcome:
    """Ask for what is not known. What fails is refused for its language, and the others go on.

    Raises :class:`errors.NotReady` where no service is set.
    """
    outcome, lasting = Outcome(), ""
    for job in jobs:
        if lasting:
            outcome.refused.append(Refused(job.language, lasting))
            continue
        try:
            await _draft(gateway, job, outcome)
        except sentences.Unfit as error:
            outcome.refused.append(Refused(job.language, str(error)))
        except base.NotTranslated as error:
            outcome.refused.append(Refused(job.language, str(error)))
            lasting = str(error) if error.trouble.lasting else ""
    return outcome


async def _draft(gateway: context.Gateway, job: Job, outcome: Outcome) -> None:
    said = {one: version for one, (version, _) in job.known.items()}
    said |= await _forth(gateway, job, outcome)
    backs = {one: back for one, (_, back) in job.known.items() if back}
    try:
        backs |= await _back(gateway, job, {one: version for one, version in said.items() if one not in backs}, outcome)
        doubts = _doubts(backs)
    except base.NotTranslated as error:
        doubts = [f"It could not be put back into English: {error}"]
    made = Draft(
        language=job.language,
        by=asking.service(gateway).name,
        text={
            part: _together(several, {one: said[one].shown() for one in said}) for part, several in job.parts.items()
        },
        back={part: _together(several, backs) for part, several in job.parts.items() if set(several) & set(backs)},
        sentences=len(job.sentences),
        reviewed=job.reviewed,
        doubts=doubts,
    )
    for part, words in made.text.items():
        if part.startswith(translated.OPTION) and optout.is_no_answer(words):
            raise sentences.Unfit(f"the answer “{words}” is a word on which phone networks act.")
    outcome.drafts.append(made)
    outcome.fresh[job.language] = [
        memory.Known(one.remembered(), version.remembered(), backs.get(one, ""))
        for one, version in said.items()
        if not one.personal and (one not in job.known or not job.known[one][1])
    ]


async def _forth(gateway: context.Gateway, job: Job, outcome: Outcome) -> dict[Sentence, Version]:
    asked = job.unknown
    around = " ".join(_together(several, {one: _veiled(one) for one in several}) for several in job.parts.values())
    marked = [one.marked() for one in asked]
    answers = await asking.ask(gateway, marked, source=languages.ENGLISH, target=job.language, around=around)
    outcome.characters += base.characters(marked)
    found = dict[Sentence, Version]()
    for one, answer in zip(asked, answers, strict=True):
        try:
            found[one] = sentences.read(one, answer, job.language)
        except sentences.Unfit as error:
            raise sentences.Unfit(f"“{_quoted(one)}”: {error}.") from None
    return found


async def _back(
    gateway: context.Gateway, job: Job, versions: Mapping[Sentence, Version], outcome: Outcome
) -> dict[Sentence, str]:
    """What the versions say in English. It is read by a person only, so a mark that got lost does no harm."""
    marked = [version.marked() for version in versions.values()]
    answers = await asking.ask(gateway, marked, source=job.language, target=languages.ENGLISH)
    outcome.characters += base.characters(marked)
    return {
        one: "".join(piece if isinstance(piece, str) else one.written(piece) for piece in answer).strip()
        for one, answer in zip(versions, answers, strict=True)
    }


def _doubts(backs: Mapping[Sentence, str]) -> list[str]:
    """Sentences that come back with another day than they left with; a reviewed one may stand beside wrong English."""
    found = list[str]()
    for one, back in backs.items():
        english = protecting.whole(one.pieces)
        days, again = ({day.casefold() for day in _DAYS.findall(text)} for text in (english, back))
        if days != again:
            found.append(f"“{_quoted(one)}” speaks of {_listed(days)}, and comes back with {_listed(again)}.")
    return found


def _listed(days: set[str]) -> str:
    return ", ".join(sorted(day.title() for day in days)) or "no day"


def _together(several: Sequence[Sentence], texts: Mapping[Sentence, str]) -> str:
    """A text from its sentences. One that says nothing, such as a placeholder alone, is the same everywhere."""
    return "".join(
        texts.get(one, "" if one.speaks else protecting.whole(one.pieces)) + one.gap for one in several
    ).strip()


def _veiled(one: Sentence) -> str:
    """A sentence for whoever may read along, but nothing that is protected."""
    return "".join(piece if isinstance(piece, str) else "…" for piece in one.pieces)


def _quoted(one: Sentence) -> str:
    words = protecting.whole(one.pieces)
    return words if len(words) <= _QUOTED else f"{words[:_QUOTED].rstrip()}…"


def facts(gateway: context.Gateway, outcome: Outcome) -> dict[str, object]:
    """What the audit log is told: no words."""
    return {
        "service": asking.service(gateway).name,
        "languages": [one.language for one in outcome.drafts],
        "refused": [one.language for one in outcome.refused],
        "characters": outcome.characters,
    }


async def keep(session: Session, gateway: context.Gateway, outcome: Outcome) -> None:
    """Remember what the service said."""
    service = asking.service(gateway).name
    for language, fresh in outcome.fresh.items():
        await memory.keep(session, fresh, language=language, service=service, now=gateway.now())
