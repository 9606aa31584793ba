"""What is said to whom at which point of an event's life, as a definition for one guest.

Each is a definition like any other: that of the invitation with another wording, with the time and place of this
guest, and its own menu. What they have in common is written once, in the invitation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from zoneinfo import ZoneInfo

from gateway.definitions import model
from gateway.events import offers
from gateway.models import EventSlot, GuestState, Purpose, SchoolEvent
from templates import formats, library, phrases, states

S = GuestState


class Kind(StrEnum):
    """A point of an event's life."""

    INVITATION = "invitation"
    REMINDER = "reminder"
    CHANGED = "changed"
    CANCELLED = "cancelled"
    THANKS = "thanks"
    MISSED = "missed"
    AGAIN = "again"  #: other times, as the one that was chosen has gone; or a place that has become free


#: To whom each goes: never to those who have said no, but for what only those hear who asked.
TO: Final[Mapping[Kind, frozenset[GuestState]]] = {
    Kind.INVITATION: frozenset({S.INVITED}),
    Kind.REMINDER: frozenset({S.INVITED, S.COMING, S.OFFERED}),
    Kind.CHANGED: frozenset(S) - {S.NOT_COMING},
    Kind.CANCELLED: frozenset(S) - {S.NOT_COMING},
    Kind.THANKS: frozenset(S),
    Kind.MISSED: frozenset(S),
}
_WORDINGS: Final[Mapping[Kind, str]] = {
    Kind.REMINDER: "event_reminder",
    Kind.CHANGED: "event_changed",
    Kind.CANCELLED: "event_cancelled",
    Kind.MISSED: "missed_you",
}
_NEW_TIME: Final = "missed_you_new_time"
#: What has to be said to whoever knows of the event, or they stand before closed doors: no limit, nothing to decline.
_MUST: Final = frozenset({Kind.CHANGED, Kind.CANCELLED})
_AFTER: Final = frozenset({Kind.THANKS, Kind.MISSED})
_WORTH: Final = timedelta(days=3)  #: so long it is worth saying how it went
_OURS: Final = frozenset({"date", "time", "place"})  #: what is filled in for each guest, whatever the author gave
_INVITATION: Final = "event_invitation"


@dataclass(frozen=True, slots=True)
class Happening:
    """An event with the definition by which it was announced.

    ``drafts``     whether words may be used that nobody has reviewed
    ``announced``  whether the invitation may go out: it does not wait for a second person
    """

    event: SchoolEvent
    invitation: model.Definition
    timezone: ZoneInfo
    drafts: bool = False
    announced: bool = True

    @property
    def details(self) -> model.EventDetails:
        """What the invitation says of it."""
        if self.invitation.event is None:
            raise ValueError("this is no event")
        return self.invitation.event

    @property
    def has_times(self) -> bool:
        """Whether families choose a time."""
        return bool(self.details.sessions)


def notice_of(
    happening: Happening, kind: Kind, *, key: str, details: str = "", starts: datetime | None = None
) -> model.Definition:
    """The definition of a further notice of an event: to nobody in particular yet.

    ``starts``, in local time, is the first time of the day that it is about, where that is not the event's own.
    """
    invitation = happening.invitation
    values = _title(invitation) if kind in _WORDINGS else {}
    if details:
        values["details"] = details
    return invitation.model_copy(
        update={
            "key": key,
            "template": _WORDINGS.get(kind, ""),
            "text": {} if kind in _WORDINGS else {"en": phrases.event("thanks", "en", event=happening.event.title)},
            "subject": {},
            "translations": {},
            "values": values,
            "purpose": _purpose(invitation, kind),
            "topic": "" if kind in _MUST else invitation.topic,
            "worrying": False,
            "attachments": [],
            "schedule": model.Schedule(),
            "valid": model.Validity.model_validate({"for": _WORTH}) if kind in _AFTER else model.Validity(),
            "replies": model.Replies(),
            "again": None,
            "approval": model.Approval(),
            "media": [],
            "ladder": offers.steps_of(invitation),
            "until": "delivered",
            "event": _details(happening, None, starts=starts),
        }
    )


def _purpose(invitation: model.Definition, kind: Kind) -> Purpose:
    if kind in _MUST and not invitation.purpose.urgent:
        return Purpose.SERVICE
    allowed = library.notice(_WORDINGS[kind]).purposes if kind in _WORDINGS else tuple(Purpose)
    return invitation.purpose if invitation.purpose in allowed else Purpose.SERVICE


def kind_of(definition: model.Definition, event: SchoolEvent) -> Kind:
    """Which point of the event's life a notice is about: the one that announced it is the invitation."""
    if definition.key == event.key:
        return Kind.INVITATION
    by_wording = {wording: kind for kind, wording in _WORDINGS.items()}
    return by_wording.get(definition.template, Kind.THANKS)


