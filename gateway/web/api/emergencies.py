"""Emergencies: see how long an alarm takes, send it, see who has read, tell how it goes on, give the all-clear."""

from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from gateway import errors
from gateway.database import Session
from gateway.definitions import model
from gateway.emergency import alarm, choosing, following, roll_call, shown
from gateway.models import Emergency
from gateway.web import site
from gateway.web.api import callers, once

routes = APIRouter(prefix="/emergencies", tags=["emergencies"])

Key = Annotated[str, Path(max_length=80, description="Key of the emergency; latest for the latest one")]
Words = Annotated[
    str | model.ByLanguage, Field(description="Full sentences in English, or by language: {“en”: …, “pl”: …}")
]
Pupil = Annotated[str, Path(max_length=60, description="The child, by MIS id or UPN")]
_LONGEST = 1000
_LISTED = 20
_REHEARSING = (0, "rehearsal")


class About(BaseModel):
    """Which children: name some, or the whole school."""

    model_config = ConfigDict(extra="forbid")

    whole_school: bool = False
    years: list[str] = Field(default=[], max_length=50)
    forms: list[str] = Field(default=[], max_length=200)
    groups: list[str] = Field(default=[], max_length=200)
    pupils: list[str] = Field(default=[], max_length=5000, description="MIS ids or UPNs")


class Given(BaseModel):
    """What is said."""

    model_config = ConfigDict(extra="forbid")

    what_happened: Words
    what_to_do: Words


class AlarmGiven(Given):
    """An alarm. Without ``about`` it is about the whole school."""

    about: About | None = None
    key: str = Field(
        default="",
        max_length=60,
        pattern=r"^([a-z0-9][a-z0-9._-]*)?$",
        description="A short name of your own; the same one is sent once",
    )
    another: bool = Field(
        default=False, description="Without a key: send it even where somebody has just sent an alarm"
    )


class Rehearsal(BaseModel):
    """What is said in a rehearsal, and about which children; without ``about`` the whole school."""

    model_config = ConfigDict(extra="forbid")

    what_happened: Words = "This is a rehearsal."
    what_to_do: Words = "You need not do anything."
    about: About | None = None


class Noted(BaseModel):
    """How one who answers for a child was told."""

    model_config = ConfigDict(extra="forbid")

    how: str = Field(default="told by staff", max_length=200, description="In a few words; empty: that was a mistake")


class Over(BaseModel):
    """What an all-clear says."""

    model_config = ConfigDict(extra="forbid")

    what_now: Words


class Sent(BaseModel):
    """An alarm that was handed in. ``held``: it waits for a second person (`/notices/{key}/approve`)."""

    key: str
    began_at: datetime
    held: bool


class Told(BaseModel):
    """Whom an update or an all-clear is for: exactly those who were alarmed."""

    key: str
    told: int
    unreachable: int = Field(description="Alarmed, and by now there is nothing by which to reach them")
    barred_since: int
    gone: int = Field(description="No longer on file for these children")
    not_alarmed: int = Field(description="On file today, and the alarm has not gone to them")
    taken_back: int


@routes.post("/preview", summary="See how long an alarm takes by each channel, and whom it reaches")
async def preview(request: Request, given: AlarmGiven) -> dict[str, Any]:
    """Writes nothing. `channels` has seconds, messages and parts by language, `unreached` the children left out."""
    gateway = site.of(request).gateway
    async with gateway.database.read() as session:
        return shown.outlook_data(await alarm.preview(session, gateway, _asked(given)))


@routes.post("", status_code=201, response_model=Sent, summary="Alarm all who answer for the children, at once")
async def send(request: Request, given: AlarmGiven, caller: callers.Caller, gate: once.Once) -> Response:
    """By all channels, also emergency contacts, past quiet hours and wishes; never those who are barred."""
    here, asked = site.of(request), _asked(given)

    async def deed(session: Session) -> once.Done:
        sent = await alarm.send(session, here.gateway, asked, by=caller.author)
        held = here.gateway.settings.emergency.second_person
        return once.Done(Sent(key=sent.key, began_at=sent.began_at, held=held), status=201)

    answer = await gate.do(deed)
    here.planned()
    return answer


