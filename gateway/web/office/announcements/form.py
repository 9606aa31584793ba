"""The four questions as fields of a form, and what they say as a definition.

A draft is kept as it was typed, so that nothing is lost that is not right yet. Every problem belongs to a field.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from channels.base import Medium
from gateway import context, errors, submission
from gateway.database import Session
from gateway.definitions import model, reading
from gateway.good_news import pupils
from gateway.web.office import visitors
from templates import library

OWN_WORDS: Final = ""
INVITATION: Final = "event_invitation"
#: The ready-made wordings that an announcement may be made of. The others go out by themselves, or have pages.
WORDINGS: Final = ("closure", INVITATION, "you_said_we_did", "please_call")
MEDIA: Final = (Medium.SMS, Medium.EMAIL, Medium.VOICE)
WAITS: Final = (0, 15, 30, 60, 120, 240, 1440)  #: minutes
KEY: Final = "draft"  #: until it is sent it needs no better one
NOBODY: Final = "Pick who should get it"
_MOST: Final = 200  #: names in a field
_NOTES: Final = "notes"

#: Where a problem of a definition is to be seen: the beginning of its field, and the field of the form.
_PLACES: Final = (
    ("audience.but_not", "without"), ("audience", "who"), ("schedule", "day"), ("valid", "day"), ("title", "title"),
    ("purpose", "kind"), ("topic", "kind"), ("ladder", "how"), ("media", "how"), ("replies", "replies"),
    ("again", "remind"), ("event.starts", "value-date"), ("event.ends", "value-until"), ("event", "value-date"),
)  # fmt: skip


@dataclass(frozen=True)
class Typed:
    """What somebody typed: each field with all of its values."""

    fields: Mapping[str, Sequence[str]]

    def one(self, name: str, otherwise: str = "") -> str:
        """The only value of a field."""
        values = self.fields.get(name) or ()
        return values[0].strip() if values else otherwise

    def all(self, name: str) -> list[str]:
        """All values of a field."""
        return [value.strip() for value in self.fields.get(name, ()) if value.strip()]

    def has(self, name: str, value: str = "yes") -> bool:
        """Whether a box is ticked."""
        return value in self.fields.get(name, ())

    @property
    def order(self) -> list[Medium]:
        """The ways in their order, the unticked ones among them."""
        said = [Medium(value) for value in self.all("order") if value in set(MEDIA)]
        return list(dict.fromkeys([*said, *MEDIA]))

    def wait(self, medium: Medium) -> int:
        """So many minutes after the way before."""
        given = self.one(f"wait-{medium.value}")
        return next((one for one in WAITS if str(one) == given), 30)

    @property
    def title(self) -> str:
        """How the office calls it."""
        return self.one("title")

    @property
    def texts(self) -> dict[str, str]:
        """The words by language, the English among them."""
        found = {"en": self.one("text")} if self.one("text") else {}
        return found | {
            name.removeprefix("text-"): self.one(name)
            for name in self.fields
            if name.startswith("text-") and self.one(name)
        }

    def with_order(self, moved: Medium, *, up: bool) -> Typed:
        """With one of the ways moved."""
        order = self.order
        at = order.index(moved)
        to = max(at - 1, 0) if up else min(at + 1, len(order) - 1)
        order[at], order[to] = order[to], order[at]
        return Typed({**self.fields, "order": [medium.value for medium in order]})


#: An empty form: nobody is chosen, so that nobody is told by accident.
EMPTY: Final = Typed(
    {
        "tell": ["first_contact"], "kind": ["service"], "way": ["sms", "email"], "order": ["sms", "email", "voice"],
        "wait-email": ["30"], "wait-voice": ["240"], "when": ["now"], "replies": ["yes"], "remind-after": ["2"],
    }
)  # fmt: skip


def of(pairs: Iterable[tuple[str, str]]) -> Typed:
    """What a form sent, but for what every form has."""
    found = dict[str, list[str]]()
    for name, value in pairs:
        if name not in ("csrf", "act"):
            found.setdefault(name, []).append(value.replace("\r\n", "\n"))
    return Typed(found)


@dataclass(slots=True)
class Read:
    """What the form says. ``problems`` are pairs of a field's id and a sentence; with any there is no definition."""

    definition: model.Definition | None = None
    problems: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    audience: model.Audience | None = None


