"""One absence: where is this child? Whom to ring, what they said, what was tried, and what comes next by itself."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from gateway import errors, guard
from gateway.absence import board, chronology, deeds, needs, rules, states, views
from gateway.absence.board import Stand
from gateway.database import Session
from gateway.models import AbsenceCase, CaseState, Guardianship, Pupil
from gateway.models.types import core
from gateway.web import site
from gateway.web.office import door, frame, live, naming, visitors
from gateway.web.office.rights import Right
from templates import languages

_FIELDS: Final = ("why", "who", "words", "act")
_LONGEST: Final = 500  #: characters of what somebody told us
HOLD: Final = timedelta(seconds=12)  #: so long families are not told: Undo is there for ten seconds
_POLICY: Final = "default-src 'none'; style-src {style}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


@dataclass(frozen=True, slots=True)
class Choice:
    """Something that somebody may have told us, with the register code that it comes to."""

    key: str
    label: str
    code: str = ""
    hint: str = ""


ON_THE_WAY: Final = "on-the-way"
NOT_THROUGH: Final = "not-through"
CHOICES: Final = (
    Choice("ill", "Ill", "I"),
    Choice("medical", "Doctor, dentist or hospital", "M"),
    Choice(ON_THE_WAY, "On the way in now", "U", "You are told if they do not come"),
    Choice("leave", "Leave we have agreed", "C", "A funeral, a visa appointment"),
    Choice("unauthorised", "Away without permission", "O"),
    Choice(NOT_THROUGH, "I could not get through", "", "We keep trying the others"),
)
_BY_KEY: Final = {choice.key: choice for choice in CHOICES}


def routes(pages: frame.Pages, streams: live.Live) -> list[BaseRoute]:
    """``/absences/{case}`` and what may be done there; ``/absences/missing``, the reasons still to be found."""
    parts = ("state", "phones", "answer", "tried", "known")
    view = streams.add(live.View("absence", "absence.html", parts, Right.SEE_TODAY, read))
    shown = Acts(pages, streams, view)
    see, act = Right.SEE_TODAY, Right.ACT_ON_ABSENCES
    return [
        door.page("/absences/missing", shown.missing, right=see),
        door.page("/absences/{case:int}", shown.show, right=see),
        door.page("/absences/{case:int}/print", shown.printed, right=act),
        door.page("/absences/{case:int}", shown.save, right=act, methods=("POST",)),
        door.page("/absences/{case:int}/confirm", shown.confirm, right=act, methods=("POST",)),
        door.page("/absences/{case:int}/unconfirm", shown.unconfirm, right=act, methods=("POST",)),
        door.page("/absences/{case:int}/undo", shown.undo, right=act, methods=("POST",)),
        door.page("/absences/{case:int}/ask-on", shown.ask_on, right=act, methods=("POST",)),
    ]


async def read(here: site.Site, visitor: visitors.Visitor, given: Mapping[str, str]) -> Mapping[str, Any]:
    """Everything on the page.

    Raises :class:`errors.NotFound`, and 403 for a child of another teacher's form.
    """
    gateway = here.gateway
    decided, now, today = rules.load(gateway.settings, gateway.year), gateway.now(), gateway.today()
    async with gateway.database.read() as session:
        page = await chronology.read(session, door.number(given.get("case", "")), today=today)
        if not visitor.sees(page.pupil.form):
            raise HTTPException(403, "This child is in another form than yours.")
        child = board.child_of(page.case, page.pupil, decided)
        (need,) = await needs.read(session, [child], today=today)
        siblings = await _siblings(session, page.pupil, today, decided)
    return {
        "here": "today",
        "title": _title(child, hide=visitor.hide_names),
        "child": child,
        "case": page.case,
        "pupil": page.pupil,
        "age": _age(page.pupil.born, today),
        "need": need,
        "to_ring": page.to_ring,
        "phones": [(person, number) for person in page.to_ring for number in person.numbers or ("",)],
        "language": lambda tag: languages.english(tag) if tag else "",
        "since": _since(child, page),
        "entries": [(_icon(entry), entry) for entry in _shown(page, locked=visitor.may(Right.SEE_LOCKED))],
        "coming": needs.coming([child], decided, now=now),
        "siblings": siblings,
        "meanings": {code.code: code.meaning.partition(" (")[0] for code in decided.codes.on(page.case.date)},
        "lead": decided.lead,
        "choices": CHOICES,
        "given": dict.fromkeys(_FIELDS, ""),
        "problems": [],
        "stands": Stand,
    }


#: What an entry of the chronology begins with, and the icon beside it.
_ICONS: Final = {
    "Marked": "circle-dashed",
    "Begun": "circle-dashed",
    "Step": "message-square",
    "The mark": "list-checks",
    "A person": "phone",
    "Staff": "phone",
    "Whoever": "message-square",
    "Code": "check",
}
_UNREACHED: Final = "nobody could be asked this way."
_BARRED: Final = guard.REASONS["barred"]
_LOCKED: Final = "Nothing went to somebody who must never be contacted about this child."


def _since(child: board.Child, page: chronology.Page) -> datetime:
    """Since when the child stands as it does."""
    if child.stand is Stand.PHONE and page.case.state is CaseState.ASKING:
        asked = [entry.at for entry in page.entries if entry.what.startswith("A person was asked")]
        return asked[-1] if asked else page.case.changed_at
    return page.case.changed_at


def _shown(page: chronology.Page, *, locked: bool) -> Iterator[chronology.Entry]:
    """What was tried, as far as it helps now; who is barred stands there for those alone who may see that."""
    for entry in page.entries:
        detail = [line if locked or _BARRED not in line else _LOCKED for line in entry.detail]
        yield replace(entry, detail=() if entry.what.endswith(_UNREACHED) else detail)


def _icon(entry: chronology.Entry) -> str:
    """An icon that says at a glance what kind of thing happened."""
    if entry.what.endswith(_UNREACHED):
        return "circle-dashed"
    if any(line.startswith("call") for line in entry.detail):
        return "phone"
    return next((icon for begin, icon in _ICONS.items() if entry.what.startswith(begin)), "message-square-text")


def _title(child: board.Child, *, hide: bool) -> str:
    name, case = naming.plain(child.pupil, hide=hide), child.case
    if case is None or child.stand in board.OPEN:
        return f"Where is {name}?"
    if child.stand is Stand.CONFIRM:
        return f"Why is {name} away?"
    return f"{name}: {states.WORDS[case.state].lower()}{f' ({case.code})' if case.code else ''}"


def _age(born: date | None, today: date) -> int | None:
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day)) if born else None


async def _siblings(
    session: Session, pupil: Pupil, today: date, decided: rules.Rules
) -> list[tuple[Pupil, board.Child | None]]:
    """Who shares somebody who answers for them with this child, and how they stand today where they are away."""
    tie, other = core(Guardianship).c, core(Guardianship).alias("other").c
    mine = sa.select(tie.contact_id).where(
        tie.pupil_id == pupil.id, sa.or_(tie.lives_with, tie.parental_responsibility)
    )
    theirs = sa.select(other.pupil_id).where(
        other.contact_id.in_(mine), other.pupil_id != pupil.id, sa.or_(other.lives_with, other.parental_responsibility)
    )
    p = core(Pupil).c
    query = sa.select(Pupil).where(p.id.in_(theirs), sa.or_(p.left_on.is_(None), p.left_on >= today)).order_by(p.form)
    found = list(await session.scalars(query))
    if not found:
        return []
    ids = [one.id or 0 for one in found]
    away = {
        case.pupil_id: board.child_of(case, one, decided)
        for case, one in await views.listed(session, day=today, pupil_ids=ids)
    }
    return [(one, away.get(one.id or 0)) for one in found]


@dataclass(frozen=True, slots=True)
class Acts:
    """The page and its deeds. Each deed is one that the command line and the API have, too."""

    pages: frame.Pages
    streams: live.Live
    view: live.View

    async def show(self, request: Request) -> Response:
        """The page. That somebody looked at what happened is written down."""
        response = await self.streams.show(request, self.view)
        await self._looked(request)
        return response

    async def printed(self, request: Request) -> Response:
        """The chronology whole in one file, to hand on to safeguarding or the police."""
        visitor, gateway = visitors.of(request), site.of(request).gateway
        case_id = door.number(str(request.path_params["case"]))
        if visitor.hide_names:
            return self.pages.done(request, f"/absences/{case_id}", "Show names first: this page is full of them.")
        async with gateway.database.read() as session:
            page = await chronology.read(session, case_id, today=gateway.today())
        if not visitor.sees(page.pupil.form):
            raise HTTPException(403, "This child is in another form than yours.")
        await self._looked(request)
        body = chronology.html(
            page, school=gateway.settings.school.name, timezone=gateway.timezone, printed=gateway.now()
        )
        policy = _POLICY.format(style=_hash_of_style(body))
        headers = {"Content-Security-Policy": policy, "X-Robots-Tag": "noindex", "Cache-Control": "no-store"}
        return Response(body, media_type="text/html", headers=headers)

    async def save(self, request: Request) -> Response:
        """What they told us, or that somebody is worried."""
        form = await door.form(request)
        given = {name: form.get(name, "").strip() for name in _FIELDS}
        if given["act"] == "worry":
            return await self._worry(request, given)
        if given["act"] == "seen":
            return await self._settle(
                request, given, deeds.Verdict(CaseState.SEEN, _signed(request), "", given["words"])
            )
        choice = _BY_KEY.get(given["why"])
        if choice is None:
            return await self._again(request, given, [("why", "Pick what they told you")])
        if len(given["words"]) > _LONGEST:
            return await self._again(request, given, [("words", f"Write {_LONGEST} letters at most")])
        if choice.key == NOT_THROUGH:
            return await self._rang(request, given)
        who = given["who"] or "a parent"
        if choice.key == ON_THE_WAY:
            return await self._expect(request, given, who)
        return await self._settle(request, given, deeds.Verdict(CaseState.EXPLAINED, who, choice.code, given["words"]))

    async def confirm(self, request: Request) -> Response:
        """Take the code that an answer suggests."""
        here, case_id = site.of(request), door.number(str(request.path_params["case"]))
        decided = rules.load(here.gateway.settings, here.gateway.year)
        async with here.gateway.database.write() as session:
            case = await deeds.confirm(session, here.gateway, decided, case_id, by=_signed(request))
            name = await _name(session, case)
        here.planned()
        undo = f"/absences/{case_id}/unconfirm"
        return self.pages.done(request, "/today", _recorded(name, case, decided), undo=undo)

    async def unconfirm(self, request: Request) -> Response:
        """Undo: the answer waits to be confirmed again."""
        here, case_id = site.of(request), door.number(str(request.path_params["case"]))
        async with here.gateway.database.write() as session:
            await deeds.unconfirm(session, here.gateway, case_id, by=_signed(request))
        return self.pages.done(request, "/today", "Taken back.")

    async def undo(self, request: Request) -> Response:
        """Undo of what somebody saved a moment ago: nobody has been told."""
        here, case_id = site.of(request), door.number(str(request.path_params["case"]))
        async with here.gateway.database.write() as session:
            case = await deeds.unsettle(session, here.gateway, case_id, by=_signed(request))
            name = await _name(session, case)
        return self.pages.done(request, "/today", f"Taken back: {name} stands as before, and nobody was told.")

    async def ask_on(self, request: Request) -> Response:
        """The answer does not say where the child is: ask on."""
        here, case_id = site.of(request), door.number(str(request.path_params["case"]))
        async with here.gateway.database.write() as session:
            case = await deeds.resume(session, here.gateway, case_id, by=_signed(request))
            name = await _name(session, case)
        here.planned()
        return self.pages.done(request, "/today", f"We go on asking about {name}.")

    async def missing(self, request: Request) -> Response:
        """Absences whose reason is still to be found, with the school days that are left for it."""
        gateway, visitor = site.of(request).gateway, visitors.of(request)
        decided = rules.load(gateway.settings, gateway.year)
        async with gateway.database.read() as session:
            found = await views.ageing(session, decided, today=gateway.today())
        mine = [one for one in found if visitor.sees(one.form)]
        codes: dict[str, Any] = {
            "undecided": decided.codes.undecided,
            "later": decided.codes.later,
            "days": decided.codes.days,
        }
        return await self.pages.render(request, "missing.html", here="today", found=mine, **codes)

    async def _settle(self, request: Request, given: Mapping[str, str], verdict: deeds.Verdict) -> Response:
        here, case_id = site.of(request), door.number(str(request.path_params["case"]))
        decided = rules.load(here.gateway.settings, here.gateway.year)
        try:
            async with here.gateway.database.write() as session:
                by = _signed(request)
                case = await deeds.settle(session, here.gateway, decided, case_id, verdict, by=by, hold=HOLD)
                name = await _name(session, case)
        except (errors.BadInput, errors.Conflict) as error:
            return await self._again(request, given, [("why", str(error))])
        here.planned()
        explained = case.state is CaseState.EXPLAINED and case.code
        said = _recorded(name, case, decided) if explained else f"{name}: {states.WORDS[case.state].lower()}."
        return self.pages.done(request, "/today", said, undo=f"/absences/{case_id}/undo")

    async def _expect(self, request: Request, given: Mapping[str, str], who: str) -> Response:
        here, case_id = site.of(request), door.number(str(request.path_params["case"]))
        decided = rules.load(here.gateway.settings, here.gateway.year)
        try:
            async with here.gateway.database.write() as session:
                case = await deeds.expect(session, here.gateway, decided, case_id, who, by=_signed(request))
                name = await _name(session, case)
        except errors.Conflict as error:
            return await self._again(request, given, [("why", str(error))])
        until = naming.moment(case.next_at or here.gateway.now(), here.gateway.timezone)
        return self.pages.done(request, "/today", f"{name} is on the way. You are told if not here by {until}.")

    async def _rang(self, request: Request, given: Mapping[str, str]) -> Response:
        here, case_id = site.of(request), door.number(str(request.path_params["case"]))
        words = given["words"] or given["who"] or "no answer"
        async with here.gateway.database.write() as session:
            await deeds.rang(session, here.gateway, case_id, words, by=_signed(request))
        return self.pages.done(request, f"/absences/{case_id}", "Written down. We keep trying the others.")

    async def _worry(self, request: Request, given: Mapping[str, str]) -> Response:
        here, case_id = site.of(request), door.number(str(request.path_params["case"]))
        decided = rules.load(here.gateway.settings, here.gateway.year)
        try:
            async with here.gateway.database.write() as session:
                await deeds.worry(session, here.gateway, decided, case_id, given["words"], by=_signed(request))
        except (errors.BadInput, errors.Conflict) as error:
            return await self._again(request, given, [("why", str(error))])
        here.planned()
        return self.pages.done(request, f"/absences/{case_id}", f"Passed to {decided.lead}, who is told now.")

    async def _again(self, request: Request, given: Mapping[str, str], problems: list[tuple[str, str]]) -> Response:
        """The form once more, with everything that was typed."""
        return await self.streams.show(request, self.view, status=422, given=given, problems=problems)

    async def _looked(self, request: Request) -> None:
        gateway, case_id = site.of(request).gateway, door.number(str(request.path_params["case"]))
        async with gateway.database.write() as session:
            await gateway.log.record(session, chronology.shown(case_id, to=_signed(request)), now=gateway.now())


def _signed(request: Request) -> str:
    return visitors.of(request).signature


async def _name(session: Session, case: AbsenceCase) -> str:
    return naming.called(await session.get_one(Pupil, case.pupil_id))


def _recorded(name: str, case: AbsenceCase, decided: rules.Rules) -> str:
    known = decided.codes.known(case.code, case.date)
    word = known.meaning.partition(" (")[0].lower() if known else "code"
    return f"{name} recorded as {word} ({case.code})."


def _hash_of_style(body: str) -> str:
    """Allows the one style that stands in the page, and no other (CSP level 2)."""
    found = re.search(r"<style>(.*?)</style>", body, re.DOTALL)
    digest = hashlib.sha256((found[1] if found else "").encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