@routes.post("/rehearsals", summary="Send an alarm as far as pretend phones on this machine")
async def rehearse(request: Request, given: Rehearsal, caller: callers.Caller) -> dict[str, Any]:
    """With the people on file; no real provider is asked. Takes a minute at most; tells who would not be reached."""
    here, about = site.of(request), _about(given.about)
    if here.rehearse is None:
        raise errors.NotReady("Nothing can be rehearsed here.")
    what, do = _words(given.what_happened, "what_happened"), _words(given.what_to_do, "what_to_do")
    if _REHEARSING in here.busy:
        raise errors.Conflict("A rehearsal is under way. Wait for its end.")
    here.busy.add(_REHEARSING)
    try:
        return dict(await here.rehearse(alarm.Asked(what, do, about), caller.author))
    finally:
        here.busy.discard(_REHEARSING)


@routes.get("", summary="The latest emergencies, the newest first")
async def listing(request: Request) -> list[dict[str, Any]]:
    """Twenty at most; `over_at` is null while one goes on."""
    async with site.of(request).gateway.database.read() as session:
        return [shown.emergency_data(one) for one in await alarm.latest(session, _LISTED)]


@routes.get("/choices", summary="The years, forms and groups that an alarm can be about")
async def choices(request: Request) -> dict[str, Any]:
    """Each with how many children it has today."""
    gateway = site.of(request).gateway
    async with gateway.database.read() as session:
        return dataclasses.asdict(await choosing.choices(session, today=gateway.today()))


@routes.get("/{key}", summary="Child by child, who has read it and who has not")
async def one(request: Request, key: Key) -> dict[str, Any]:
    """A child is covered when one who answers for it has said that they have read it."""
    gateway = site.of(request).gateway
    async with gateway.database.read() as session:
        return shown.roll_call_data(await roll_call.read(session, gateway, await _find(session, key)))


@routes.post("/{key}/updates", status_code=201, response_model=Told, summary="Tell those alarmed how it goes on")
async def update(request: Request, key: Key, given: Given, caller: callers.Caller, gate: once.Once) -> Response:
    """Exactly those who were alarmed; nobody new, and nobody barred since."""
    here = site.of(request)
    happened, to_do = _words(given.what_happened, "what_happened"), _words(given.what_to_do, "what_to_do")

    async def deed(session: Session) -> once.Done:
        emergency = await _find(session, key)
        made = await following.update(session, here.gateway, emergency.key, happened, to_do, by=caller.author)
        return once.Done(_told(made), status=201)

    answer = await gate.do(deed)
    here.planned()
    return answer


@routes.post("/{key}/all-clear", response_model=Told, summary="Say that it is over")
async def all_clear(request: Request, key: Key, given: Over, caller: callers.Caller, gate: once.Once) -> Response:
    """Takes back what has not left; told are exactly those whom the alarm has reached, or may have."""
    here, what_now = site.of(request), _words(given.what_now, "what_now")

    async def deed(session: Session) -> once.Done:
        emergency = await _find(session, key)
        return once.Done(
            _told(await following.all_clear(session, here.gateway, emergency.key, what_now, by=caller.author))
        )

    answer = await gate.do(deed)
    here.planned()
    return answer


@routes.post("/{key}/children/{pupil}", status_code=204, summary="Note that you have told a child's family yourself")
async def note(request: Request, key: Key, pupil: Pupil, given: Noted, caller: callers.Caller) -> None:
    """It is covered then. With an empty `how` the note is taken back."""
    gateway = site.of(request).gateway
    async with gateway.database.write() as session:
        await roll_call.note(session, gateway, await _find(session, key), pupil, how=given.how, by=caller.author)


async def _find(session: Session, key: str) -> Emergency:
    return await alarm.find(session, "" if key == "latest" else key)


def _asked(given: AlarmGiven) -> alarm.Asked:
    what, do = _words(given.what_happened, "what_happened"), _words(given.what_to_do, "what_to_do")
    return alarm.Asked(what, do, _about(given.about), given.key, given.another)


def _about(given: About | None) -> dict[str, Any]:
    """A list of forms that came out empty must not alarm everybody: that must be meant."""
    return given.model_dump(exclude_defaults=True) if given is not None else {"whole_school": True}


def _words(given: str | dict[str, str], field: str) -> alarm.Words:
    for words in [given] if isinstance(given, str) else given.values():
        if not words.strip() or "\0" in words or len(words) > _LONGEST:
            cure = f"Write 1 to {_LONGEST} characters."
            raise errors.BadInput([errors.Problem("these words cannot be sent.", cure, field=field)])
    return given


def _told(made: following.Told) -> Told:
    return Told(key=made.key, taken_back=made.taken_back, **made.facts)
