"""What is held of people: shown to whoever asks, erased, and let go in time, by the functions of ``handbell person``.

Nobody comes here by a teacher's way: whoever answers for data protection looks somebody up who may have left long ago.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlmodel import col, select
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from gateway import audit, context, errors
from gateway.database import Session
from gateway.families import somebody
from gateway.models import Contact, Guardianship, Pupil
from gateway.privacy import belongings, erasing, exporting, holdings, retention, scrubbing
from gateway.privacy.belongings import Person
from gateway.privacy.holdings import Clock
from gateway.web import site
from gateway.web.office import cures, door, frame, visitors
from gateway.web.office.rights import Right

_HERE: Final = "/data-protection"
_LARGEST_ID: Final = 2**31 - 1
_LONGEST: Final = 80  #: characters of what is looked for
#: Why somebody is erased, for the audit log: what is chosen, and what stands there. Nobody's name can be in it.
WHYS: Final[Mapping[str, str]] = {
    "asked": "They have asked for it",
    "left": "They have left, and nothing of them is needed",
    "mistake": "They were on file by mistake",
}
#: What each clock is about.
_CLOCKS: Final[Mapping[Clock, str]] = {
    Clock.WORDS: "Words of messages and answers",
    Clock.ATTENDANCE: "Absences, and what was said about them",
    Clock.RECEIVED: "What came, as the provider sent it",
    Clock.CODES: "Codes, questions and tries to sign in",
    Clock.IMPORTS: "What an import changed",
    Clock.RECORDS: "To which number it went, and what was done",
}
_FILES: Final = {"html": "text/html", "json": "application/json"}

Faults = Sequence[tuple[str, str]]


def routes(pages: frame.Pages) -> list[BaseRoute]:
    """``/data-protection``, one person, their record as a file, and erasing them."""
    shown, right = Pages(pages), Right.ANSWER_FOR_DATA
    one = f"{_HERE}/{{kind}}/{{person:int}}"
    return [
        door.page(_HERE, shown.overview, right=right),
        door.page(one, shown.one, right=right),
        door.page(f"{one}/record", shown.record, right=right, methods=("POST",)),
        door.page(f"{one}/erase", shown.plan, right=right),
        door.page(f"{one}/erase", shown.erase, right=right, methods=("POST",)),
    ]


@dataclass(frozen=True, slots=True)
class Pages:
    """The pages."""

    pages: frame.Pages

    async def overview(self, request: Request) -> Response:
        """A field to look for somebody, how long everything is kept, and what went last night."""
        gateway, given = site.of(request).gateway, request.query_params
        words = " ".join(given.get("q", "").split())[:_LONGEST]
        if person := _named(words):
            return RedirectResponse(_path(person), status_code=303)
        counts = given.get("count") == "yes"
        async with gateway.database.read() as session:
            found, matching = await somebody.find(session, words, today=gateway.today())
            due = await retention.due(session, gateway) if counts else []
            night, provider = await retention.last_night(session), await scrubbing.waiting(session)
        clocks = [
            (clock, retention.days(gateway, clock), list(rules))
            for clock, rules in itertools.groupby(retention.RULES, key=lambda rule: rule.clock)
        ]
        return await self.pages.render(
            request, "data_protection.html", here="data-protection", words=words, found=found, matching=matching,
            path_of=_path, clocks=clocks, called=_CLOCKS, night=night, provider=provider,
            due={one.rule: one.rows for one in due} if counts else None, kept=gateway.settings.retention,
            sounds=gateway.settings.phone_line.retention_days, what=lambda table: holdings.HOLDINGS[table].what,
        )  # fmt: skip

    async def one(self, request: Request) -> Response:
        """What is held of one person, by kind. That somebody looked is written down."""
        gateway, visitor, person = site.of(request).gateway, visitors.of(request), _person(request)
        response = await self._one(request, person)
        line = audit.Line("person.held_shown", person.subject, {}, visitor.signature)
        async with gateway.database.write() as session:
            await gateway.log.record(session, line, now=gateway.now())
        return response

    async def record(self, request: Request) -> Response:
        """All of it as a file: the page to read, or JSON; the line of the log is that of ``handbell person export``."""
        gateway, form, person = site.of(request).gateway, await door.form(request), _person(request)
        kind = form.get("as", "html")
        asked = exporting.Asked(person, door.number(form.get("for", "")) or None, "health" in form)
        if kind not in _FILES:
            raise HTTPException(422, "A record is a page or JSON.")
        try:
            async with gateway.database.read() as session:
                await _own(session, request, person)
                found = await exporting.read(session, gateway, asked)
        except errors.Conflict as error:
            return await self._one(request, person, problems=[("for", str(error))])
        async with gateway.database.write() as session:
            await exporting.record(session, gateway, asked, by=visitors.of(request).signature)
        school = gateway.settings.school.name
        text = exporting.html(found, school=school) if kind == "html" else exporting.json_of(found)
        name = f"{person.kind}-{person.id}.{kind}"
        return Response(
            text, media_type=_FILES[kind], headers={"Content-Disposition": f'attachment; filename="{name}"'}
        )

    async def plan(self, request: Request) -> Response:
        """What would go and what would stay, and why. Nothing is changed."""
        return await self._plan(request, {})

    async def erase(self, request: Request) -> Response:
        """Erase them, once their number is typed; their name is nowhere afterwards, in the log neither."""
        gateway, form, person = site.of(request).gateway, await door.form(request), _person(request)
        problems = list[tuple[str, str]]()
        if form.get("why", "") not in WHYS:
            problems.append(("why", "Choose why"))
        if form.get("confirm", "").strip().casefold() != person.subject:
            problems.append(("confirm", f"Type {person.subject}, so that nobody is erased by a slip"))
        if problems:
            return await self._plan(request, dict(form), problems=problems)
        try:
            async with gateway.database.write() as session:
                await _own(session, request, person)
                by = visitors.of(request).signature
                await erasing.erase(session, gateway, person, by=by, why=WHYS[form["why"]])
        except errors.Conflict:
            return await self._plan(request, dict(form), status=409)  # which says why
        said = f"{person.subject} is erased, for ever."
        try:
            await erasing.scour(gateway.database)
        except errors.Conflict as error:
            said = str(error)
        return self.pages.done(request, _HERE, said)

    async def _one(self, request: Request, person: Person, *, problems: Faults = ()) -> Response:
        gateway = site.of(request).gateway
        async with gateway.database.read() as session:
            own = await _own(session, request, person)
            rows = await belongings.of(session, gateway, person)
            asking = await _asking(session, gateway, person)
            family = await _family(session, gateway, person)
        held = [(holdings.HOLDINGS[name], len(theirs)) for name, theirs in rows.items()]
        return await self.pages.render(
            request, "person_data.html", status=422 if problems else 200, here="data-protection", person=person,
            own=own, held=held, asking=asking, family=family, problems=problems, address=_path(person),
            erased=erasing.is_erased(own),
        )  # fmt: skip

    async def _plan(
        self, request: Request, given: Mapping[str, Any], *, problems: Faults = (), status: int = 0
    ) -> Response:
        gateway, person = site.of(request).gateway, _person(request)
        found, refusal = None, ""
        async with gateway.database.read() as session:
            own = await _own(session, request, person)
            try:
                found = await erasing.plan(session, gateway, person)
            except errors.Conflict as error:
                refusal = cures.without_commands(str(error))
        return await self.pages.render(
            request, "person_erase.html", status=status or (422 if problems else 200), here="data-protection",
            person=person, own=own, found=found, refusal=refusal, whys=WHYS, given=given, problems=problems,
            address=_path(person), what=lambda table: holdings.HOLDINGS[table].what,
        )  # fmt: skip


async def _own(session: Session, request: Request, person: Person) -> Contact | Pupil:
    """The person's own row. Raises :class:`errors.NotFound`, and 403 for whom only some may see."""
    visitor, today = visitors.of(request), site.of(request).gateway.today()
    own = await belongings.load(session, person)
    if not visitor.may(Right.SEE_LOCKED) and await somebody.is_locked(session, person, today=today):
        sentence = "Whoever must not be contacted about a child is locked: ask the head or the safeguarding lead."
        raise HTTPException(403, sentence)
    return own


