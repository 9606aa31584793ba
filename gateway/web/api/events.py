"""Events: who is coming, an answer taken down, another time, cancelled, who was there."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from gateway import errors
from gateway.database import Session
from gateway.definitions import model
from gateway.events import answering, changes, guests, slots, views
from gateway.models import GuestState
from gateway.web import site
from gateway.web.api import bodies, callers, once, paging, shapes

routes = APIRouter(prefix="/events", tags=["events"])

Key = Annotated[str, Path(max_length=80, description="Key of the event: that of the notice that announced it")]
_MOST = 20_000  #: guests in one request


class Event(shapes.Shape):
    """A dated happening, with how many households are in which state."""

    key: str
    title: str
    place: str
    starts_at: datetime
    ends_at: datetime | None
    cancelled_at: datetime | None
    sequence: int = Field(description="Goes up with each change, as in calendars")
    counts: dict[GuestState, int]


class Slot(shapes.Shape):
    """A time at which families may come; the only one of an event without times to choose from."""

    id: int
    starts_at: datetime
    ends_at: datetime | None
    host: str
    place: str
    forms: list[str] = Field(description="For the families of these forms; none: for everybody")
    capacity: int | None = Field(description="Families at this time; null: any number")
    taken: int = Field(description="Places that are taken or kept for somebody")
    again: bool = Field(description="For those who could not come the first time")


class Guest(BaseModel):
    """A household that is invited; for an event with times, about one child."""

    id: int
    state: GuestState
    pupils: list[str] = Field(description="MIS ids")
    contact_ids: list[int]
    slot_id: int | None
    interpreter: bool
    answered_at: datetime | None
    by: str
    how: str = Field(description="text, email, call, page or office")
    offer_until: datetime | None = Field(description="Until when a place is kept for it")
    attended: bool | None
    told: bool = Field(description="Whether anything reached it, or is on its way")


class EventDetails(Event):
    """An event with everybody who is invited."""

    guests: list[Guest]
    interpreters: dict[str, int] = Field(description="How many need an interpreter, by language")


class Answered(BaseModel):
    """What a family has said."""

    model_config = ConfigDict(extra="forbid")

    answer: Literal["coming", "not_coming", "no_time", "interpreter"] = "coming"
    slot_id: bodies.Row | None = Field(default=None, description="With coming: the time")


class Outcome(BaseModel):
    """What came of it: `gone` where that time is not free, `waiting` where there is no place left."""

    outcome: answering.Outcome
    state: GuestState
    slot_id: int | None


class Changed(BaseModel):
    """What is new about an event; what is not given stays."""

    model_config = ConfigDict(extra="forbid")

    starts_at: bodies.Moment | None = None
    ends_at: bodies.Moment | None = None
    place: str | None = Field(default=None, max_length=200)
    details: str = Field(default="", max_length=500, description="What has changed and why, in full sentences")


class Cancelled(BaseModel):
    """Why an event does not take place."""

    model_config = ConfigDict(extra="forbid")

    details: str = Field(default="", max_length=500, description="Why, or what comes instead, in full sentences")


class Attendance(BaseModel):
    """Who was there, and what is done about it."""

    model_config = ConfigDict(extra="forbid")

    came: list[bodies.Row] = Field(default=[], max_length=_MOST, description="Guests who were there")
    rest_missed: bool = Field(default=False, description="Everybody else who had not said no was not there")
    send: bool = Field(default=False, description="Thank them, and tell the others that they were missed")
    again: list[model.EventSession] = Field(
        default=[], max_length=50, description="New times for those who were missed"
    )
    details: str = Field(default="", max_length=500, description="Something more for those who were missed")


class Told(BaseModel):
    """How many families are told, and by which notices."""

    families: int
    notices: list[str]


@routes.get("", summary="List events, the latest first")
async def listing(request: Request, limit: paging.Limit = 50) -> list[Event]:
    """With how many households are in which state."""
    async with site.of(request).gateway.database.read() as session:
        found = await views.listed(session, limit=limit)
    return [Event(**one.event.model_dump(), counts=dict(one.counts)) for one in found]


@routes.get("/{key}", summary="One event, the answers, and who has not answered")
async def one(request: Request, key: Key) -> EventDetails:
    """A guest in the state `invited` has said nothing."""
    async with site.of(request).gateway.database.read() as session:
        whole = await views.whole(session, key)
    return EventDetails(
        **whole.event.model_dump(),
        counts=dict(whole.counts),
        guests=[_guest(line) for line in whole.guests],
        interpreters={language: len(names) for language, names in whole.interpreters.items()},
    )


def _guest(line: views.Invited) -> Guest:
    kept = ("id", "state", "slot_id", "interpreter", "answered_at", "by", "how", "offer_until", "attended")
    return Guest(
        **{name: getattr(line.guest, name) for name in kept},
        pupils=[pupil.source_id for pupil in line.pupils],
        contact_ids=[contact.id or 0 for contact in line.contacts],
        told=line.told,
    )


@routes.get("/{key}/slots", summary="The times of an event and the places left")
async def times(request: Request, key: Key) -> list[Slot]:
    """By time."""
    async with site.of(request).gateway.database.read() as session:
        event = await views.find(session, key)
        return [Slot.model_validate(one) for one in await slots.of_event(session, event.id)]


@routes.post("/{key}/guests/{guest_id}/answer", response_model=Outcome, summary="Take a family's answer down")
async def answer(
    request: Request, key: Key, guest_id: paging.Id, said: Answered, caller: callers.Caller, gate: once.Once
) -> Response:
    """Or change it. No place is given away twice: see `outcome`."""
    gateway = site.of(request).gateway

    async def deed(session: Session) -> once.Done:
        event = await views.find(session, key)
        guest = await guests.find(session, guest_id)
        if guest.event_id != event.id:
            raise errors.NotFound(f"Guest {guest_id} is not invited to “{event.key}”.")
        meaning = answering.meaning_of(said.answer, said.slot_id)
        by = answering.Said(caller.author, answering.OFFICE, caller.author)
        outcome = await answering.answer(session, gateway, guest, meaning, by)
        return once.Done(Outcome(outcome=outcome, state=guest.state, slot_id=guest.slot_id))

    response = await gate.do(deed)
    site.of(request).planned()
    return response


@routes.post("/{key}/change", response_model=Told, summary="Move an event, or give it another place")
async def change(request: Request, key: Key, new: Changed, caller: callers.Caller, gate: once.Once) -> Response:
    """Times to choose from move along with its beginning. Families who have not said no are told."""
    gateway = site.of(request).gateway

    async def deed(session: Session) -> once.Done:
        what = changes.Change(new.starts_at, new.ends_at, new.place, new.details)
        return _told([await changes.change(session, gateway, key, what, by=caller.author)])

    response = await gate.do(deed)
    site.of(request).planned()
    return response


@routes.post("/{key}/cancel", response_model=Told, summary="Cancel an event")
async def cancel(request: Request, key: Key, why: Cancelled, caller: callers.Caller, gate: once.Once) -> Response:
    """What has not left is taken back. Families who have not said no are told."""
    gateway = site.of(request).gateway

    async def deed(session: Session) -> once.Done:
        return _told([await changes.cancel(session, gateway, key, details=why.details, by=caller.author)])

    response = await gate.do(deed)
    site.of(request).planned()
    return response


@routes.post("/{key}/attended", response_model=Told, summary="Note who was there")
async def attended(request: Request, key: Key, given: Attendance, caller: callers.Caller, gate: once.Once) -> Response:
    """With `send`, those who came are thanked, and the others are told that they were missed."""
    gateway = site.of(request).gateway

    async def deed(session: Session) -> once.Done:
        await changes.attended(session, gateway, key, came=given.came, rest_missed=given.rest_missed, by=caller.author)
        if not given.send:
            return _told([])
        again = [one.model_copy(update={"again": True}) for one in given.again]
        told = await changes.follow_up(session, gateway, key, details=given.details, again=again, by=caller.author)
        return _told([told])

    response = await gate.do(deed)
    site.of(request).planned()
    return response


def _told(found: list[changes.Told]) -> once.Done:
    keys = [notice.key for told in found for notice in told.notices]
    return once.Done(Told(families=sum(told.guests for told in found), notices=keys))
