"""Families: found by a child, a grown-up, a number or a form; and one family with everything that was said."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import sqlalchemy as sa
from markupsafe import Markup, escape
from sqlmodel import col, select
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from gateway import audit, context, errors
from gateway.absence import board, rules, views
from gateway.absence.board import Stand
from gateway.database import Session
from gateway.families import finding, hearing, known, mending
from gateway.freshness import evidence, nagging
from gateway.models import ContactPoint, Guardianship, ImportRun, PointKind, WhatWorks, Wish
from gateway.preferences import topics, wishes
from gateway.reports import figures, updates
from gateway.web import site
from gateway.web.office import door, frame, naming, standing, visitors
from gateway.web.office.rights import Right
from templates import languages

_LARGEST_ID: Final = 2**31 - 1
_YEARS: Final = range(2000, 2200)  #: in which something was said
_LONGEST: Final = 80  #: characters of what is looked for
_MEDIA: Final = {"sms": "text", "email": "email", "voice": "call"}
_WISHES: Final = {Wish.AT_ONCE: "at once", Wish.DIGEST: "with the day’s news", Wish.OFF: "not wanted"}


def routes(pages: frame.Pages) -> list[BaseRoute]:
    """``/families``, one family, what of it is locked, and asking whether a detail is right."""
    shown, see = Pages(pages), Right.SEE_FAMILIES
    one = "/families/{family:int}"
    return [
        door.page("/families", shown.everybody, right=see),
        door.page(one, shown.one, right=see),
        door.page(f"{one}/locked", shown.locked, right=Right.SEE_LOCKED),
        door.page(f"{one}/points/{{point:int}}/ask", shown.ask, right=Right.ASK_FAMILIES, methods=("POST",)),
    ]


@dataclass(frozen=True, slots=True)
class Pages:
    """The pages."""

    pages: frame.Pages

    async def everybody(self, request: Request) -> Response:
        """A field to look for somebody, the forms, and whom it finds."""
        gateway, visitor = site.of(request).gateway, visitors.of(request)
        words = " ".join(request.query_params.get("q", "").split())[:_LONGEST]
        form = request.query_params.get("form", "")
        if not words and not form and len(visitor.forms) == 1:
            form = next(iter(visitor.forms))
        wanted = finding.Wanted(words, form, visitor.sees, visitor.may(Right.SEE_LOCKED))
        async with gateway.database.read() as session:
            found = await finding.find(session, wanted, today=gateway.today())
        forms = dict(sorted(found.forms.items(), key=lambda one: board.by_year(one[0])))
        if form and form not in found.forms:
            raise HTTPException(404, f"No child on roll is in a form {form} that you see.")
        return await self.pages.render(
            request, "families.html", here="families", found=found, forms=forms, words=words, form=form,
            marked=_marker(words, hide=visitor.hide_names), language=_language, most=finding.MOST,
        )  # fmt: skip

    async def one(self, request: Request) -> Response:
        """One family."""
        return await self._one(request)

    async def locked(self, request: Request) -> Response:
        """The same, with the name and numbers of whoever must never be contacted. That somebody looked is written."""
        gateway, visitor = site.of(request).gateway, visitors.of(request)
        response = await self._one(request, locked=True)
        line = audit.Line("family.locked_shown", f"family:{_id(request, 'family')}", {}, visitor.signature)
        async with gateway.database.write() as session:
            await gateway.log.record(session, line, now=gateway.now())
        return response

    async def ask(self, request: Request) -> Response:
        """Ask whoever has this phone or mailbox whether their details are right."""
        here, visitor = site.of(request), visitors.of(request)
        await door.form(request)
        try:
            async with here.gateway.database.write() as session:
                family = await family_of(session, here.gateway, visitor, _id(request, "family"))
                person = await _owner(session, family, _id(request, "point"))
                await mending.ask(session, here.gateway, person.contact.id, by=visitor.signature)
        except errors.Conflict as error:
            return await self._one(request, problem=str(error))
        here.planned()
        tag = person.contact.written_language
        tongue = f" in {languages.english(tag)}" if tag else ""
        said = f"{person.full_name} is asked{tongue}. The answer is noted here by itself."
        return self.pages.done(request, f"/families/{family.id}", said)

    async def _one(self, request: Request, *, locked: bool = False, problem: str = "") -> Response:
        gateway, visitor = site.of(request).gateway, visitors.of(request)
        async with gateway.database.read() as session:
            family = await family_of(session, gateway, visitor, _id(request, "family"))
            values = await read(session, gateway, visitor, family, request.query_params)
        title = f"{naming.plain(family.name, hide=visitor.hide_names)} family"
        return await self.pages.render(
            request, "family.html", status=409 if problem else 200, here="families", family=family, title=title,
            locked=locked, problem=problem, language=_language, **values,
        )  # fmt: skip


async def family_of(
    session: Session, gateway: context.Gateway, visitor: visitors.Visitor, pupil_id: int
) -> known.Family:
    """The family of a child. Raises :class:`errors.NotFound`, and 403 for a teacher who has none of its children."""
    try:
        return await known.read(session, pupil_id, today=gateway.today(), sees=visitor.sees)
    except errors.NotFound:
        if visitor.forms:
            raise HTTPException(403, "No child of this family is in a form of yours.") from None
        raise


async def _owner(session: Session, family: known.Family, point_id: int) -> known.Person:
    point = await session.get(ContactPoint, point_id)
    owner = next((one for one in family.persons if point is not None and one.contact.id == point.contact_id), None)
    if owner is None:
        raise errors.NotFound("This phone or mailbox is not on file for this family any more.")
    return owner


async def read(
    session: Session,
    gateway: context.Gateway,
    visitor: visitors.Visitor,
    family: known.Family,
    given: Mapping[str, str],
) -> dict[str, Any]:
    """Everything on the page of one family, in one view of the database."""
    today = gateway.today()
    ids = [one.contact.id for one in family.persons]
    decided = rules.load(gateway.settings, gateway.year)
    teacher = bool(visitor.forms)
    wanted = hearing.Wanted(
        kind=given.get("show", "") if given.get("show", "") in hearing.KINDS else "",
        before=_moment(given.get("before", "")),
        replies=visitor.may(Right.SEE_REPLIES),
        own=teacher,
    )
    said, more = await hearing.read(session, family, wanted)
    period = figures.Period(_term(gateway), today, gateway.timezone)
    pupil_ids = [child.id for child in family.children]
    points = await _points(session, gateway, ids)
    return {
        "points": points,
        "away": {
            case.pupil_id: board.child_of(case, pupil, decided)
            for case, pupil in await views.listed(session, day=today, pupil_ids=pupil_ids)
        },
        "wishes": await _wishes(session, gateway, family, points),
        "heard": await updates.of_children(session, period, pupil_ids),
        "term": period.first,
        "bars": await _bars(session, family),
        "copied": await _copied(session),
        "lead": decided.lead,
        "entries": said,
        "more": said[-1].at.isoformat() if more else "",
        "show": wanted.kind,
        "kinds": hearing.KINDS,
        "before": wanted.before,
        "label": {one.contact.id: _label(one, family) for one in family.persons},
        "stands": Stand,
    }


async def _points(
    session: Session, gateway: context.Gateway, ids: Sequence[int]
) -> Mapping[int, Sequence[standing.Standing]]:
    now, when = gateway.now(), naming.when(gateway.now, gateway.timezone)
    asked = await nagging.asked(session, gateway, ids)
    found = await evidence.of_contacts(session, ids, gateway.settings.freshness, now=now)
    return {
        contact_id: [standing.of(one, when=when, now=now, asked_at=asked.get(one.point.id or 0)) for one in row]
        for contact_id, row in found.items()
    }


@dataclass(frozen=True, slots=True)
class Wishes:
    """What one grown-up asked for: ``lines`` are topic and how, ``order`` the media that work best with them."""

    person: known.Person
    lines: Sequence[tuple[str, str]]
    order: str = ""
    stopped: str = ""

    @property
    def reads(self) -> str:
        """The language of texts and emails."""
        return self.person.contact.written_language

    @property
    def hears(self) -> str:
        """The language of calls."""
        return self.person.contact.spoken_language


async def _wishes(
    session: Session, gateway: context.Gateway, family: known.Family, points: Mapping[int, Sequence[standing.Standing]]
) -> list[Wishes]:
    asked = [one for one in family.persons if one.responsible]
    ids = [one.contact.id for one in asked]
    works = await session.scalars(select(WhatWorks).where(col(WhatWorks.contact_id).in_(ids)))
    orders = {row.contact_id: ", then ".join(_MEDIA[one] for one in row.media.split()) for row in works}
    return [
        Wishes(
            one,
            [_wish(gateway, chosen) for chosen in await wishes.shown(session, one.contact.id)],
            orders.get(one.contact.id, "").capitalize(),
            ", ".join(
                f"{'emails' if point.point.kind is PointKind.EMAIL else 'texts'}"
                for point in points.get(one.contact.id, ())
                if point.evidence.state == "stopped"
            ).capitalize(),
        )
        for one in asked
    ]


def _wish(gateway: context.Gateway, one: wishes.Chosen) -> tuple[str, str]:
    topic = {topics.EVERY: "Everything", topics.OTHER: "The rest"}.get(one.topic)
    topic = topic or gateway.preferences.topics.shown(one.topic, "en", drafts=True).capitalize()
    return topic, f"{_WISHES[one.wish]} by {_MEDIA[one.medium.value]}"


async def _bars(session: Session, family: known.Family) -> Mapping[int, tuple[datetime | None, str]]:
    """When each bar was set by a person of the school, and by whom; by contact. Of an import nobody knows more."""
    ids = [tie.id for one in family.barred for tie in one.ties]
    if not ids:
        return {}
    rows = await session.scalars(select(Guardianship).where(col(Guardianship.id).in_(ids)))
    found = dict[int, tuple[datetime | None, str]]()
    for tie in rows:
        lines = await audit.lines_about(session, f"tie:{tie.id}", action="tie.barred", limit=1)
        by = lines[0].actor.partition(":")[2] or lines[0].actor if lines else ""
        found[tie.contact_id] = (tie.bar_confirmed_at, by)
    return found


async def _copied(session: Session) -> datetime | None:
    """When names and forms last came from the school's records."""
    at: datetime | None = await session.scalar(
        sa.select(sa.func.max(col(ImportRun.at))).where(col(ImportRun.undone_at).is_(None))
    )
    return at


