"""What the lines of the audit log say to a secretary: for each deed an icon and a sentence, by ``audit_words.toml``.

``tests/web/test_office_audit.py`` looks that no deed of Handbell's is without words.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from string import Formatter
from typing import Any, Final

from gateway.accounts import signatures

HANDBELL, PARENT, PROGRAMS = "handbell", "parent", signatures.PROGRAM
EXPORTED: Final = "audit.exported"
_PARENTS: Final = frozenset({"parent", "caller"})
#: Deeds of one worker of ours, which signs with the name of its machine.
_OURS: Final = frozenset({"outbox.claimed"})


@dataclass(frozen=True, slots=True)
class Words:
    """An icon, and sentences."""

    icon: str
    sentences: tuple[str, ...]


def _load() -> dict[str, dict[str, Words]]:
    text = files("gateway.web.office").joinpath("audit_words.toml").read_text("utf-8")
    return {
        group: {deed: Words(icon, tuple(sentences)) for deed, (icon, *sentences) in deeds.items()}
        for group, deeds in tomllib.loads(text).items()
    }


#: Who looked at what, whichever page it was on.
_LOOKS: Final = (
    "absence.chronology_shown", "absence.codes_shown", "details.list_shown", "details.exported", "family.locked_shown",
    "announcement.report_shown", "reply.seen", "voice.played", "person.held_shown", "person.exported", "door.refused",
    "audit.exported", "report.packed",
)  # fmt: skip
_LOADED: Final = _load()
WORDS: Final[Mapping[str, Words]] = {deed: one for group in _LOADED.values() for deed, one in group.items()}
#: What one may look for: key, how it is called, deeds.
GROUPS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "absences": ("Absences", tuple(_LOADED["absences"])),
    "messages": ("Messages sent", tuple(_LOADED["messages"])),
    "replies": ("Replies", tuple(_LOADED["replies"])),
    "details": ("Contact details", tuple(_LOADED["details"])),
    "looks": ("People looking at records", _LOOKS),
    "settings": ("Staff and settings", tuple(_LOADED["settings"])),
    "traffic": ("Each message at the provider", tuple(_LOADED["traffic"])),
}
EVERYTHING: Final = "all"  #: what is looked for where the traffic is to stand among what was decided
TRAFFIC: Final = GROUPS["traffic"][1]
#: What lines call something, and what people call it.
_CALLED: Final = {
    "asking": "being asked", "unread": "answered, needs reading", "expected": "on the way",
    "to_confirm": "to be confirmed", "seen": "in school", "explained": "explained", "safe": "safe",
    "handed_over": "handed over",
    "ours": "ours holds", "theirs": "the file holds", "attendance_lead": "attendance lead",
    "safeguarding_lead": "safeguarding lead", "read_only": "read only", "it": "IT",
}  # fmt: skip


def words(action: str, facts: Mapping[str, Any]) -> Words:
    """What a line says. A deed that has no words yet is said by its name."""
    found = WORDS.get(action)
    if found is None:
        return Words("info", (action.replace(".", ": ").replace("_", " "),))
    for sentence in found.sentences:
        wanted = [name for _, name, _, _ in Formatter().parse(sentence) if name]
        if all(facts.get(name) not in (None, "") for name in wanted):
            return Words(found.icon, (sentence.format_map({name: _called(facts[name]) for name in wanted}),))
    return Words(found.icon, (found.sentences[-1],))


def _called(fact: Any) -> str:
    if isinstance(fact, int):
        return f"{fact:,}"
    return _CALLED.get(str(fact), str(fact).replace("_", " "))


def that_say(text: str) -> list[str]:
    """The deeds whose sentences have these words in them."""
    wanted = text.casefold()
    return [name for name, one in WORDS.items() if any(wanted in sentence.casefold() for sentence in one.sentences)]


def who(actor: str, action: str) -> tuple[str, bool]:
    """Who a line says it was; and whether that is a person."""
    if actor == HANDBELL or action in _OURS:
        return "Handbell", False
    if actor in _PARENTS:
        return "Parent", True
    if actor.startswith(signatures.PROGRAM):
        return f"{actor.removeprefix(signatures.PROGRAM)}, a program", False
    if actor.startswith(signatures.ACCOUNT):
        return actor.removeprefix(signatures.ACCOUNT), True
    return f"{actor}, at the command line", True


def actors(which: str) -> tuple[str, ...]:
    """How whoever was chosen signs: a name, as an account or at the keyboard."""
    if which == PARENT:
        return tuple(sorted(_PARENTS))
    if which in (HANDBELL, PROGRAMS):
        return (which,)
    return (signatures.of_account(which), which) if which else ()
