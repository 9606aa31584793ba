"""What is asked of a definition before it is taken in, beyond its shape: can it go out, and will anybody hear it?"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NoReturn
from zoneinfo import ZoneInfo

from channels.base import Medium
from config import identity
from gateway import audience, errors, firing, guard, planner, wording
from gateway.calendars import book
from gateway.definitions import event_times, model, words
from gateway.models import MessageState
from gateway.preferences import topics
from scheduler.quiet import QuietHours
from templates import library

#: As footers write it: in capitals, as a word of its own.
_STOP = re.compile(r"\bSTOP\b")


def examine(
    definition: model.Definition,
    *,
    now: datetime,
    timezone: ZoneInfo,
    senders: Sequence[str] = (),
    calendars: book.Calendars | None = None,
    quiet: QuietHours | None = None,
    known: topics.Topics | None = None,
) -> list[errors.Problem]:
    """Everything for which it would be refused whoever is on file: its times, and words that cannot be made.

    ``senders`` are what texts are sent as, ``calendars`` the school's days and ``known`` its topics, where that is
    known.
    """
    found: list[errors.Problem] = [*topics.check(definition, known)] if known else []
    try:
        checked_time(definition, now=now, timezone=timezone, calendars=calendars, quiet=quiet)
    except errors.BadDefinition as error:
        found += error.problems
    found += _tried_words(definition)
    if definition.again and definition.again.text:
        again = [one for one in _tried_words(definition.said_again()) if one not in found]
        found += [replace(one, field="again.text") for one in again]
    return found + _one_way(definition, senders)


def checked_time(
    definition: model.Definition,
    *,
    now: datetime,
    timezone: ZoneInfo,
    calendars: book.Calendars | None = None,
    quiet: QuietHours | None = None,
) -> datetime:
    """When it fires first. A time that has gone by is a slip of the pen, not a wish to send at once.

    Raises :class:`errors.BadDefinition`.
    """
    if calendars and definition.schedule.school not in ("", *calendars.schools):
        what, known = "the calendar has no school of that name.", ", ".join(calendars.schools) or "none"
        raise errors.BadDefinition([errors.Problem(what, f"It has: {known}.", field="schedule.school")])
    fire_at = firing.first(definition, now=now, timezone=timezone, calendars=calendars)
    if fire_at is None:
        cure = "Look at its dates, at “until”, and at the school's terms: handbell calendar show."
        problem = errors.Problem("this schedule never fires.", cure, field="schedule")
        raise errors.BadDefinition([problem])
    problems = event_times.problems(definition)
    if definition.schedule.at and fire_at < now:
        cure = "Correct it, or take it out to send at once."
        problems.append(errors.Problem("this time has gone by.", cure, field="schedule.at"))
    begins = planner.leaves(definition, fire_at, quiet=quiet, timezone=timezone)
    ends = planner.not_after(definition, fire_at, timezone, begins=begins)
    if ends is not None and ends <= fire_at:
        what = "this is over before the notice goes out."
        problems.append(errors.Problem(what, "Correct the time.", field="valid.until"))
    elif ends is not None and ends <= begins:
        what = f"it waits until {showing(begins, timezone)}, and is over by then: nobody would get it."
        cure = "Let it go earlier, or be worth saying for longer. An emergency passes the quiet hours."
        problems.append(errors.Problem(what, cure, field="valid"))
    if problems:
        raise errors.BadDefinition(problems)
    return fire_at


def showing(at: datetime, timezone: ZoneInfo) -> str:
    """A moment as staff read it in a sentence."""
    local = planner.local(at, timezone)
    return f"{local:%H:%M on %A} {local.day} {local:%B %Y}"


def _tried_words(definition: model.Definition) -> list[errors.Problem]:
    """Make the words once for each medium and language, for a school and a child with the shortest of names."""
    composer = wording.Composer(definition, wording.School("A", "A", "0", allow_drafts=True), lambda _: True)
    link = "" if definition.purpose.mandatory else "https://a.example"
    found: dict[str, errors.Problem] = {}  # the same sentence for two media is said once
    for medium in sorted({medium for step in definition.steps for medium in step.media}):
        for language in definition.text or ["en"]:
            try:
                made = composer.compose(medium, language, children=["A"], unsubscribe_url=link)
            except errors.BadDefinition as error:
                found |= {problem.what: problem for problem in error.problems}
                continue
            if made.parts > guard.MOST_PARTS:
                field = f"text.{language}" if definition.text else "values"
                problem = _too_long(language, made.parts, field=field)
                found[problem.what] = problem
    return list(found.values())


def check_answerable(definition: model.Definition, senders: Sequence[str]) -> None:
    """Refuse a text that asks for an answer which nobody can send.

    Raises :class:`errors.BadDefinition`.
    """
    if problems := _one_way(definition, senders):
        raise errors.BadDefinition(problems)


def _one_way(definition: model.Definition, senders: Sequence[str]) -> list[errors.Problem]:
    """What a text cannot ask for that comes from a name: families can neither answer a name nor stop it."""
    if not senders or not all(identity.is_name(sender) for sender in senders):
        return []
    if all(Medium.SMS not in step.media for step in definition.steps):
        return []
    found = []
    wording = library.notices().get(definition.template)
    if definition.replies.expected or definition.replies.options or (wording and wording.answers):
        what = f"texts are sent as {senders[0]}, a name: families cannot answer them."
        found.append(errors.Problem(what, "Set up a +44 number to send as, or ask by email.", field="media"))
    for key, one in words.lint(definition, senders=senders):
        if one.level == "error" and one.code.startswith("one_way"):  # the others are told as the file is read
            found.append(errors.Problem(one.sentence, one.cure, field=key))
    for language, text in definition.text.items():
        if _STOP.search(text):
            what = f"texts are sent as {senders[0]}, a name: nobody can text STOP to it."
            found.append(errors.Problem(what, "Take that out, or set up a +44 number.", field=f"text.{language}"))
    return found


def _too_long(language: str, parts: int, *, field: str) -> errors.Problem:
    what = f"the text in “{language}” needs {parts} parts; {guard.MOST_PARTS} is the most."
    return errors.Problem(what, "Shorten it, or send it by email.", field=field)


@dataclass(slots=True)
class Outlook:
    """What looks at a notice's rows have shown so far.

    ``tried`` are the parts of the shortest words, by medium and language; ``shortest`` those of the shortest text seen
    in each language.
    """

    tried: Mapping[tuple[Medium, str], int] = field(default_factory=dict)
    told: bool = False  #: somebody listens
    going: bool = False  #: something would leave
    problems: Sequence[errors.Problem] = ()
    unheard: set[str] = field(default_factory=set)
    unsent: set[str] = field(default_factory=set)
    shortest: dict[str, int] = field(default_factory=dict)

    def take(self, chosen: audience.Audience, rows: Sequence[planner.Planned]) -> None:
        """Look at some rows more."""
        self.problems = chosen.problems
        for listener in chosen.listeners:
            if listener.reason:
                self.unheard.add(listener.reason)
            else:
                self.told = True
        for message in (row.message for row in rows):
            if message.state is MessageState.SKIPPED:
                self.unsent.add(message.reason)
            else:
                self.going = True
            if message.medium is Medium.SMS and message.language:
                self.shortest[message.language] = min(message.parts, self.shortest.get(message.language, message.parts))

    @property
    def clear(self) -> bool:
        """Whether no further row can change the answer of :func:`check`."""
        if self.problems:
            return True
        return self.told and self.going and all(parts <= guard.MOST_PARTS for parts in self.shortest.values())


def check(outlook: Outlook, *, again: bool) -> None:
    """Refuse an audience that names what nobody has, in which nobody would be told, or nobody would get anything; and
    texts that are too long for everybody who reads a language: one family's own row is only left out.

    What goes ``again`` and again may find somebody next time.
    Raises :class:`errors.BadDefinition`.
    """
    if outlook.problems:
        raise errors.BadDefinition(outlook.problems)
    if not outlook.told:
        _refuse("nobody in this audience would be told.", outlook.unheard, "Choose other pupils or people.")
    needed = {language: parts for (medium, language), parts in outlook.tried.items() if medium is Medium.SMS}
    needed |= outlook.shortest
    problems = [
        _too_long(language, parts, field="text")
        for language, parts in sorted(needed.items())
        if parts > guard.MOST_PARTS
    ]
    if problems:
        raise errors.BadDefinition(problems)
    if not outlook.going and not again:
        _refuse("nobody in this audience would get anything.", outlook.unsent, "Choose other people or another medium.")


def _refuse(what: str, reasons: Iterable[str], cure: str) -> NoReturn:
    whole = " ".join([what, *sorted({guard.REASONS.get(reason, reason) for reason in reasons})])
    raise errors.BadDefinition([errors.Problem(whole, cure, field="audience")])