def _term(gateway: context.Gateway) -> date:
    """The first day of this term; of the school's year where the calendar has no terms."""
    days, today = gateway.year.days, gateway.today()
    firsts = [first for first, _ in (days.whole or days.terms) if first <= today]
    return max(firsts) if firsts else figures.period(None, None, today=today, timezone=gateway.timezone).first


def _label(person: known.Person, family: known.Family) -> str:
    """``Mum``, where there is one; nobody's name is in it."""
    same = [one for one in family.persons if one.relation == person.relation]
    return person.relation if person.relation and len(same) == 1 else ""


def _moment(given: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(given)
    except ValueError:
        return None
    return found if found.tzinfo and found.year in _YEARS else None


def _id(request: Request, name: str) -> int:
    return min(int(request.path_params[name]), _LARGEST_ID)


def _language(tag: str) -> str:
    return languages.english(tag) if tag else "English"


def _marker(words: str, *, hide: bool) -> Any:
    """Marks what was looked for in a name; with names hidden there is nothing to mark."""
    parts = [re.escape(one) for one in words.split() if one]

    def marked(name: str) -> Markup:
        text = naming.plain(name, hide=hide)
        if hide or not parts:
            return Markup("<bdi>{}</bdi>").format(text)
        pieces = re.split(f"({'|'.join(parts)})", text, flags=re.IGNORECASE)
        inside = "".join(f"<mark>{escape(one)}</mark>" if n % 2 else str(escape(one)) for n, one in enumerate(pieces))
        return Markup(f"<bdi>{inside}</bdi>")  # noqa: S704  # nosec B704

    return marked