async def read(
    session: Session, gateway: context.Gateway, typed: Typed, visitor: visitors.Visitor, notes: Mapping[str, Any]
) -> Read:
    """Make a definition of it, or say what is wrong; nothing is written."""
    found = Read()
    whom = await _audience(session, gateway, typed, visitor, found)
    data, ladder = _words(typed, notes, found), _ladder(typed, found)
    purpose, _, topic = typed.one("kind", "service").partition(":")
    data |= {"key": KEY, "title": typed.title, "purpose": purpose, "topic": topic, "ladder": ladder}
    if not typed.title:
        found.problems.append(("title", "Give it a name: families read it as the subject of the email"))
    data |= _replies(typed, data) | _when(typed, found)
    if whom is not None:
        found.audience = whom
    if found.problems or whom is None:
        return found
    try:
        definition = reading.read({**data, "audience": whom.model_dump(exclude_defaults=True)})
        _check(gateway, definition)
    except errors.BadInput as error:
        found.problems += placed(error, typed)
        return found
    found.definition = definition
    return found


def _check(gateway: context.Gateway, definition: model.Definition) -> None:
    senders = gateway.settings.text_senders
    problems = submission.examine(
        definition, now=gateway.now(), timezone=gateway.timezone, senders=senders, calendars=gateway.calendars.known,
        quiet=gateway.quiet, known=gateway.preferences.topics,
    )  # fmt: skip
    if problems:
        raise errors.BadDefinition(problems)


def placed(error: errors.BadInput, typed: Typed) -> list[tuple[str, str]]:
    """The problems of a definition, each with the field of the form that it belongs to."""
    return [(_place(problem.field, typed), f"{problem.what} {problem.cure}".strip()) for problem in error.problems]


def _place(name: str, typed: Typed) -> str:
    for begins, place in _PLACES:
        if name.startswith(begins):
            return place
    if name.startswith("values."):
        return f"value-{name.split('.')[1]}"
    if name.startswith(("text.", "subject.")):
        tag = name.split(".")[1]
        return "text" if tag == "en" else f"text-{tag}"
    return "text" if not typed.one("wording") else "wording"


async def _audience(
    session: Session, gateway: context.Gateway, typed: Typed, visitor: visitors.Visitor, found: Read
) -> model.Audience | None:
    own = visitor.forms if visitor.role == "teacher" else None
    whole, forms, groups = typed.has("whole"), typed.all("form"), typed.all("group")
    if own is not None and (whole or groups or any(not visitor.sees(form) for form in forms)):
        found.problems.append(("who", "You can write to the families of your own class"))
        return None
    children = await _pupils(session, gateway, typed, "children", own, found)
    left_out = await _pupils(session, gateway, typed, "without", own, found)
    if whole and (forms or groups or children):
        found.problems.append(("who", "Tick the whole school, or pick classes, clubs and children: not both"))
        return None
    if not (whole or forms or groups or children):
        found.problems.append(("who", NOBODY))
        return None
    data = {"forms": forms, "groups": groups, "pupils": children, "but_not": {"pupils": left_out}}
    return model.Audience.model_validate(
        {**({"whole_school": True, "but_not": data["but_not"]} if whole else data), "tell": _tell(typed)}
    )


def _tell(typed: Typed) -> str:
    given = typed.one("tell")
    return given if given in ("first_contact", "parental_responsibility", "lives_with", "everyone") else "first_contact"


async def _pupils(
    session: Session, gateway: context.Gateway, typed: Typed, name: str, own: frozenset[str] | None, found: Read
) -> list[str]:
    """The children that a field names, by their ids."""
    lines = [line.strip() for line in re.split(r"[\n;]", typed.one(name)) if line.strip()]
    if not lines:
        return []
    if len(lines) > _MOST:
        found.problems.append((name, f"Name {_MOST} children at most"))
        return []
    known = [one for one in await pupils.on_roll(session, today=gateway.today()) if own is None or one.form in own]
    by_id = {one.source_id: one.source_id for one in known} | {one.upn: one.source_id for one in known if one.upn}
    ids = list[str]()
    for line in lines:
        try:
            ids.append(by_id.get(line) or pupils.single(line, known).source_id)
        except errors.BadInput as error:
            found.problems += [(name, f"{problem.what} {problem.cure}".strip()) for problem in error.problems]
    return ids


