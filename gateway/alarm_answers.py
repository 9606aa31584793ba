"""“Reply 1 when you have read this”: whether an answer to an alarm says so, in whichever form and language.

A digit alone may be a key of another menu of ours; that is looked at where answers come in (``gateway/replies.py``).
"""

from __future__ import annotations

from functools import cache
from typing import Final

from gateway import optout
from gateway.models import Message, Purpose
from gateway.understanding import choice
from templates import languages, library, words

WORDING: Final = "emergency"
READ: Final = "1"


def key(message: Message, said: str) -> str:
    """The key of an alarm's menu that words stand for, ``""`` for none and for any other message."""
    asks = message.purpose is Purpose.EMERGENCY and READ in message.keys
    return READ if asks and says_read(said, message.language) else ""


def says_read(said: str, language: str) -> bool:
    """Whether a whole text says “read”, by its key with or without courtesy, or in words. No network's word does."""
    return not optout.read(said).keyword and choice.key(said, _labels(language)) == READ


@cache
def _labels(language: str) -> dict[str, list[str]]:
    """What the key is called in English and in a language: families send the words too."""
    found = {answer.key: [answer.label] for answer in library.notice(WORDING).answers}
    if language and languages.base(language) != languages.ENGLISH:
        for key_, label in words.prepare(WORDING, language=language, medium="sms").answers(None):
            found.setdefault(key_, []).append(label)
    return found
