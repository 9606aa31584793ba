"""``docs/languages.md``: which languages there are words in, who has read them, and how a translation is made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date
from random import Random
from typing import Final

from channels import twilio_voices
from docs.writers import markdown
from gateway.practice import school
from templates import catalogue, coverage, languages, library, plurals, pofiles

_INTRO = """
A family that cannot read a message was not told. Handbell's own words, the notices of the [library](wordings.md) and
the short texts around them, are translated in catalogues under `templates/locale`, a `.po` file for each language that
Poedit and Weblate open as it is.
"""
_STATES = """
Each text has a state of its own, and a notice is as far read as the weakest of its texts:

| state | what it means | sent |
| --- | --- | --- |
| `reviewed` | a person who speaks the language has read it and stands for it, by name and date | yes |
| `draft` | nobody who speaks the language has read it | only where `languages.allow_drafts` is true |
| `machine` | a computer made it, and it is known to be no better | only where `languages.allow_drafts` is true |
| stale (`fuzzy`) | its English has changed since | never |
| missing | it is not there | never |

A review stands above its text as a comment, `# state: reviewed by Anna Kowalska, 2026-11-28 (seal 3f2a91)`. The seal is
a check sum of the words that were read: whoever changes them, with whatever tool, makes them a draft again.

Where a notice may not go in a family's language, English goes, and with it a line in their language that says where
help is to be had. Below a text it costs up to four parts more where the news must be understood (emergency,
safeguarding, statutory, service), and two elsewhere; where it would take more, it stays out. `handbell notice preview`
shows what it costs. A family that reads Brazilian Portuguese gets European Portuguese where there is no other.
"""
_REVIEWING = """
Everything that we ship is a draft. A school needs somebody who speaks the language, an hour, and no account:

```sh
handbell words coverage                          # which notices reach how many families in their language
handbell words export so amina.po                # what waits for a reader, with made-up names; open it in Poedit
handbell words import amina.po --by "Amina Warsame"
handbell words accept so absence_check --by "Amina Warsame"   # one notice that she has read elsewhere
handbell words review so                         # what is still to be read
```

In the file everything is marked "needs work". What the volunteer takes that mark from, changed or not, was read.
Without Poedit, `amina.csv` opens in Excel: there a text was read that has a yes beside it, and no other
answer. A text with a wrong blank, or in the letters of another language, is refused with its line, and a file that says
it is in another language is refused whole. The school's reviewed texts are kept in a folder of its own
(`languages.folder`) that lies over ours, text by text, and survives an upgrade; a text whose English has changed with
it falls back to ours. They are used from the next start on, and each review is in the audit log.
"""
_WORKSHOP = """
```sh
handbell words start vi     # begin a language
handbell words check vi     # every blank and no other, plural forms, direction marks, lengths: line, reason, cure
handbell words compile      # make the catalogues ready for use
handbell words update       # after a change of the English: changed texts wait for a translator
```

Plural forms are CLDR's, for whole numbers; the head of each file says which form is for which numbers.
"""
_COVERAGE = """
Which share of the families of the practice school would get a notice in their own language, drafts counted, as
`handbell words coverage` shows it of your own school. A call needs a voice too; recordings are not counted here.
"""
_BY: Final = {"sms": "by text", "email": "by email", "voice": "by call"}
_SEED: Final = 1
_DAY: Final = date(2026, 9, 7)
_SIGNS: Final = {"source": "●", "reviewed": "●", "draft": "○", "machine": "○", "missing": ""}


def page() -> str:
    """Give the page."""
    return markdown.whole(_parts())


def _parts() -> Iterator[str]:
    yield markdown.head("Languages", "templates/locale")
    yield _INTRO
    yield markdown.table(
        ("language", "tag", "direction", "texts", "reviewed", "drafts", "stale or missing", "plural forms", "voice"),
        [_language(tag) for tag in _tags()],
    )
    yield "## States"
    yield _STATES
    yield "## Having words reviewed"
    yield _REVIEWING
    yield "## Translating"
    yield _WORKSHOP
    yield "## Notices by language"
    yield "By text message: ● reviewed, ○ a draft, empty where English goes."
    tags = _tags()
    states = {tag: coverage.of(tag) for tag in tags}
    yield markdown.table(
        ("notice", *tags),
        [(markdown.code(key), *(_SIGNS[states[tag][key, "sms"]] for tag in tags)) for key in _texted()],
    )
    yield "## Coverage in the practice school"
    yield _COVERAGE
    yield markdown.table(("notice", *_BY.values()), list(_coverage()))


def _coverage() -> Iterator[tuple[str, ...]]:
    """What ``handbell words coverage`` counts, for the families of the practice school."""
    made_up = school.make(Random(_SEED), today=_DAY)  # noqa: S311 - a made-up school, not a secret
    adults = {tie.adult.id: tie.adult for family in made_up for tie in family.ties}
    voices = frozenset(filter(twilio_voices.Voices().find, languages.table()))
    by: dict[str, dict[str, coverage.Share]] = {}
    for medium in _BY:
        wanted = (one.spoken or one.written if medium == "voice" else one.written for one in adults.values())
        families = Counter(languages.match(name) or languages.ENGLISH for name in wanted)
        by[medium] = {one.notice: one for one in coverage.shares(families, medium, voices=voices)}
    for key in library.notices():
        yield (markdown.code(key), *(f"{by[medium][key].own:.0%}" if key in by[medium] else "" for medium in _BY))


def _tags() -> list[str]:
    return [languages.ENGLISH, *pofiles.paths(catalogue.locale())]


def _texted() -> list[str]:
    return [key for key, notice in library.notices().items() if notice.sms is not None]


def _language(tag: str) -> tuple[str, ...]:
    row, voice = languages.table()[tag], twilio_voices.Voices().find(tag)
    forms = " / ".join(plurals.rule(tag).categories)
    told = (row.english, markdown.code(tag), row.direction)
    last = (forms, markdown.code(voice.name) if voice else "none")
    if tag == languages.ENGLISH:
        texts = sum(1 for _ in pofiles.texts(catalogue.extract()))
        return (*told, str(texts), "the source", "", "", *last)
    read = pofiles.read(pofiles.path_of(catalogue.locale(), tag), tag)
    counts = Counter(pofiles.text_state(message, read.state) for message in pofiles.texts(read))
    drafts, waiting = counts["draft"] + counts["machine"], counts["stale"] + counts["missing"]
    return (*told, str(counts.total()), *(str(n) for n in (counts["reviewed"], drafts, waiting)), *last)
