"""Emergencies: see how long an alarm takes, send it, see who has read, tell how it goes on, give the all-clear."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from gateway import errors
from gateway.database import Session
from gateway.emergency import alarm, following, roll_call, shown
from gateway.models import Emergency
from gateway.web import site
from gateway.web.api import callers, once

routes = APIRouter(prefix="/emergencies", tags=["emergencies"])

Key = Annotated[str, Path(max_length=80, description="Key of the emergency; latest for the latest one")]
Words = Annotated[
    str | dict[str, str], Field(description="Full sentences in English, or by language: {“en”: …, “pl”: …}")
]
_LONGEST = 1000


class About(BaseModel):
    """Which children; all of the school where nothing is named."""

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
    """An alarm. ``key`` is a short name of the caller's own; the same one is sent once."""

    about: About = About()
    key: str = Field(default="", max_length=60, pattern=r"^[a-z0-9._-]*$")


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


async def _find(session: Session, key: str) -> Emergency:
    return await alarm.find(session, "" if key == "latest" else key)


def _asked(given: AlarmGiven) -> alarm.Asked:
    about = given.about.model_dump(exclude_defaults=True) or {"whole_school": True}
    return alarm.Asked(
        _words(given.what_happened, "what_happened"), _words(given.what_to_do, "what_to_do"), about, given.key
    )


def _words(given: str | dict[str, str], field: str) -> alarm.Words:
    for words in [given] if isinstance(given, str) else given.values():
        if not words.strip() or "\0" in words or len(words) > _LONGEST:
            cure = f"Write 1 to {_LONGEST} characters."
            raise errors.BadInput([errors.Problem("these words cannot be sent.", cure, field=field)])
    return given


def _told(made: following.Told) -> Told:
    return Told(key=made.key, taken_back=made.taken_back, **made.facts)
