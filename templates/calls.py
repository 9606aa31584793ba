"""What a voice call says around its message.

Nothing private may be heard before a key is pressed: whoever picks up, or a machine, hears the school's name and no
more.
"""

from __future__ import annotations

from dataclasses import dataclass

from templates import dress, phrases, values


@dataclass(frozen=True, slots=True)
class CallWords:
    """The parts of a call's script, as ``channels.base.CallScript`` has them, and the language that they are in."""

    language: str
    opening: str
    fallback: str
    menu: str
    thanks: str
    again: str


def call_script(language: str, *, school: str, school_phone: str, keys: phrases.Answers) -> CallWords:
    """Write the script: opening, fallback for a machine (name and number, digit by digit), menu, thanks, again.

    ``keys`` are (digit, meaning in the message's language), e.g. ``words.Words.answers``; without any there is no menu.
    """
    clothes = dress.voice()
    said = {"school": clothes.value(values.clean(school)), "school_phone": clothes.phone(school_phone)}
    choice = phrases.parsed("call", "choice", language)
    return CallWords(
        language=phrases.language_for("call", language),
        opening=phrases.parsed("call", "opening", language).fill(said),
        fallback=phrases.parsed("call", "fallback", language).fill(said),
        menu=" ".join(choice.fill({"key": key, "label": values.clean(label)}) for key, label in keys),
        thanks=phrases.parsed("call", "thanks", language).fill(said),
        again=phrases.parsed("call", "again", language).fill(said),
    )
