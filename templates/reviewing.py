"""Reviews by people who speak the language: what waits for one, what goes out to a volunteer, what comes back.

A volunteer gets a ``.po`` with the texts that nobody has read, each with its English, what it is for and an example
with made-up names: nobody's data is in it. All of them are marked fuzzy, which Poedit shows as "needs work"; whatever
the volunteer takes that mark from, changed or not, has been read. It comes back into a folder of reviewed texts: the
school's own (:mod:`templates.own_words`), or ours in a checkout.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from babel.messages.catalog import Message

from templates import catalogue, checking, languages, library, pofiles, review_sheets, samples, states, words

_LETTER: Final = """\
# {english} words of Handbell, to be read by somebody who speaks the language.
# Is each text right, clear and polite? Correct it if not. When it is good, take its mark "needs work" away
# (in Poedit: Ctrl+U): a text that still has the mark counts as not read.
# Names in braces, such as {{children}}, stay as they are: a name or a date will stand in their place.
# Then send this file back to whoever gave it to you."""


class Waiting(NamedTuple):
    """A text that somebody should read, and how it stands: draft, machine, stale or missing."""

    entry: str
    state: str
    english: tuple[str, ...]
    translated: tuple[str, ...]


class Text(NamedTuple):
    """One text as it stands. ``state`` is reviewed, draft, machine, stale or missing; ``review`` who stands for it.

    ``english`` is one text, or singular and plural; ``translated`` has a form for each of ``forms``, which are numbers
    that it is used with (``2, 3, 4 …``); ``about`` is what it is for and what the blanks are.
    """

    entry: str
    state: str
    english: tuple[str, ...]
    translated: tuple[str, ...]
    forms: tuple[str, ...]
    about: tuple[str, ...]
    review: states.Review | None


@dataclass(slots=True)
class Taken:
    """What came back: texts accepted as they were, changed ones, those left unread, and what cannot be used."""

    accepted: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unread: int = 0
    refused: list[checking.Finding] = field(default_factory=list)


def merged(language: str, folder: Path) -> pofiles.Po:
    """Give our catalogue with a folder's texts over it; an empty one for a language that we have not begun."""
    path = pofiles.path_of(catalogue.locale(), language)
    ours = pofiles.read(path, language) if path.is_file() else pofiles.Po(language)
    pofiles.update(ours, catalogue.extract())
    own = {(message.context, message.id): message for message in pofiles.texts(_own(language, folder))}
    for message in pofiles.texts(ours):
        theirs = own.get((message.context, message.id))
        if theirs is not None and pofiles.usable(theirs):
            message.string, message.user_comments = theirs.string, theirs.user_comments
            message.flags.discard("fuzzy")
            message.previous_id = []
    return ours


def waiting(language: str, folder: Path) -> list[Waiting]:
    """Give what nobody has read yet, in the order of the library."""
    return unread(merged(language, folder))


def unread(found: pofiles.Po) -> list[Waiting]:
    """Give the same of a catalogue that :func:`merged` gave."""
    states_of = ((message, pofiles.text_state(message, found.state)) for message in pofiles.texts(found))
    return [
        Waiting(message.context or "", state, pofiles.english(message), pofiles.strings(message))
        for message, state in states_of
        if state != "reviewed"
    ]


def texts(found: pofiles.Po, group: str) -> list[Text]:
    """Give every text of a notice (``absence_check``) in a catalogue that :func:`merged` gave."""
    return [
        Text(
            message.context or "",
            pofiles.text_state(message, found.state),
            pofiles.english(message),
            _all_forms(message, found),
            found.rule.examples() if message.pluralizable else (),
            tuple(message.auto_comments),
            pofiles.state(message, found.state).review,
        )
        for message in pofiles.texts(found)
        if _within(message, group)
    ]


def _all_forms(message: Message, found: pofiles.Po) -> tuple[str, ...]:
    have = pofiles.strings(message)
    return (have + ("",) * found.num_plurals)[: found.num_plurals] if message.pluralizable else have[:1]


def write(language: str, folder: Path, written: Mapping[str, Sequence[str]], by: states.Review) -> Taken:
    """Take texts as a person who speaks the language has written them, or left them: each form of each text.

    What cannot be used is in ``refused``, and what is empty counts as not read; the rest is taken.
    """
    found = merged(language, folder)
    taken, good = Taken(), list[Message]()
    for message in pofiles.texts(found):
        forms = written.get(message.context or "")
        if forms is None:
            continue
        if not all(forms):
            taken.unread += 1
            continue
        new = message.clone()
        new.string = tuple(forms) if message.pluralizable else forms[0]
        new.flags.discard("fuzzy")
        if wrong := list(_refusals(found, new, message)):
            taken.refused += wrong
            continue
        if not _same(message, new):
            taken.changed.append(message.context or "")
            good.append(new)
        elif pofiles.text_state(message, found.state) != "reviewed":
            taken.accepted.append(message.context or "")
            good.append(new)
    _keep(language, folder, good, by)
    return taken


