"""What may be written in a notice or event definition. The shape is the same in TOML and in JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any, Literal, TypeVar, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
    model_validator,
)

from channels.base import Medium
from gateway import optout
from gateway.definitions import translated
from gateway.models.types import Purpose
from scheduler import phrases
from templates import languages, library

LONGEST_DAYS = 366
SomeDay = TypeVar("SomeDay", bound=date)
YEARS = range(2000, 2200)  #: beyond them nobody announces anything, and arithmetic on dates ends somewhere

#: Nine digits of seconds are thirty years; longer numbers are no waiting times, and too large for arithmetic.
_SPAN = re.compile(r"(?:(\d{1,9})d)?(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s)?")


def _span(value: object) -> object:
    """Read ``90s``, ``20m``, ``1h30m`` or ``2d`` as a timedelta."""
    if not isinstance(value, str):
        return value
    match = _SPAN.fullmatch(value.replace(" ", ""))
    if not match or not any(match.groups()):
        raise ValueError("write a waiting time such as 90s, 20m, 1h30m or 2d")
    days, hours, minutes, seconds = (int(group or 0) for group in match.groups())
    if days + hours / 24 + minutes / 1440 + seconds / 86_400 > LONGEST_DAYS:
        raise ValueError("write a year at most, such as 365d")
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


def _spelt(span: timedelta) -> str:
    """Write a span as ``_span`` reads it, so that a stored definition can be read again."""
    return f"{span // timedelta(seconds=1)}s"


def _moment(value: object) -> object:
    """Refuse a date without a time, which would read as midnight: nobody means to wake families then."""
    if isinstance(value, datetime):
        return value
    try:
        if isinstance(value, str) and len(value.strip()) > len("2026-12-01"):
            return datetime.fromisoformat(value.strip())
    except ValueError:
        pass
    raise ValueError("write a date and a time, such as 2026-12-01T07:00:00")


def sensible_year(value: SomeDay) -> SomeDay:
    """The same day or moment. Raises :class:`ValueError` for a year that nobody means, and no clock can be moved in."""
    if value.year not in YEARS:
        raise ValueError(f"write a year from {YEARS[0]} to {YEARS[-1]}")
    return value


def _wall_time(value: datetime) -> datetime:
    if value.tzinfo is not None:
        raise ValueError("write the school's own time, without a time zone: families read it as it stands")
    return value


def _every(text: str) -> str:
    if text:
        phrases.read_every(text)
    return text


def _phrase(text: str) -> str:
    phrases.read(text)
    return text


def _clock(value: object) -> object:
    """Read ``07:30``; a number would read as seconds since midnight."""
    if isinstance(value, time) and value.tzinfo is None:
        return value
    try:
        if isinstance(value, str) and (found := time.fromisoformat(value.strip())).tzinfo is None:
            return found
    except ValueError:
        pass
    raise ValueError("write a time of the school's own clock, such as 07:30")


def _year(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _each_once(media: list[Medium]) -> list[Medium]:
    if len(media) != len(set(media)):
        raise ValueError("name each medium once")
    return media


def _language(tag: str) -> str:
    found = languages.match(tag)
    if not found:
        raise ValueError(f"“{tag}” is not a language that Handbell knows; write a tag such as pl or ur")
    return found


def _each_language_once(raw: object) -> object:
    """Of two spellings of one language the later words would replace the others, and nobody would know."""
    named = dict[str, str]()
    for tag in cast(Mapping[object, object], raw) if isinstance(raw, Mapping) else ():
        before = named.setdefault(languages.match(str(tag)) or str(tag), str(tag))
        if before != tag:
            raise ValueError(f"“{before}” and “{tag}” are the same language; take one of them out")
    return raw


Span = Annotated[
    timedelta,
    BeforeValidator(_span),
    PlainSerializer(_spelt, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": r"^\s*\d+\s*[dhms](\s*\d+\s*[hms])*\s*$"}),
]
Moment = Annotated[
    datetime,
    BeforeValidator(_moment),
    AfterValidator(sensible_year),
    WithJsonSchema({"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}"}),
]
WallTime = Annotated[Moment, AfterValidator(_wall_time)]
ClockTime = Annotated[time, BeforeValidator(_clock), WithJsonSchema({"type": "string", "pattern": r"^\d{2}:\d{2}"})]
Year = Annotated[str, BeforeValidator(_year), WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "integer"}]})]
Day = Annotated[date, AfterValidator(sensible_year)]
DateOrTime = Annotated[WallTime | Day, Field(union_mode="left_to_right")]
Media = Annotated[list[Medium], AfterValidator(_each_once)]
Language = Annotated[str, AfterValidator(_language)]
ByLanguage = Annotated[dict[Language, str], BeforeValidator(_each_language_once)]
Key = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,79}$")]
Tell = Literal["first_contact", "parental_responsibility", "lives_with", "everyone"]


class Part(BaseModel):
    """A part of a definition: frozen, and no key that is not known."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Pupils(Part):
    """Which pupils. Years as ``R`` or ``3``; named pupils by MIS id or UPN."""

    years: list[Year] = Field(default=[], description="Year groups: N, R or 1 to 13")
    forms: list[str] = Field(default=[], description="Forms, such as 3A")
    groups: list[str] = Field(default=[], description="Groups by name, such as Choir")
    pupils: list[str] = Field(default=[], description="Pupils by MIS id or UPN")

    def empty(self) -> bool:
        """Whether nobody is named."""
        return not (self.years or self.forms or self.groups or self.pupils)


