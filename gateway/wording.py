"""The words of one notice for one contact by one medium: the language allowed, the voice there is, the cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from channels.base import Medium
from gateway import errors, guard, tongues
from gateway.definitions import model, translated
from gateway.voicebank import bank as voicebank
from gateway.voicebank import playing
from templates import (
    aloud,
    calls,
    fallback,
    languages,
    letter,
    phrases,
    segments,
    settled,
    states,
    translations,
    words,
)
from templates.errors import WordingError

SPOKEN_CHARACTERS_PER_MINUTE = 750  #: at an ordinary reading pace of about 150 words a minute

_PERSONAL = frozenset({"children", "recipient", "unsubscribe_url"})


@dataclass(frozen=True, slots=True)
class School:
    """How the school is called in messages, and what its language settings are.

    ``fold_accents`` are the languages texted without accents where that saves a part.
    """

    name: str
    short_name: str
    phone: str
    language: str = "en"
    allow_drafts: bool = False
    fold_accents: frozenset[str] = frozenset()
    instead: Mapping[str, tongues.Chain] = field(default_factory=dict[str, tongues.Chain])


@dataclass(frozen=True, slots=True)
class Costs:
    """What the provider charges, in pence."""

    text_part: float = 0.0
    call_minute: float = 0.0
    email: float = 0.0

    def of(self, medium: Medium, *, parts: int, characters: int) -> float:
        """Pence for one message: text parts, begun minutes of a call, or one email."""
        match medium:
            case Medium.SMS:
                return parts * self.text_part
            case Medium.VOICE:
                return (1 + characters // SPOKEN_CHARACTERS_PER_MINUTE) * self.call_minute
            case Medium.EMAIL:
                return self.email


class Composed(NamedTuple):
    """Words ready to store. ``wanted`` is the family's language, ``language`` the one really used; where the two differ
    a line in the family's own may stand beside it (:mod:`templates.fallback`).

    ``parts`` may be more than ``guard.MOST_PARTS``: then this text must not go. ``saved`` are those that went with the
    accents, ``added`` those of the line.
    """

    text: str
    subject: str
    language: str
    wanted: str
    state: str
    parts: int
    keys: str
    script: dict[str, Any] | None
    saved: int = 0
    added: int = 0


@dataclass(frozen=True, slots=True)
class Wording:
    """What is the same for everybody who wants the notice by one medium in one language.

    ``menu`` stands below the words, ``""`` where it is in them or nobody is asked; ``script`` is that of a call;
    ``field`` is where the words stand in the definition; ``bare``: without accents where that saves a part; ``line`` is
    in the family's language, beside English words.
    """

    medium: Medium
    wanted: str
    settled: settled.Settled
    keys: str
    menu: str
    script: dict[str, Any] | None
    field: str
    bare: bool = False
    line: str = ""
    most_more: int = 0
    recorded: playing.Recorded | None = None

    @property
    def greets(self) -> bool:
        """Whether the words name the recipient; if not, all who hear of the same children get the same words."""
        return "recipient" in self.settled.needed

    def compose(self, children: Sequence[str], *, recipient: str = "", unsubscribe_url: str = "") -> Composed:
        """Compose for one contact.

        Raises :class:`errors.BadDefinition` when a value is missing: nothing goes out with a blank.
        """
        own: dict[str, object] = {"children": children}
        if recipient:
            own["recipient"] = recipient
        if unsubscribe_url:
            own["unsubscribe_url"] = unsubscribe_url
        words = self.settled
        try:
            text, subject = words.fill(own)
        except WordingError as error:
            raise _bad(error, self.field) from error
        if self.menu:
            text = with_menu(self.medium, text, self.menu)
        parts = segments.count(text).parts if self.medium is Medium.SMS else 1
        plain = text
        if self.bare:
            text = segments.fold(text)
        if self.line:
            text = self._with_line(text)
        needs = segments.count(text).parts if self.medium is Medium.SMS and text is not plain else parts
        saved, added = max(0, parts - needs), max(0, needs - parts)
        script = self.script
        if script and self.recorded:
            script = script | {"sounds": self.recorded.sounds(children, recipient=recipient)}
        return Composed(text, subject, words.language, self.wanted, words.state, needs, self.keys, script, saved, added)

    def _with_line(self, text: str) -> str:
        if self.medium is Medium.SMS:
            return fallback.below(text, self.line, most_more=self.most_more, most=guard.MOST_PARTS)
        return fallback.above(text, self.line)


@dataclass(slots=True)
class Composer:
    """Makes the words of one notice. ``speaks`` says whether the voice channel has a voice for a language, ``bank``
    what is recorded for those without.
    """

    definition: model.Definition
    school: School
    speaks: Callable[[str], bool]
    bank: voicebank.Bank = voicebank.NOTHING
    _wordings: dict[tuple[Medium, tongues.Chain], Wording] = field(default_factory=dict)

    def play(self, bank: voicebank.Bank) -> None:
        """Play calls from these recordings from now on."""
        if bank != self.bank:
            self.bank = bank
            self._wordings.clear()

    def compose(
        self,
        medium: Medium,
        language: str | tongues.Chain,
        *,
        children: Sequence[str],
        recipient: str = "",
        unsubscribe_url: str = "",
    ) -> Composed:
        """Compose for one contact, in a language or the first of several that there are words in.

        Raises :class:`errors.BadDefinition` when a value is missing: nothing goes out with a blank.
        """
        wording = self.wording(medium, language)
        return wording.compose(children, recipient=recipient, unsubscribe_url=unsubscribe_url)

    def wording(self, medium: Medium, language: str | tongues.Chain) -> Wording:
        """The words by one medium in a language, or the first of several that there are words in, or in English.

        Raises :class:`errors.BadDefinition`.
        """
        chain = (language,) if isinstance(language, str) else language
        found = self._wordings.get((medium, chain))
        if found is None:
            try:
                found = self._wordings[medium, chain] = self._make(medium, chain)
            except WordingError as error:
                raise _bad(error, self._field) from error
        return found

    @property
    def _field(self) -> str:
        return self.definition.template or "text"

    def _make(self, medium: Medium, chain: tongues.Chain) -> Wording:
        renderer = self._renderer(medium, chain)
        ready = settled.settle(renderer, self._shared(), answers=self._answers())
        # Our own phrases around an author's words may be in another language than the words.
        ours = renderer.phrases_language if self.definition.text else renderer.language
        written = self.definition.text.get(renderer.language, "") + renderer.notice.wording(medium).text
        keys, menu, script = ready.answers, "", None
        if keys and "{menu}" not in written and medium is not Medium.VOICE:
            menu = phrases.reply_menu(ours, keys)
        if medium is Medium.VOICE:
            said = calls.call_script(ours, school=self.school.name, school_phone=self.school.phone, keys=keys)
            script = {part: getattr(said, part) for part in ("opening", "fallback", "menu", "thanks", "again")}
        recorded = None if medium is not Medium.VOICE or self.speaks(renderer.language) else self._recorded(renderer)
        pressed = "".join(key for key, _ in keys)
        bare = medium is Medium.SMS and renderer.language in self.school.fold_accents
        line, more = self._line(medium, chain, renderer.language), self._more
        return Wording(medium, chain[0], ready, pressed, menu, script, self._field, bare, line, more, recorded)

    @property
    def _more(self) -> int:
        mandatory = self.definition.purpose.mandatory
        return fallback.MOST_MORE_MANDATORY if mandatory else fallback.MOST_MORE

    def _line(self, medium: Medium, chain: tongues.Chain, used: str) -> str:
        """What is said in the family's language beside English words; a call has its own way to a person."""
        if used != languages.ENGLISH or medium is Medium.VOICE:
            return ""
        lines = (fallback.line(medium.value, wanted, school_phone=self.school.phone) for wanted in chain)
        return next(filter(None, lines), "")

    def _renderer(self, medium: Medium, chain: tongues.Chain) -> words.Renderer:
        """The translation to use: a draft only where the school allows it, spoken only where there is a voice."""
        for wanted in chain:
            renderer = self._prepare(medium, wanted)
            missing = renderer.language == languages.ENGLISH and languages.base(wanted) != languages.ENGLISH
            if missing or not self._allowed(renderer.state):
                continue
            if medium is not Medium.VOICE or self.speaks(renderer.language) or self._recorded(renderer):
                return renderer
        return self._prepare(medium, languages.ENGLISH)

    def to_record(self, language: str) -> list[aloud.Piece]:
        """What the call of this notice says in a language, the free words of the day among it, children's names not.

        Raises :class:`errors.BadDefinition`.
        """
        try:
            return playing.to_record(self._call(self._prepare(Medium.VOICE, language)))
        except WordingError as error:
            raise _bad(error, self._field) from error

    def _recorded(self, renderer: words.Renderer) -> playing.Recorded | None:
        """How a call is played in a language without a voice, None where not all of it is recorded."""
        if renderer.language not in self.bank.clips or renderer.phrases_language != renderer.language:
            return None
        return playing.recorded(self.bank, self._call(renderer))

    def _call(self, renderer: words.Renderer) -> playing.Call:
        keys = renderer.answers(self._answers())
        return playing.Call(renderer, self._shared(), keys, self.school.name, self.school.phone)

    def _allowed(self, state: translations.State) -> bool:
        return self.school.allow_drafts or states.trusted(state)

    def _prepare(self, medium: Medium, language: str) -> words.Renderer:
        mandatory = self.definition.purpose.mandatory
        if self.definition.template:
            return words.prepare(self.definition.template, language=language, medium=medium.value, mandatory=mandatory)
        return words.prepare_free(
            translated.current(self.definition),
            language=language,
            medium=medium.value,
            mandatory=mandatory,
            subjects=self.definition.subject or {"en": self.definition.title},
            allow_drafts=self.school.allow_drafts,
            drafted=translated.states(self.definition),
        )

    def _shared(self) -> Mapping[str, Any]:
        """The values that everybody's words have; a definition cannot give those of one person."""
        given = self.definition.template_values()
        own = {"school": self.school.short_name, "school_phone": self.school.phone}
        return {name: value for name, value in given.items() if name not in _PERSONAL} | own

    def _answers(self) -> words.GivenAnswers | None:
        if self.definition.replies.options:
            return [(option.key, option.label) for option in self.definition.replies.options]
        return None


def _bad(error: WordingError, field: str) -> errors.BadDefinition:
    return errors.BadDefinition([errors.Problem(str(error), field=field)])


def with_menu(medium: Medium, text: str, menu: str) -> str:
    """The menu below the words, and in an email above its footer."""
    if medium is Medium.SMS:
        return segments.tidy(f"{text}\n{menu}")
    body, mark, footer = text.partition(letter.FOOTER_MARK)
    return f"{body}\n\n{menu}{mark}{footer}"
