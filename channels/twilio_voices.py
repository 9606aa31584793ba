"""Which voice speaks which language on a call.

Each voice and language stands in Twilio's list for ``<Say>`` (SayVoice and SayLanguage of twilio-node 6, July 2026; the
Python library takes any string and checks nothing). A language that is not here has no machine voice at Twilio: Urdu,
Somali, Albanian, Persian, Pashto and Kurdish among them. Such a call needs a recording, or another channel.
"""

from __future__ import annotations

from typing import NamedTuple


class Voice(NamedTuple):
    """``name`` and ``language`` as ``<Say>`` wants them; ``language`` is ``""`` where the voice alone decides."""

    name: str
    language: str


#: By BCP 47 tag in lower case. None says: this variant has no voice, though its language has one.
VOICES: dict[str, Voice | None] = {
    "en": Voice("Polly.Amy", "en-GB"),
    "cy": Voice("Polly.Gwyneth", "cy-GB"),
    "pl": Voice("Polly.Ewa", "pl-PL"),
    "ro": Voice("Polly.Carmen", "ro-RO"),
    "pa": Voice("Google.pa-IN-Standard-A", "pa-IN"),
    "pa-arab": None,  # the voice reads Gurmukhi; Shahmukhi letters would be spelt out or skipped
    "bn": Voice("Google.bn-IN-Standard-C", "bn-IN"),
    "ar": Voice("Google.ar-XA-Standard-A", "ar-XA"),
    "pt": Voice("Polly.Ines", "pt-PT"),
    "pt-br": Voice("Polly.Vitoria", "pt-BR"),
    "gu": Voice("Google.gu-IN-Standard-C", "gu-IN"),
    "ta": Voice("Google.ta-IN-Standard-C", "ta-IN"),
    "es": Voice("Polly.Lucia", "es-ES"),
    "fr": Voice("Polly.Lea", "fr-FR"),
    "lt": Voice("Google.lt-LT-Standard-A", ""),  # the voice is in the list, its language is not
    "tr": Voice("Polly.Filiz", "tr-TR"),
    "it": Voice("Polly.Bianca", "it-IT"),
    "zh": Voice("Polly.Zhiyu", "cmn-CN"),
    "zh-hant": Voice("Google.yue-HK-Standard-A", "yue-HK"),
    "yue": Voice("Google.yue-HK-Standard-A", "yue-HK"),
    "uk": Voice("Google.uk-UA-Standard-A", "uk-UA"),
    "ru": Voice("Polly.Tatyana", "ru-RU"),
    "bg": Voice("Google.bg-BG-Standard-A", "bg-BG"),
    "hu": Voice("Google.hu-HU-Standard-A", "hu-HU"),
    "hi": Voice("Google.hi-IN-Standard-A", "hi-IN"),
    "ml": Voice("Google.ml-IN-Wavenet-C", "ml-IN"),
}


def voice_for(locale: str) -> Voice | None:
    """Give the voice of the longest part of a BCP 47 tag that is known, or None: ``pl-PL`` is spoken as ``pl``."""
    parts = locale.lower().replace("_", "-").split("-")
    for length in range(len(parts), 0, -1):
        tag = "-".join(parts[:length])
        if tag in VOICES:
            return VOICES[tag]
    return None
