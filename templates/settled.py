"""One message for many people: all that is the same for everybody is put in once, each person's own values each time.

What comes out is what :meth:`templates.words.Renderer.fill` makes of the same values, to the letter. It can be taken
apart so because the template language has placeholders only: no personal value decides over any other word but for the
plural form and the blanks left out, and for each of those there is a frame of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from templates import dress, errors, library, phrases, segments, skeleton, translations, values, words


@dataclass(frozen=True, slots=True)
class Frame:
    """Text and subject in which only one person's own values are still missing."""

    text: skeleton.Skeleton
    subject: skeleton.Skeleton
    clothes: dress.Dress


@dataclass(frozen=True, slots=True)
class Settled:
    """A renderer with the values that everybody shares. Made by :func:`settle`.

    ``answers`` are (key, meaning) in the order of the menu; ``needed`` the values that each person must still bring, or
    do without where they are optional.
    """

    renderer: words.Renderer
    answers: tuple[tuple[str, str], ...]
    needed: frozenset[str]
    _known: Mapping[str, library.Value]
    _shared: Mapping[str, values.Value]
    _frames: dict[tuple[int, frozenset[str]], Frame] = field(default_factory=dict, compare=False, repr=False)

    @property
    def language(self) -> str:
        """The language of the words."""
        return self.renderer.language

    @property
    def state(self) -> translations.State:
        """How far the words can be trusted."""
        return self.renderer.state

    def fill(self, own: Mapping[str, object]) -> tuple[str, str]:
        """Put one person's values in: the text, tidied for a text message, and the subject, ``""`` without one.

        Raises a :class:`errors.WordingError` when a value is missing, unknown or of the wrong type.
        """
        checked = values.check(
            own, self._known, needed=self.needed, language=self.renderer.language, where=self.renderer.where
        )
        if "unsubscribe_url" in self.needed and "unsubscribe_url" not in checked:
            raise errors.MissingValue(
                f"In {self.renderer.where} the unsubscribe link is missing. Give {{unsubscribe_url}}."
            )
        counted = self.renderer.notice.plural_by
        n = values.amount(checked.get(counted, self._shared.get(counted)))
        absent = self.needed.difference(checked)
        frame = self._frames.get((n, absent))
        if frame is None:
            frame = self._frames[n, absent] = self._frame(n, absent)
        text = frame.text.fill(self._shown(checked, frame.text, frame.clothes))
        if self.renderer.medium == "sms":
            return segments.tidy(text), ""
        return text, " ".join(frame.subject.fill(self._shown(checked, frame.subject, frame.clothes)).split())

    def _frame(self, n: int, absent: frozenset[str]) -> Frame:
        form = self.renderer.form(n, absent)
        clothes = self.renderer.clothes(form.direction)
        shown = {
            name: values.show(value, self._known[name].type, language=self.renderer.language, clothes=clothes)
            for name, value in self._shared.items()
        }
        if self.answers:
            shown["menu"] = phrases.menu(self.answers, language=self.renderer.phrases_language, clothes=clothes)
        if "recipient" in self._shared or "recipient" in absent:
            recipient = str(self._shared.get("recipient", ""))
            shown["greeting"] = phrases.greeting(recipient, language=self.renderer.phrases_language, clothes=clothes)
        return Frame(form.text.partly(shown), form.subject.partly(shown), clothes)

    def _shown(self, checked: values.Checked, wording: skeleton.Skeleton, clothes: dress.Dress) -> dict[str, str]:
        shown: dict[str, str] = {}
        for name in wording.names:
            if name == "greeting":
                recipient = str(checked["recipient"])
                shown[name] = phrases.greeting(recipient, language=self.renderer.phrases_language, clothes=clothes)
            else:
                shown[name] = values.show(
                    checked[name], self._known[name].type, language=self.renderer.language, clothes=clothes
                )
        return shown


def settle(
    renderer: words.Renderer, shared: Mapping[str, object], *, answers: words.GivenAnswers | None = None
) -> Settled:
    """Put in what is the same for everybody. What is still missing each person must bring.

    Raises a :class:`errors.WordingError` when one of these values is unknown or of the wrong type.
    """
    known = renderer.known(shared)
    whole = renderer.form(1, frozenset())
    checked = values.check(shared, known, needed=frozenset(), language=renderer.language, where=renderer.where)
    menu = renderer.answers(answers)
    if "menu" in whole.text.names and not menu:
        raise errors.MissingValue(
            f"In {renderer.where} {{menu}} stands for the answers, but there are none. Give answers."
        )
    return Settled(renderer, menu, whole.needed.difference(checked), known, checked)
