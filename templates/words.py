"""The words of a message: (notice key, language, values, medium) -> text.

:func:`prepare` does once what is the same for everybody (find the translation, take the wordings apart);
:meth:`Renderer.fill` then only puts one person's values in. The HTML of an email is made from the stored text when it
is sent (:mod:`templates.letter`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from templates import (
    dress,
    errors,
    languages,
    letter,
    library,
    phrases,
    segments,
    skeleton,
    states,
    translations,
    values,
)

#: A label is plain words in the message's language, or words by language with English among them.
GivenAnswers = Sequence[tuple[str, str | Mapping[str, str]]]


@dataclass(frozen=True, slots=True)
class Words:
    """A message ready to go.

    ``language``   the one really used, perhaps not the one asked for; ``direction`` is that of the text
    ``state``      how far the translation can be trusted: ``source``, ``draft``, ``machine`` or ``reviewed``
    ``segments``   what it costs as a text message, None for other media
    ``answers``    (key, meaning) in the order of the menu, for the channel's keys and the call's script
    """

    text: str
    language: str
    direction: languages.Direction
    state: translations.State
    subject: str = ""
    segments: segments.Segments | None = None
    answers: tuple[tuple[str, str], ...] = ()

    @property
    def parts(self) -> int:
        """How many text messages it is charged as; 0 for other media."""
        return self.segments.parts if self.segments else 0


@dataclass(frozen=True, slots=True)
class Form:
    """The skeletons of one plural form with one set of optional values left out."""

    text: skeleton.Skeleton
    subject: skeleton.Skeleton
    direction: languages.Direction
    needed: frozenset[str]


@dataclass(frozen=True, slots=True)
class Renderer:
    """One notice in one language for one medium. Made by :func:`prepare` or :func:`prepare_free`.

    ``state``  how far the words can be trusted: as far as the weakest of them; an author's own are the source
    ``mandatory``  the email says why it has no unsubscribe link; otherwise it needs the value ``unsubscribe_url``
    ``own_text``, ``own_subject``  the author's words, for a free text
    ``phrases_language``  the one of greeting, menu and footer: an author may write a language that we may not use
    """

    notice: library.Notice
    medium: str
    language: str
    phrases_language: str
    state: translations.State
    mandatory: bool = True
    own_text: skeleton.Skeleton | None = None
    own_subject: skeleton.Skeleton | None = None
    _forms: dict[tuple[int, frozenset[str]], Form] = field(default_factory=dict, compare=False, repr=False)

    @property
    def where(self) -> str:
        """Name the wording for error sentences."""
        if self.own_text:
            return f"the free text ({self.medium}, {self.language})"
        return f'the notice "{self.notice.key}" ({self.medium}, {self.language})'

    def fill(self, given: Mapping[str, object], *, answers: GivenAnswers | None = None) -> Words:
        """Put one person's values in.

        Raises a :class:`errors.WordingError` when a value is missing, unknown or of the wrong type: nothing is ever
        sent with a blank.
        """
        known = self.known(given)
        whole = self.form(1, frozenset())
        checked = values.check(given, known, needed=whole.needed, language=self.language, where=self.where)
        menu = self.answers(answers)
        if "menu" in whole.text.names and not menu:
            raise errors.MissingValue(
                f"In {self.where} {{menu}} stands for the answers, but there are none. Give answers."
            )
        if "unsubscribe_url" in whole.needed and "unsubscribe_url" not in checked:
            raise errors.MissingValue(f"In {self.where} the unsubscribe link is missing. Give {{unsubscribe_url}}.")
        absent = frozenset(name for name in whole.needed if name not in checked)
        form = self.form(values.amount(checked.get(self.notice.plural_by)), absent)
        text = form.text.fill(self._shown(checked, menu, known, form.text.names, self.clothes(form.direction)))
        words = Words(text, self.language, form.direction, self.state, answers=menu)
        if self.medium == "sms":
            tidy = segments.tidy(text)
            return replace(words, text=tidy, segments=segments.count(tidy))
        shown = self._shown(checked, menu, known, form.subject.names, self.clothes(form.direction))
        return replace(words, subject=" ".join(form.subject.fill(shown).split()))

    def answers(self, given: GivenAnswers | None = None) -> tuple[tuple[str, str], ...]:
        """Give (key, meaning) in the language: the given answers, or those of the notice."""
        if given is None:
            own = self.notice.answers
            return tuple((a.key, translations.put(self.notice.answer_source(a), language=self.language)) for a in own)
        found = []
        for key, label in given:
            library.check_answer(key, where=self.where)
            words = label if isinstance(label, str) else values.by_language(label, self.language)
            if not words:
                raise errors.MissingValue(f'In {self.where} the answer "{key}" has no words in English.')
            found.append((values.clean(key), values.clean(words)))
        return tuple(found)

    def known(self, given: Mapping[str, object]) -> dict[str, library.Value]:
        """Give every value that may be filled in; in a free text also whatever is given with it."""
        known = self.notice.known()
        if self.own_text is None:
            return known
        known = {name: blank for name, blank in known.items() if name not in self.notice.values}
        return {name: values.infer(raw) for name, raw in given.items()} | known

    def clothes(self, direction: languages.Direction) -> dress.Dress:
        """Say how values are dressed for the medium."""
        return dress.voice() if self.medium == "voice" else dress.plain(direction)

    def form(self, n: int, absent: frozenset[str]) -> Form:
        """Give the skeletons of the plural form for ``n``, without the placeholders of ``absent`` values."""
        form = self._forms.get((n, absent))
        if form is None:
            form = self._forms[n, absent] = self._build(n, absent)
        return form

    def _build(self, n: int, absent: frozenset[str]) -> Form:
        fields = self.notice.wording(self.medium).fields()
        text = self._wording("text", n).without(absent)
        direction = languages.direction(self.language)
        if self.own_text:
            direction = dress.direction_of(self.own_text.words(), self.language)
        if "subject" not in fields:
            return Form(text, skeleton.Skeleton(("",), ()), direction, _needs(text))
        subject = self._wording("subject", n).without(absent)
        name = "mandatory_footer" if self.mandatory else "unsubscribe_footer"
        text = text.join(letter.FOOTER_MARK, phrases.parsed("message", name, self.phrases_language))
        return Form(text, subject, direction, _needs(text) | _needs(subject))

    def _wording(self, part: str, n: int) -> skeleton.Skeleton:
        if part == "subject" and self.own_subject:
            return self.own_subject
        source = self.notice.source(self.medium, part)
        # Only for a free text may this differ from the message's language: its author may write one that we do not.
        language = translations.choose(self.phrases_language, [source])
        parsed = skeleton.parse(translations.put(source, language=language, n=n), where=self.where)
        return parsed if self.own_text is None else parsed.inline("words", self.own_text)

    def _shown(
        self,
        checked: values.Checked,
        menu: tuple[tuple[str, str], ...],
        known: Mapping[str, library.Value],
        names: Sequence[str],
        clothes: dress.Dress,
    ) -> dict[str, str]:
        """Write the values that a skeleton asks for, in the language, dressed for the medium."""
        shown: dict[str, str] = {}
        for name in names:
            if name == "greeting":
                recipient = str(checked.get("recipient", ""))
                shown[name] = phrases.greeting(recipient, language=self.phrases_language, clothes=clothes)
            elif name == "menu":
                shown[name] = phrases.menu(menu, language=self.phrases_language, clothes=clothes)
            elif name in checked:
                shown[name] = values.show(checked[name], known[name].type, language=self.language, clothes=clothes)
        return shown


@lru_cache(maxsize=512)
def prepare(key: str, *, language: str, medium: str, mandatory: bool = True) -> Renderer:
    """Make a notice ready in a language: itself, its base, or English, whichever has all that is needed.

    Raises :class:`errors.UnknownNotice` for a key or a medium that there is not.
    """
    notice = library.notice(key)
    named = skeleton.parse(notice.wording(medium).text, where=key).names
    own, around = notice.sources(medium), phrases.around(medium, names=named)
    message = [phrases.source("message", name) for name in phrases.phrases()["message"]]
    used = translations.choose(language, own + around + message)
    state = translations.state(used, own + around)
    return Renderer(notice, str(medium), used, used, state, mandatory)


def prepare_free(
    texts: Mapping[str, str],
    *,
    language: str,
    medium: str,
    mandatory: bool = True,
    subjects: Mapping[str, str] | None = None,
    allow_drafts: bool = True,
    drafted: Mapping[str, translations.State] | None = None,
) -> Renderer:
    """Make an author's own words ready: those in the language, in its base, or in English.

    ``texts`` and ``subjects`` are by language tag; they may hold the placeholders of every message and any others for
    which values are given. What we add to them (greeting, menu, footer) comes in the same language where we have it,
    and in English where we have not, or only a translation that nobody has reviewed and ``allow_drafts`` is off.
    ``drafted`` says of texts that are no author's own how far they can be trusted: an unread one hides no base of it.
    Raises :class:`errors.BadWording` where there is no English to fall back to.
    """
    notice = library.notice("free_text")
    states_of = drafted or {}
    there = [tag for tag in languages.fallbacks(language) if texts.get(tag, "").strip()]
    used = next((tag for tag in there if allow_drafts or states.trusted(states_of.get(tag, "source"))), None)
    if used is None:
        raise errors.BadWording(f'The free text has no words in "{language}" and none in English ("en"). Add English.')
    where = f'the free text in "{used}"'
    text = skeleton.parse(values.clean(texts[used]), where=where)
    subject = values.by_language(subjects or {}, used)
    ours = phrases.language_for("message", used)
    if not allow_drafts and not states.trusted(translations.state(ours, phrases.around(medium, names=text.names))):
        ours = languages.ENGLISH
    return Renderer(
        notice,
        str(medium),
        used,
        ours,
        states_of.get(used, "source"),
        mandatory,
        own_text=text,
        own_subject=skeleton.parse(values.clean(subject), where=f"the subject of {where}") if subject else None,
    )


def _needs(parsed: skeleton.Skeleton) -> frozenset[str]:
    names = set(parsed.names)
    if "greeting" in names:
        names.add("recipient")
    return frozenset(names - library.DERIVED)
