"""``docs/data-protection.md``: what is held of whom, where, why, and for how long."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from config import sections
from docs.writers import markdown
from gateway.privacy import erasing, holdings, retention
from gateway.privacy.holdings import Clock

_INTRO = """
For whoever answers for data protection at the school. The school is the controller; Handbell runs on its own machine
and sends nothing to anybody but the providers that the school has contracts with. The tables are made from the ones by
which people are erased and exported, so they cannot fall behind the program.
"""
_PROVIDERS: Final = (
    (
        "Twilio",
        "numbers; words of texts and calls; what families text or say",
        (
            "words and pictures of texts until `retention.provider_days` after their end, then that there was one; "
            "recordings of voice messages until they are fetched; of a call from the school that there was one, to "
            "which number, when and for how long, for as long as Twilio's own rules say: such calls are not recorded, "
            "its list has no words of them, and Handbell leaves it as it is"
        ),
    ),
    (
        "GOV.UK Notify, where it is set up",
        "numbers, mailboxes; words of texts and emails; what families text",
        (
            "all of it for 7 days, or what its page *Settings, Data retention period* says (3 to 90), then that "
            "something went. Its API deletes nothing, so neither does Handbell: choose the shortest. The networks "
            "behind it keep their own records"
        ),
    ),
    ("mail server", "mailboxes, subject and words of emails", "as its operator says"),
    ("translation service, where one is set up", "sentences of notices and answers", "as its operator says"),
)
_RIGHTS = """
On the page *Data protection* (the head, the safeguarding lead and IT), or by command:

- **To see it**: `handbell person export contact:12 FOLDER` or `pupil:7`, with `--for contact:12` where a parent asks
  for a child's record. It writes a page to read and the same as JSON. Names, numbers and words of others are taken
  out, and what may tell of somebody's health unless `--health` says so. Read it before it is handed over: a sentence
  can point at somebody without a name. What was said with a phone that two people have is in the record of neither,
  unless it is known who said it, and stays while one of them is on file.
- **To put it right**: `handbell person correct contact:12 surname=Nowak`; languages, phones and bars by
  `handbell contact`. Correct the school's own records as well, as the next import brings their version.
- **To have it erased**: `handbell person erase contact:12` shows what would go and what would stay; with `--yes` it is
  done, for ever, and the SQLite file is written anew so that nothing is left in it. Backups hold it until they go.
  Whatever else is deleted from that file, by retention too, is overwritten at once (`secure_delete`); the log of
  changes beside it (`-wal`) keeps it until its place is used again, or Handbell stops.
  A child on roll and a contact who is barred from a child are not erased, and the command says why.
- **To object**: STOP, the link below emails, and preferences. An opt-out outlasts its person as a keyed hash.
- **To complain**: the law asks for an answer within 30 days; such a message is a task for staff like any other.
"""
_CHAIN = """
The [audit log](how-it-works.md#proof) is never emptied: its lines hold ids, counts and reasons, so erasing a person
leaves its chain whole.
"""
_SETTING: Final = (Clock.WORDS, Clock.ATTENDANCE, Clock.RECEIVED, Clock.CODES, Clock.IMPORTS, Clock.RECORDS)
_SAID: Final = {
    Clock.VOICE: "`phone_line.retention_days`",
    Clock.ROLL: "while the school's records list them, or until erased",
    Clock.WITH: "as the row that it belongs to",
    Clock.STAFF: "while they work here",
    Clock.SAID: "for as long as the school likes; whoever is erased is taken out of its words",
    Clock.ALWAYS: "for ever",
    Clock.NOBODY: "nobody's personal data",
}


def page() -> str:
    """Give the page."""
    return markdown.whole(_parts())


def _parts() -> Iterator[str]:
    yield markdown.head("Data protection", "gateway/privacy/holdings.py")
    yield _INTRO
    yield "## What people may ask for"
    yield _RIGHTS
    yield "## How long it is kept"
    yield (
        "Every night, from `retention.at` on, what is over goes. The page *Data protection* and "
        "`handbell retention show` say what would go now, and what went last."
    )
    yield markdown.table(("setting", "days", "what goes then"), _clocks())
    yield _CHAIN
    yield "## What stays when somebody is erased"
    yield "\n".join(f"- {why}" for why in erasing.STAYS.values())
    yield "## At providers"
    yield markdown.table(("provider", "what it gets", "what it keeps"), _PROVIDERS)
    yield "## Table by table"
    yield markdown.table(("table", "what", "held", "tells", "kept", "when erased"), _rows())


def _clocks() -> Iterator[tuple[str, str, str]]:
    chosen = sections.Retention()
    for clock in _SETTING:
        what = "; ".join(dict.fromkeys(rule.called for rule in retention.rules_of(clock)))
        yield markdown.code(f"retention.{clock}_days"), str(getattr(chosen, f"{clock}_days")), what


def _rows() -> Iterator[tuple[str, ...]]:
    for name, held in holdings.HOLDINGS.items():
        tells = "; ".join(
            f"{kind.value}: {markdown.listed(column for column, one in held.columns.items() if one is kind)}"
            for kind in holdings.Kind
            if kind in held.columns.values()
        )
        kept = _SAID.get(held.clock) or markdown.code(f"retention.{held.clock}_days")
        gone = "the row goes" if held.goes else "emptied" if held.columns else "stays"
        if held.clock in (Clock.NOBODY, Clock.STAFF):
            gone = "whole names and numbers go" if held.columns and held.clock is Clock.NOBODY else "stays"
        yield markdown.code(name), held.what, held.why, tells, kept, "stays" if name == "audit" else gone