class Audience(Pupils):
    """Who should hear: pupils, then who of each family."""

    whole_school: bool = Field(default=False, description="Every pupil on roll")
    languages: list[Language] = Field(default=[], description="Only contacts who read one of these languages")
    tell: Tell = Field(default="parental_responsibility", description="Who of each family")
    but_not: Pupils = Field(default=Pupils(), description="Pupils to leave out")

    @model_validator(mode="after")
    def _somebody(self) -> Audience:
        if not self.whole_school and self.empty():
            raise ValueError("name somebody: whole_school = true, or years, forms, groups or pupils")
        if self.whole_school and not self.empty():
            raise ValueError(
                "whole_school is everybody already: take it out, or take out years, forms, groups and pupils"
            )
        return self


class Step(Part):
    """A step of the media ladder: media used in parallel, so long after the step before it."""

    media: Media = Field(min_length=1, description="sms, email, voice: all at once")
    after: Span = Field(default=timedelta(0), description="Waiting time after the step before, such as 20m")


class Schedule(Part):
    """When. Local wall time of the school. Without a schedule the notice goes out at once."""

    at: Moment | None = Field(default=None, description="Once, at this local time")
    cron: str = Field(default="", description="Again and again, five cron fields in local time")
    every: Annotated[str, AfterValidator(_every)] = Field(
        default="", description="Again and again: 2 weeks, 10 days, month; counted from “from”"
    )
    from_: WallTime | None = Field(default=None, alias="from", description="The first firing of “every”, local time")
    when: list[Annotated[str, AfterValidator(_phrase)]] = Field(
        default=[],
        max_length=20,
        description="In words: 7 days before, the evening before, on the morning at 7.30, first Friday of term at 8.00"
        ", last school day of term",
    )
    date: DateOrTime | None = Field(
        default=None, description="The date that “when” counts from; for an event, its beginning, unless given"
    )
    school_days: Literal["any", "skip", "next", "previous"] = Field(
        default="any", description="Where there is no school: fire all the same, skip, or move to the next or previous"
    )
    school: str = Field(
        default="", max_length=40, description="Whose days count, where the calendar has several schools"
    )
    until: Moment | None = Field(default=None, description="The last moment at which it may fire again")

    @model_validator(mode="after")
    def _one_of_them(self) -> Schedule:
        given = [name for name in ("at", "cron", "every", "when") if getattr(self, name)]
        if len(given) > 1:
            raise ValueError(f"give either “{given[0]}” or “{given[1]}”, not both")
        if bool(self.every) != bool(self.from_):
            raise ValueError("“every” and “from” go together: from when on?")
        if self.date and not self.when:
            raise ValueError("“date” needs “when”")
        if self.date and not isinstance(self.date, datetime):
            timed = [text for text in self.when if phrases.read(text).unit in ("hour", "minute")]
            if timed:
                raise ValueError(f"“{timed[0]}” counts from a time: write one with “date”, such as 2026-12-03T17:00:00")
        idle = [name for name in ("until", "school", "school_days") if getattr(self, name) not in (None, "", "any")]
        if idle and not self.repeats:
            raise ValueError(f"“{idle[0]}” needs “cron”, “every” or “when”")
        return self

    @property
    def repeats(self) -> bool:
        """Whether it is a campaign: it may fire more than once, or by its distance from a date."""
        return bool(self.cron or self.every or self.when)


class Validity(Part):
    """How long it is worth saying, and at which hours of the day."""

    for_: Span | None = Field(default=None, alias="for", description="So long after it fires, such as 12h")
    until: Moment | None = Field(default=None, description="Until this local time")
    not_before: ClockTime | None = Field(
        default=None, description='Not before this time of the day, such as "07:30": it waits until then'
    )
    not_after: ClockTime | None = Field(
        default=None, description="Not after this time of the day on which it goes: it is over then"
    )

    @model_validator(mode="after")
    def _in_order(self) -> Validity:
        if self.not_before and self.not_after and self.not_before >= self.not_after:
            raise ValueError("“not_before” must be earlier than “not_after”, on one day")
        return self