def _words(typed: Typed, notes: Mapping[str, Any], found: Read) -> dict[str, Any]:
    wording = typed.one("wording")
    if wording not in ("", *WORDINGS):
        found.problems.append(("wording", "Choose one of these wordings"))
        return {}
    if wording == INVITATION:
        return {"template": INVITATION, "kind": "event", "event": _event(typed, found), "values": _values(typed, found)}
    if wording:
        return {"template": wording, "values": _values(typed, found)}
    texts = typed.texts
    if "en" not in texts:
        found.problems.append(("text", "Write what it should say"))
        return {}
    data: dict[str, Any] = {"text": texts}
    kept = {tag: note for tag, note in notes.items() if tag in texts and tag != "en"}
    return data | ({"translations": kept} if kept else {})


def blanks(wording: str) -> dict[str, library.Value]:
    """The blanks of a wording that the form asks for."""
    notice = library.notices().get(wording)
    if notice is None:
        return {}
    found = {name: value for name, value in notice.values.items() if name != "event"}
    if wording == INVITATION:
        until = library.Value(type="time", help="when it ends", required=False)
        order = ("date", "time", "until", "place", "details")
        return {name: ({**found, "until": until})[name] for name in order}
    return found


def _values(typed: Typed, found: Read) -> dict[str, Any]:
    made = dict[str, Any]()
    wording = typed.one("wording")
    for name, blank in blanks(wording).items():
        given = typed.one(f"value-{name}")
        if not given:
            if blank.required:
                found.problems.append((f"value-{name}", f"Fill this in: {blank.help}"))
            continue
        value = _value(given, blank.type)
        if value is None:
            found.problems.append((f"value-{name}", "Write a day such as 2026-11-25" if blank.type == "date" else
                                   "Write a time such as 15:30"))  # fmt: skip
        elif wording != INVITATION or name == "details":
            made[name] = value
    return made


def _value(given: str, kind: str) -> Any:
    try:
        if kind == "date":
            return date.fromisoformat(given)
        if kind == "time":
            return time.fromisoformat(given)
    except ValueError:
        return None
    return given


def _event(typed: Typed, found: Read) -> dict[str, Any]:
    day, begins = (_value(typed.one(f"value-{name}"), name) for name in ("date", "time"))
    ends = _value(typed.one("value-until"), "time") if typed.one("value-until") else None
    if not isinstance(day, date) or not isinstance(begins, time):
        return {}
    event: dict[str, Any] = {"starts": datetime.combine(day, begins), "place": typed.one("value-place")}
    if isinstance(ends, time):
        if ends <= begins:
            found.problems.append(("value-until", "It ends before it begins"))
        event["ends"] = datetime.combine(day, ends)
    return event | {"remind": timedelta(days=1) if typed.has("remind") else timedelta(0)}


def _ladder(typed: Typed, found: Read) -> list[dict[str, Any]]:
    steps = list[dict[str, Any]]()
    for medium in typed.order:
        if not typed.has("way", medium.value):
            continue
        minutes = typed.wait(medium) if steps else 0
        if steps and not minutes:
            steps[-1]["media"].append(medium.value)
        else:
            steps.append({"media": [medium.value], "after": timedelta(minutes=minutes)})
    if not steps:
        found.problems.append(("how", "Tick at least one way to reach them"))
    return steps


def _replies(typed: Typed, data: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if typed.has("replies") and "text" in data:
        made["replies"] = {"expected": True}
        made["until"] = "delivered"
        if typed.has("remind"):
            days = typed.one("remind-after")
            made["again"] = {"after": timedelta(days=int(days) if days in ("1", "2", "3", "7") else 2)}
    return made


def _when(typed: Typed, found: Read) -> dict[str, Any]:
    if typed.one("when") != "later":
        return {}
    day, at = _value(typed.one("day"), "date"), _value(typed.one("at") or "16:00", "time")
    if not isinstance(day, date) or not isinstance(at, time):
        found.problems.append(("day", "Say on which day and at what time it should go"))
        return {}
    return {"schedule": {"at": datetime.combine(day, at)}}


def notes_of(typed: Mapping[str, Any]) -> dict[str, Any]:
    """What stands beside translations in a draft; a form never brings it."""
    kept = typed.get(_NOTES)
    return dict(kept[0]) if kept else {}


def with_notes(typed: Typed, notes: Mapping[str, Any]) -> dict[str, Any]:
    """A form as a draft keeps it."""
    plain: dict[str, Any] = {name: list(values) for name, values in typed.fields.items() if name != _NOTES}
    return plain | ({_NOTES: [dict(notes)]} if notes else {})


def from_draft(kept: Mapping[str, Any]) -> Typed:
    """The fields of a draft."""
    return Typed({name: list(map(str, values)) for name, values in kept.items() if name != _NOTES})
