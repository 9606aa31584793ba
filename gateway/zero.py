"""What key 0 of a call of ours is for: another language, or a person."""

from __future__ import annotations

from collections.abc import Sequence

from channels.base import Medium
from gateway import wording
from templates import choosing, languages, phrases

KEY = "0"


def offer(
    composer: wording.Composer, composed: wording.Composed, children: Sequence[str], *, recipient: str, likely: str
) -> wording.Composed:
    """Say in a call what key 0 is for, where it is for anything; the other language is stored along with it.

    That is English in a call that is not; in an English one the ``likely`` language, where there are words in it that
    may be heard and a voice or recordings. A family that hears English instead of its own language, and has no other
    one to change to, is led to a person.
    """
    script = dict(composed.script or {})
    language = languages.ENGLISH if composed.language != languages.ENGLISH else likely
    if language == languages.ENGLISH or choosing.may_be_named(language, drafts=composer.school.allow_drafts):
        other = composer.compose(Medium.VOICE, language, children=children, recipient=recipient)
        if other.language != composed.language:
            zero = {"locale": other.language, "text": choosing.press(other.language, KEY)}
            version = {"locale": other.language, "body": other.text, "script": other.script}
            return composed._replace(script=script | {"zero": zero, "other": version})
    if composed.language == languages.ENGLISH and languages.base(composed.wanted) != languages.ENGLISH:
        said_in = composed.wanted if composer.speaks(composed.wanted) else languages.ENGLISH
        used = phrases.language_for("fallback", said_in)
        text = phrases.parsed("fallback", "spoken", used).fill({})
        return composed._replace(script=script | {"zero": {"locale": used, "text": text}, "person": True})
    return composed