class Option(Part):
    """One answer: the digit to send or press, and its words by language (English at least)."""

    key: str = Field(pattern=r"^[1-9]$", description="The digit to send or press")
    label: ByLanguage = Field(description="What it means, by language")
    means: Literal["", "coming", "not_coming", "no_time", "interpreter"] = Field(
        default="", description="For kind = event: what the answer says of coming"
    )

    @model_validator(mode="after")
    def _english(self) -> Option:
        if not self.label.get("en", "").strip():
            raise ValueError('give the English label: label = { en = "…" }')
        for label in self.label.values():
            if optout.is_no_answer(label):
                raise ValueError(f"“{label}” alone is a word on which phone networks act: say it in more words")
        return self


class Replies(Part):
    """The answers that are expected."""

    expected: bool = Field(default=False, description="Whether families are asked to answer")
    options: list[Option] = Field(default=[], description="The menu; each key once")

    @model_validator(mode="after")
    def _keys_once(self) -> Replies:
        keys = [option.key for option in self.options]
        if len(keys) != len(set(keys)):
            raise ValueError("two options have the same key")
        return self


class Again(Part):
    """After silence, try again differently: at another hour, by another medium, in another language or other words."""

    after: Span = Field(description="So long without an answer, such as 1d")
    times: int = Field(default=1, ge=1, le=3, description="How often at most")
    text: ByLanguage = Field(
        default={}, description="Other words for a free text, by language; where there are none, the same again"
    )


class Approval(Part):
    """Whether a second person must agree before anything leaves."""

    required: bool = Field(default=False, description="Hold everything until another person approves")


class EventSession(Part):
    """Times to choose from: one, or one after another with ``minutes``."""

    starts: WallTime = Field(description="When it begins")
    ends: WallTime = Field(description="When it ends")
    minutes: int | None = Field(default=None, ge=2, le=240, description="Cut it into times of so many minutes")
    capacity: int = Field(default=1, ge=1, le=100_000, description="Families at one time")
    host: str = Field(default="", max_length=60, description="Whom they see, such as Mrs Patel")
    place: str = Field(default="", max_length=60, description="Where, if not at the event's own place")
    forms: list[str] = Field(default=[], description="For the families of these forms; none: for everybody")
    again: bool = Field(default=False, description="Kept for those who could not come the first time")

    @model_validator(mode="after")
    def _some_time(self) -> EventSession:
        if self.ends <= self.starts:
            raise ValueError("a session ends after it begins")
        if self.minutes and self.ends - self.starts < timedelta(minutes=self.minutes):
            raise ValueError("a session is at least as long as one of its times")
        return self


class EventDetails(Part):
    """The happening that an event definition is about, in local time."""

    starts: WallTime = Field(description="When it begins")
    ends: WallTime | None = Field(default=None, description="When it ends")
    place: str = Field(default="", description="Where it is")
    calendar_file: bool = Field(default=True, description="Whether emails bring a file for the family's calendar")
    capacity: int | None = Field(default=None, ge=1, description="Families that there is room for; then a waiting list")
    sessions: list[EventSession] = Field(default=[], max_length=200, description="Times to choose from, with places")
    households: Literal["together", "each"] = Field(
        default="together", description="each: where parents live apart, each household has a place of its own"
    )
    remind: Span = Field(
        default=timedelta(days=1), description="So long before it begins families are reminded; 0s: not"
    )
    keep_offer: Span = Field(default=timedelta(days=1), description="So long a place that becomes free is kept for one")

    @model_validator(mode="after")
    def _one_way(self) -> EventDetails:
        if self.sessions and self.capacity is not None:
            raise ValueError("give either “capacity” or [[event.sessions]], each with a capacity of its own")
        if self.sessions and all(one.again for one in self.sessions):
            raise ValueError("at least one session is for the invitation itself: take “again” out of it")
        return self