def accept(language: str, folder: Path, entries: Sequence[str], by: states.Review) -> Taken:
    """Take texts as they stand; ``entries`` are texts, notices or groups (``absence_check``), none for all there are.

    A text that is missing or stale cannot be accepted. Raises :class:`LookupError` for an entry that there is not.
    """
    found = merged(language, folder)
    chosen = [message for message in pofiles.texts(found) if not entries or any(_within(message, e) for e in entries)]
    lost = [entry for entry in entries if not any(_within(message, entry) for message in chosen)]
    if lost:
        raise LookupError(lost[0])
    taken, good = Taken(), list[Message]()
    for message in chosen:
        state = pofiles.text_state(message, found.state)
        if state in ("draft", "machine"):
            good.append(message)
            taken.accepted.append(message.context or "")
        elif state != "reviewed":
            taken.unread += 1
    _keep(language, folder, good, by)
    return taken


def export(language: str, folder: Path, to: Path) -> int:
    """Write what waits for a reader into a file for a volunteer; give the number of texts.

    A file whose name ends in ``.csv`` is a sheet, any other a ``.po``.
    """
    found = merged(language, folder)
    letter = pofiles.Po(language)
    letter.header_comment = _LETTER.format(english=languages.english(language))
    examples = dict(_examples())
    for message in pofiles.texts(found):
        if pofiles.text_state(message, found.state) != "reviewed":
            out = message.clone()
            out.flags.add("fuzzy")
            out.locations = []
            out.previous_id = message.previous_id
            if example := examples.get(message.context or ""):
                out.auto_comments = [*out.auto_comments, f"For example: {example}"]
            letter[message.id] = out
    (review_sheets.write if _is_sheet(to) else pofiles.write)(to, letter)
    return sum(1 for _ in pofiles.texts(letter))


def language_of(file: Path) -> str | None:
    """Say which language a volunteer's file is in. Raises :class:`pofiles.Unreadable` for a sheet that is none."""
    if said := review_sheets.language_of(file) if _is_sheet(file) else "":
        return languages.match(said)
    return pofiles.language_of(file)


def take_back(file: Path, language: str, folder: Path, by: states.Review) -> Taken:
    """Take what a volunteer has read; raises :class:`pofiles.Unreadable`, and for a file of another language.

    What cannot be used is named with its line, and the rest is taken.
    """
    found = merged(language, folder)
    letter, unclear = review_sheets.read(file, found) if _is_sheet(file) else (pofiles.read(file, language), [])
    known = {(message.context, message.id): message for message in pofiles.texts(found)}
    taken, good = Taken(refused=unclear), list[Message]()
    for message in pofiles.texts(letter):
        ours = known.get((message.context, message.id))
        if message.fuzzy or not any(pofiles.strings(message)):
            taken.unread += 1
        elif wrong := list(_refusals(letter, message, ours)):
            taken.refused += wrong
        elif ours is None or not _same(ours, message):
            taken.changed.append(message.context or "")
            good.append(message)
        elif pofiles.text_state(ours, found.state) != "reviewed":
            taken.accepted.append(message.context or "")
            good.append(message)
    _keep(language, folder, good, by)
    return taken


def _is_sheet(file: Path) -> bool:
    return file.suffix.casefold() == ".csv"


def _refusals(letter: pofiles.Po, message: Message, ours: Message | None) -> Iterator[checking.Finding]:
    entry, line = message.context or "", message.lineno or 0
    if ours is None:
        cure = "Make a new file for it: handbell words export"
        yield checking.Finding(entry, line, "Its English is not the English of today.", cure)
    # The checks of the start of Handbell, which would leave the text out; and letters that tell of another language.
    yield from (finding for finding in checking.check_text(letter, message) if finding.stops)
    if script := checking.foreign(pofiles.strings(message)[0], letter.tag):
        cure = f"Write it as {languages.english(letter.tag)} is written; or the file is of another language."
        yield checking.Finding(entry, line, f"Most of it is in {script} letters.", cure)


def _same(ours: Message, message: Message) -> bool:
    return pofiles.usable(ours) and pofiles.strings(ours) == pofiles.strings(message)


def _within(message: Message, entry: str) -> bool:
    return f"{message.context}/".startswith(f"{entry.strip('/')}/")


def _own(language: str, folder: Path) -> pofiles.Po:
    path = pofiles.path_of(folder, language)
    return pofiles.read(path, language) if path.is_file() else pofiles.Po(language)


def _keep(language: str, folder: Path, good: Iterable[Message], by: states.Review) -> None:
    """Write reviewed texts into a folder; what it has of an English that is gone, or was reviewed before, gives way."""
    own, kept = _own(language, folder), list(good)
    for message in kept:
        own.drop(message.context or "")
        mine = own.add(message.id, message.string, context=message.context)
        pofiles.review(mine, by)
    if kept:
        pofiles.write(pofiles.path_of(folder, language), own)


def _examples() -> Iterator[tuple[str, str]]:
    """Give for each text of a notice what a family would read, with made-up names."""
    for key, notice in library.notices().items():
        for medium, table in library.MEDIA.items():
            if getattr(notice, table) is not None:
                made = words.prepare(key, language=languages.ENGLISH, medium=medium)
                filled = made.fill(samples.values_of(notice, "usual"))
                for part in notice.wording(medium).fields():
                    text = filled.subject if part == "subject" else filled.text
                    yield notice.source(medium, part).context, " ".join(text.split())
