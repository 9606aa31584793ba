"""What staff are asked to do, for somebody at a page: without commands, and with the page where it is done."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from gateway.web.office import visitors
from gateway.web.office.rights import Right

#: Where a sentence turns to the command line: ``handbell marks import``, or a later one in short, ``absence settle``.
_COMMAND: Final = re.compile(
    r"\bhandbell [a-z]|\b(?:absence|campaign|contact|conversation|details|event|replies) "
    r"(?:answer|approve|chronology|close|confirm|list|refuse|resume|settle|show)\b"
)
#: What leads over to it.
_LEADS: Final = re.compile(
    r"(?:[\s,;:(]|\b(?:and|answer the questions of|from|or|run|see|then|to|with)\b)*$", re.IGNORECASE
)
_SENTENCE: Final = re.compile(r"(?<=[.?!]) +")
_FEWEST: Final = 3  #: words that are a sentence without the rest of it

#: Where each kind of task is seen to, where not on the page of whom it is about: the beginning of the kind.
_PLACES: Final[Mapping[str, tuple[str, str, Right]]] = {
    "absence.unheard": ("/replies", "Replies", Right.SEE_REPLIES),
    "absence": ("/today", "Today", Right.SEE_TODAY),
    "desk": ("/replies", "Replies", Right.SEE_REPLIES),
    "details": ("/contact-details", "Contact details", Right.SEE_DETAILS),
    "event.unheard": ("/replies", "Replies", Right.SEE_REPLIES),
    "event": ("/calendar", "Calendar", Right.SEE_CALENDAR),
    "good_news": ("/good-news", "Good news", Right.SEND_GOOD_NEWS),
    "import.conflicts": ("/import/questions", "The questions", Right.IMPORT_PEOPLE),
    "import": ("/import", "Import", Right.IMPORT_PEOPLE),
    "register": ("/today", "Today", Right.SEE_TODAY),
    "restored": ("/settings/restored", "After a restore", Right.SEE_SETTINGS),
    "sender": ("/settings/senders", "What we send as", Right.SEE_SETTINGS),
    "survey": ("/surveys", "Surveys", Right.SEE_REPORTS),
}


def without_commands(text: str) -> str:
    """The sentences of a cure that somebody at a page can follow; ``""`` where none is left."""
    found = list[str]()
    for sentence in _SENTENCE.split(text):
        command = _COMMAND.search(sentence)
        if command is None:
            found.append(sentence)
            continue
        head = _LEADS.sub("", sentence[: command.start()])
        if len(head.split()) >= _FEWEST and not head.startswith("When "):
            found.append(f"{head}.")
        elif found and found[-1].endswith("?"):  # a question whose answer is a command
            found.pop()
    return " ".join(found).strip()


def place(kind: str, visitor: visitors.Visitor) -> tuple[str, str] | None:
    """Where a task of this kind is seen to, and how the page is called, as far as a visitor may go there."""
    begins = max((one for one in _PLACES if kind == one or kind.startswith(f"{one}.")), key=len, default="")
    if not begins:
        return None
    href, name, right = _PLACES[begins]
    return (href, name) if visitor.may(right) else None