async def _asking(session: Session, gateway: context.Gateway, person: Person) -> list[tuple[Contact, str]]:
    """Who may ask for a child's record: its grown-ups, with what they are to it."""
    if person.kind != belongings.PUPIL:
        return []
    query = select(Contact, Guardianship).join(Guardianship).where(Guardianship.pupil_id == person.id)
    rows = await session.execute(query.order_by(col(Guardianship.priority), col(Contact.id)))
    return [(contact, tie.relation) for contact, tie in rows if not tie.no_contact]


async def _family(session: Session, gateway: context.Gateway, person: Person) -> int | None:
    """A child on roll of theirs, whose family's page there is."""
    _, children = await belongings.family(session, person)
    if person.kind == belongings.CONTACT:
        mine = select(Guardianship.pupil_id).where(Guardianship.contact_id == person.id)
        children = set(await session.scalars(mine))
    found = await session.scalars(select(Pupil).where(col(Pupil.id).in_(children)).order_by(col(Pupil.id)))
    return next((one.id for one in found if one.left_on is None or one.left_on >= gateway.today()), None)


def _person(request: Request) -> Person:
    kind, number = request.path_params["kind"], min(int(request.path_params["person"]), _LARGEST_ID)
    if kind not in (belongings.CONTACT, belongings.PUPIL):
        raise HTTPException(404)
    return Person(kind, number)


def _named(words: str) -> Person | None:
    """Whom somebody calls as the commands do: ``contact:12``."""
    try:
        return belongings.named(words)
    except errors.BadInput:
        return None


def _path(person: Person) -> str:
    return f"{_HERE}/{person.kind}/{person.id}"