class Definition(Part):
    """A notice or an event, whole."""

    key: Key = Field(description="A short name of your own, such as closure-2026-12-01; it can be sent once")
    kind: Literal["notice", "event"] = Field(default="notice", description="notice, or event for a dated happening")
    title: str = Field(min_length=1, max_length=120, description="For the office, and the subject of a free-text email")
    purpose: Purpose = Field(description="Why it is sent: decides priority and whether it can be declined")
    worrying: bool = Field(
        default=False, description="A worry about a child, such as behaviour: counted in the balance of good and bad"
    )
    topic: str = Field(
        default="", max_length=40, description="What families may decline it by, such as clubs; of the school's topics"
    )
    template: str = Field(default="", description="A wording of templates/notices; or give text")
    values: dict[str, Any] = Field(default={}, description="The values that the wording needs")
    text: ByLanguage = Field(default={}, description="Free text by language, English at least")
    subject: ByLanguage = Field(default={}, description="Email subject of a free text, by language")
    translations: dict[Language, translated.Translation] = Field(
        default={}, description="How the text of a language came about, where a machine drafted it"
    )
    event: EventDetails | None = Field(default=None, description="For kind = event")
    audience: Audience = Field(description="Who should hear")
    media: Media = Field(default=[], description="Short for a ladder of one step")
    ladder: list[Step] = Field(default=[], description="Steps, one after another")
    until: Literal["delivered", "answered"] | None = Field(
        default=None, description="What stops the ladder for a contact"
    )
    attachments: list[str] = Field(
        default=[], description="Files that go along with emails, by name; they lie beside the definition"
    )
    schedule: Schedule = Field(default=Schedule(), description="When")
    valid: Validity = Field(default=Validity(), description="How long it is worth saying")
    replies: Replies = Field(default=Replies(), description="Answers expected")
    again: Again | None = Field(default=None, description="What happens where nobody answers")
    approval: Approval = Field(default=Approval(), description="A second pair of eyes")

    @model_validator(mode="after")
    def _whole(self) -> Definition:
        if bool(self.template) == bool(self.text):
            raise ValueError("give either “template” with “values”, or “text”")
        if self.text and not self.text.get("en", "").strip():
            raise ValueError('free text needs English at least: text.en = "…"')
        if self.subject and not self.text:
            raise ValueError("“subject” goes with “text”; a template has its own")
        if self.translations.keys() - (self.text.keys() - {languages.ENGLISH}):
            raise ValueError("each [translations.…] goes with a text of that language, other than English")
        if (self.kind == "event") != (self.event is not None):
            raise ValueError('kind = "event" and an [event] table go together')
        if bool(self.media) == bool(self.ladder):
            raise ValueError("give either “media” (all at once) or [[ladder]] steps")
        if (
            self.event is None
            and self.schedule.date is None
            and any(phrases.read(text).anchor is None for text in self.schedule.when)
        ):
            raise ValueError("“when” counts from a date: give schedule.date, or make it an event")
        if self.again and not (self.template or self.replies.expected or self.replies.options):
            raise ValueError("“again” is for notices that are answered: say so in [replies]")
        if self.again and self.event:
            raise ValueError("“again” is not for events: “remind” in [event] reminds those who have not answered")
        if self.again and self.again.text and not self.text:
            raise ValueError("“text” in [again] goes with a free text; a template has its own words")
        if self.attachments and not any(Medium.EMAIL in step.media for step in self.steps):
            raise ValueError("“attachments” go along with emails only: add email to the media, or take them out")
        return self

    @property
    def steps(self) -> list[Step]:
        """The ladder, whichever way it was written."""
        return self.ladder or [Step(media=self.media)]

    @property
    def stop_when(self) -> Literal["delivered", "answered"]:
        """What stops the ladder: an answer where one is expected, else delivery."""
        return self.until or ("answered" if self.replies.expected or self.replies.options else "delivered")

    def said_again(self) -> Definition:
        """The same in the other words that it is said in after silence, in the languages that have some."""
        other = self.again.text if self.again else {}
        drafted = {tag: one for tag, one in self.translations.items() if tag not in other}
        return self.model_copy(update={"text": {**self.text, **other}, "translations": drafted}) if other else self

    def template_values(self) -> dict[str, Any]:
        """The values of the wording; an event's own details are filled in for it."""
        own: dict[str, Any] = {"title": self.title, "event": self.title}
        if self.event:
            own |= {"date": self.event.starts.date(), "time": self.event.starts.time(), "place": self.event.place}
        if not self.template:
            return own | {name: _typed(value) for name, value in self.values.items()}
        notice = library.notices().get(self.template)
        known = notice.values if notice else {}
        return {name: value for name, value in own.items() if name in known} | self.values


def _typed(value: Any) -> Any:
    """A date or time of a free text, which no wording declares: JSON and the database can only spell it as text."""
    for kind, size in ((date, 10), (time, 8), (datetime, 19)):
        if isinstance(value, str) and len(value) == size:
            try:
                return kind.fromisoformat(value)
            except ValueError:
                continue
    return value
