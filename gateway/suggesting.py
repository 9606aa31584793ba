"""Which language a reply seems to be written in: a hint for staff, which makes our question likely and decides nothing.

Families write in the language of the school, in their own, or in both at once, and a neighbour may have written it.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from gateway import audit, tasks
from gateway.database import Session
from gateway.models import Contact, Reply
from gateway.understanding import evidence, language, library
from templates import languages

WRITES_IT: Final = "writes in it"
_FEW_WORDS: Final = 3  #: say nothing: «ok mama» is written everywhere
_KNOWN: Final = 0.5  #: the share of a text's words that a language must know
_CLEARLY: Final = 0.2  #: by so much more than English, and than every other language


async def note(session: Session, reply: Reply, contact: Contact, *, log: audit.Log, now: datetime) -> str:
    """Note the language of a reply where it is another one than we write in. Gives its tag, ``""`` for nothing new.

    Not where the family has chosen itself what it reads.
    """
    unknown = contact.languages_confirmed_at is None or not contact.written_language
    tag = written_in(reply.body, library.load()) if unknown else ""
    ours = {contact.written_language or languages.ENGLISH, *contact.further_languages.split()}
    if not tag or languages.base(tag) in map(languages.base, ours) or tag == contact.likely_language:
        return ""
    contact.likely_language, contact.likely_because = tag, WRITES_IT
    session.add(contact)
    line = audit.Line("contact.language_suggested", f"contact:{contact.id}", {"language": tag, "reply": reply.id})
    await log.record(session, line, now=now)
    named = languages.english(tag)
    what = f"A contact writes in {named}; on file is {languages.english(contact.written_language) or 'nothing'}."
    cure = f"Ask them, then: handbell contact language {contact.id} --reads “{named}”"
    await tasks.ask(session, tasks.Ask("language", f"contact:{contact.id}", what, cure), log=log, now=now)
    return tag


def written_in(text: str, known: Mapping[str, language.Language]) -> str:
    """The language of a text by its words and its letters, ``""`` where it is English or nobody can be sure."""
    cut = evidence.Text.of(text)
    if sum(not token.is_break for token in cut.tokens) <= _FEW_WORDS:
        return ""
    shares = {tag: evidence.known(cut, one) for tag, one in known.items() if tag != library.EVERYWHERE}
    best = max(shares, key=lambda tag: shares[tag])
    others = [share for tag, share in shares.items() if tag != best]
    tag = languages.match(best) or ""
    if best == languages.ENGLISH or shares[best] < max(_KNOWN, *(share + _CLEARLY for share in others)):
        return ""
    row = languages.table().get(tag)
    return tag if row and _letters(text) == _letters(row.own) else ""


def _letters(text: str) -> str:
    """The script that most letters of a text are of, by Unicode's names: ``LATIN``, ``ARABIC``."""
    found = Counter(unicodedata.name(letter, "").partition(" ")[0] for letter in text if letter.isalpha())
    return found.most_common(1)[0][0] if found else ""
