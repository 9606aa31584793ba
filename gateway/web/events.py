"""The page behind the link of an invitation, and the calendars of the forms.

A GET never acts: security gateways follow every link of a mail. The page is a plain form, so it works without
JavaScript; a POST answers, and answers again as often as the family changes its mind. No cookie, no login: the address
is signed, is one household's alone, and ends with the event.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs

import jinja2
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from gateway import context, errors, people
from gateway.database import Session
from gateway.events import answering, feed, guests, links, offers, papers, slots, tellings
from gateway.models import EventGuest, GuestState, SchoolEvent
from gateway.one_person import joining
from gateway.web import problems, site
from gateway.web.entries import By, entry
from templates import formats, languages, phrases

_LARGEST_BODY: Final = 4096
_POLICY: Final = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
_HEADERS: Final = {
    "Content-Security-Policy": _POLICY,
    "X-Robots-Tag": "noindex",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
}
_SAID: Final = {
    answering.Outcome.WAITING: "full",
    answering.Outcome.PHONE: "ring",
    answering.Outcome.NOTED: "noted",
    answering.Outcome.GONE: "gone",
    answering.Outcome.OVER: "over",
}
_SLOT: Final = re.compile(rf"{offers.SLOT}[0-9]{{1,9}}")
_FAR: Final = 10**11  #: no moment of ours, and none that a date can be made of
_NEEDS_SCHOOL: Final = frozenset({"full", "ring", "noted"})


def routes() -> list[BaseRoute]:
    """``/e/{guest}/{contact}/{until}/{token}`` and ``/calendar/{form}/{token}.ics``."""
    pages = Pages(
        jinja2.Environment(
            loader=jinja2.PackageLoader("gateway.web", "pages"), autoescape=True, undefined=jinja2.StrictUndefined
        )
    )
    address = "/e/{guest_id:int}/{contact_id:int}/{until:int}/{token}"
    return [
        entry(address, pages.ask, by=By.LINK),
        entry(address, pages.answer, by=By.LINK, methods=("POST",), largest=_LARGEST_BODY),
        entry("/calendar/{form}/{token}.ics", calendar, by=By.LINK),
    ]


async def calendar(request: Request) -> Response:
    """A form's calendar; «unchanged» to a program that has these bytes already."""
    gateway = site.of(request).gateway
    form = feed.form_of(gateway, request.path_params["form"], request.path_params["token"])
    if form is None:
        return problems.respond(404, "This address is not ours.", kind="not-found")
    async with gateway.database.read() as session:
        content, tag = await feed.of_form(session, gateway, form)
    headers = {"ETag": tag, "Cache-Control": "private, max-age=900"}
    known = {one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")}
    if tag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    return Response(content, media_type="text/calendar; charset=utf-8", headers=headers)


@dataclass(frozen=True, slots=True)
class Pages:
    """The faces of the page: a choice, what came of it, and a sorry."""

    templates: jinja2.Environment

    async def ask(self, request: Request) -> Response:
        """Show what may be chosen. Does nothing."""
        gateway = site.of(request).gateway
        if not _is_ours(request):
            return self._sorry(gateway)
        async with gateway.database.read() as session:
            guest = await session.get(EventGuest, request.path_params["guest_id"])
            visit = await _visit(session, gateway, guest, request.path_params["contact_id"]) if guest else None
        return self._show(_face(gateway, visit, None)) if visit else self._sorry(gateway)

    async def answer(self, request: Request) -> Response:
        """Take the answer down, and say what came of it. The same again changes nothing."""
        here = site.of(request)
        if not _is_ours(request):
            return self._sorry(here.gateway)
        form = parse_qs((await request.body()).decode("utf-8", "replace"))
        contact_id = request.path_params["contact_id"]
        async with here.gateway.database.write() as session:
            try:
                guest = await guests.find(session, request.path_params["guest_id"])
            except errors.NotFound:
                return self._sorry(here.gateway)
            if (visit := await _visit(session, here.gateway, guest, contact_id)) is None:
                return self._sorry(here.gateway)
            outcome = await _take(session, here.gateway, visit, form)
            visit = await _visit(session, here.gateway, guest, contact_id) or visit
        here.planned()
        return self._show(_face(here.gateway, visit, outcome))

    def _show(self, face: dict[str, Any]) -> Response:
        body = self.templates.get_template("event.html").render(face)
        return Response(body, media_type="text/html", headers=_HEADERS)

    def _sorry(self, gateway: context.Gateway) -> Response:
        school = gateway.settings.school
        words = phrases.unsubscribe_page(school.language, school=school.name, school_phone=school.phone)
        face = {"title": "", "choices": (), "said": [words.expired], "language": words.language}
        body = self.templates.get_template("event.html").render(
            **face, direction=words.direction, school=school.name, about="", interpreter=False
        )
        return Response(body, status_code=404, media_type="text/html", headers=_HEADERS)


@dataclass(frozen=True, slots=True)
class Visit:
    """Who is looking, and at what."""

    guest: EventGuest
    contact: people.Adult
    at: papers.Papers

    @property
    def event(self) -> SchoolEvent:
        """What it is about."""
        return self.at.happening.event


def _is_ours(request: Request) -> bool:
    given = request.path_params
    gateway = site.of(request).gateway
    return given["until"] < _FAR and links.holds(
        gateway, given["guest_id"], given["contact_id"], given["until"], given["token"]
    )


async def _visit(session: Session, gateway: context.Gateway, guest: EventGuest, contact_id: int) -> Visit | None:
    """Put together what the page needs; None for somebody who may no longer hear of the child."""
    event = await session.get_one(SchoolEvent, guest.event_id)
    happening = await papers.happening_of(session, gateway, event)
    at = await papers.read(session, gateway, happening, [guest])
    pairs = at.parties[guest.id or 0]
    if contact_id not in {contact for contact, _ in pairs}:
        contact_id = await joining.now_part_of(session, contact_id) or contact_id
    theirs = [pupil for contact, pupil in pairs if contact == contact_id]
    if not theirs or not all(papers.may_hear(at, gateway, contact_id, pupil) for pupil in theirs):
        return None
    return Visit(guest, at.known.contacts[contact_id], at)


async def _take(
    session: Session, gateway: context.Gateway, visit: Visit, form: Mapping[str, Sequence[str]]
) -> answering.Outcome | None:
    """Do what the form says; nothing where it says nothing that the page offers."""
    said, outcome = answering.Said(visit.contact.full_name, "page"), None
    meaning = form.get("answer", [""])[0]
    if "interpreter" in form and not visit.guest.interpreter:
        outcome = await answering.answer(session, gateway, visit.guest, offers.INTERPRETER, said)
    if meaning in (offers.COMING, offers.NOT_COMING, offers.NO_TIME) or _SLOT.fullmatch(meaning):
        outcome = await answering.answer(session, gateway, visit.guest, meaning, said)
    return outcome


def _face(gateway: context.Gateway, visit: Visit, outcome: answering.Outcome | None) -> dict[str, Any]:
    """What the page says, in the language of whoever looks."""
    event, at, guest = visit.event, visit.at, visit.guest
    tag = _language(gateway, visit)
    over = event.cancelled_at is not None or gateway.now() >= at.closes
    local = event.starts_at.astimezone(gateway.timezone).replace(tzinfo=None)
    return {
        "language": tag,
        "direction": languages.direction(tag),
        "school": gateway.settings.school.name,
        "title": event.title,
        "when": formats.moment(local, tag),
        "place": event.place,
        "about": _about(at, guest, tag),
        "said": [phrases.event("over", tag)] if over else _said(gateway, visit, tag, outcome),
        "choices": [] if over else _choices(gateway, at, guest, tag),
        "interpreter": guest.interpreter,
        "interpreter_words": phrases.event("interpreter", tag),
        "send": phrases.event("send", tag),
    }


def _said(gateway: context.Gateway, visit: Visit, tag: str, outcome: answering.Outcome | None) -> list[str]:
    """What came of the answer."""
    school, name = gateway.settings.school.short_name, _SAID.get(outcome) if outcome else None
    if name is not None:
        return [phrases.event(name, tag, **({"school": school} if name in _NEEDS_SCHOOL else {}))]
    if outcome is None:
        return []
    label = offers.said(offers.NOT_COMING, [tag])[tag]
    if outcome is answering.Outcome.COMING:
        label = papers.label(visit.at.happening, visit.at.slot(visit.guest), tag)
    return [phrases.received(tag, school=school, label=label)]


def _about(at: papers.Papers, guest: EventGuest, tag: str) -> str:
    known = at.known.pupils
    names = [known[pupil].called for _, pupil in at.parties[guest.id or 0] if pupil in known]
    return phrases.event("about", tag, child=names[0]) if at.happening.has_times and names else ""


def _choices(gateway: context.Gateway, at: papers.Papers, guest: EventGuest, tag: str) -> list[tuple[str, str, bool]]:
    """(value, words, whether it is chosen now): every free time, the one that it has among them."""
    mine = at.slot(guest)
    kept = guest.state is GuestState.OFFERED or (mine is not None and mine.again)
    if kept or not at.happening.has_times:
        coming, leaving = (offers.said(one, [tag])[tag] for one in (offers.COMING, offers.NOT_COMING))
        coming = papers.label(at.happening, mine, tag) if kept else coming
        return [
            (offers.COMING, coming, guest.state in (GuestState.COMING, GuestState.WAITING)),
            (offers.NOT_COMING, leaving, guest.state is GuestState.NOT_COMING),
        ]
    form, now = at.form(guest), gateway.now()
    ahead = [one for one in at.slots.values() if slots.is_for(one, form) and not one.again and one.starts_at > now]
    free = [one for one in ahead if one is mine or slots.is_free(one)]
    times = [(f"{offers.SLOT}{one.id}", papers.label(at.happening, one, tag), one is mine) for one in free]
    if not times:  # for the waiting list
        coming = offers.said(offers.COMING, [tag])[tag]
        times = [(offers.COMING, coming, guest.state is GuestState.WAITING)]
    return [
        *times,
        (offers.NO_TIME, offers.said(offers.NO_TIME, [tag])[tag], guest.state is GuestState.PHONE),
        (offers.NOT_COMING, offers.said(offers.NOT_COMING, [tag])[tag], guest.state is GuestState.NOT_COMING),
    ]


def _language(gateway: context.Gateway, visit: Visit) -> str:
    """The language of whoever looks, where our words in it may be used."""
    tag = visit.contact.written_language or gateway.settings.school.language
    wanted = offers.tags_of([tag])
    spoken = tellings.spoken(visit.at.happening, wanted)
    return next((one for one in spoken if one != languages.ENGLISH), languages.ENGLISH)