def asking(
    happening: Happening,
    offer: offers.Offer,
    *,
    slot: EventSlot | None = None,
    lead: Mapping[str, str] | None = None,
    until: datetime | None = None,
) -> model.Definition:
    """The invitation itself for one guest, with its menu.

    With ``lead``, by language, it is asked once more with this said first. ``slot`` is the time
    that it is about, where there is only one; ``until`` when it is no longer worth asking.
    """
    invitation = happening.invitation
    values = {name: value for name, value in invitation.values.items() if name not in _OURS}
    changes: dict[str, Any] = {"event": _details(happening, slot), "values": values}
    if offer.options:
        changes["replies"] = offer.replies
    elif offers.asks(invitation):  # too many on one phone: no digit of it would say of which child
        changes |= {"template": _WORDINGS[Kind.REMINDER], "values": _title(invitation), "text": {}, "subject": {}}
        changes["translations"] = {}
    if lead:
        changes |= {
            "template": _INVITATION if offer.options else _WORDINGS[Kind.REMINDER],
            "values": _title(invitation) | {"details": dict(lead)},
            "text": {},
            "subject": {},
            "translations": {},
            "attachments": [],
            "media": [],
            "ladder": offers.steps_of(invitation),
            "until": "delivered",
            "valid": model.Validity(until=until) if until else model.Validity(),
        }
    return invitation.model_copy(update=changes)


def asking_once_more(happening: Happening, offer: offers.Offer) -> model.Definition:
    """The invitation for a household that has said nothing, as its reminder: whatever was true of the first."""
    asked, valid = asking(happening, offer), happening.invitation.valid
    hours = model.Validity(not_before=valid.not_before, not_after=valid.not_after)
    changes = {"valid": hours, "media": [], "ladder": offers.steps_of(happening.invitation), "until": "delivered"}
    return asked.model_copy(update=changes)


def reminding(happening: Happening, notice: model.Definition, slot: EventSlot | None) -> model.Definition:
    """A notice of the event for one guest, with the time and place that are its own."""
    return notice.model_copy(update={"event": _details(happening, slot)})


def thanking(happening: Happening, notice: model.Definition, tags: Sequence[str]) -> model.Definition:
    """Thanks to a household in its languages."""
    title = happening.event.title
    texts = {tag: phrases.event("thanks", tag, event=title) for tag in spoken(happening, tags)}
    return notice.model_copy(update={"text": texts, "event": _details(happening, None)})


def missing(
    happening: Happening, notice: model.Definition, slot: EventSlot | None, offer: offers.Offer
) -> model.Definition:
    """«Sorry that we missed you»: with a new time, where one is kept for them."""
    if slot is None:
        return reminding(happening, notice, None)
    values = _title(happening.invitation)
    changes = {"template": _NEW_TIME, "values": values, "replies": offer.replies, "event": _details(happening, slot)}
    return notice.model_copy(update={**changes, "valid": model.Validity()})


def naming(definition: model.Definition, about: Mapping[str, str]) -> model.Definition:
    """The same with a sentence that names the child, by language: for families with one phone and several children."""
    if definition.text:
        text = {tag: f"{words} {about.get(tag, about['en'])}" for tag, words in definition.text.items()}
        return definition.model_copy(update={"text": text})
    notice = library.notices().get(definition.template)
    if notice is None or "details" not in notice.values:
        return definition
    given = definition.values.get("details", "")
    more: Mapping[str, str] = given if isinstance(given, Mapping) else {"en": str(given)}
    tags = about.keys() | more.keys()
    details = {tag: f"{about.get(tag, about['en'])} {more.get(tag, more.get('en', ''))}".strip() for tag in tags}
    return definition.model_copy(update={"values": definition.values | {"details": details}})


def spoken(happening: Happening, tags: Sequence[str]) -> list[str]:
    """Those of some languages in which our short texts may be used: drafts only where the school allows it."""
    found = {phrases.language_for("event", tag) for tag in tags}
    may = {tag for tag in found if happening.drafts or states.trusted(phrases.state("event", tag))}
    return sorted({"en", *may})


def lead(happening: Happening, name: str, tags: Sequence[str], **given: datetime | str) -> dict[str, str]:
    """A sentence of ours before an invitation, by language; moments are written as each language does."""
    return {
        tag: phrases.event(name, tag, **{one: _written(value, tag) for one, value in given.items()})
        for tag in spoken(happening, tags)
    }


def _written(value: datetime | str, tag: str) -> str:
    return value if isinstance(value, str) else formats.write(value, tag)


def _details(happening: Happening, slot: EventSlot | None, *, starts: datetime | None = None) -> model.EventDetails:
    """When and where it is for a guest, in local time; as it is now, not as it was first announced."""
    event = happening.event
    begins = slot.starts_at if slot and (happening.has_times or slot.again) else event.starts_at
    place = (slot.place if slot else "") or event.place
    return model.EventDetails(
        starts=starts or begins.astimezone(happening.timezone).replace(tzinfo=None),
        place=place,
        calendar_file=happening.details.calendar_file,
    )


def _title(invitation: model.Definition) -> dict[str, Any]:
    """The event's name, where the author gave it by language."""
    return {name: value for name, value in invitation.values.items() if name == "event"}
