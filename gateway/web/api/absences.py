"""Register marks in, and what became of every child who was not accounted for."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

import sqlalchemy as sa
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from starlette.responses import Response

from gateway import errors
from gateway.absence import board, cases, chronology, deeds, export, registers, rules, views
from gateway.database import Session
from gateway.models import AbsenceCase, AbsenceStep, CaseState, DaySession, Pupil
from gateway.models.types import core
from gateway.registers import marks, reading
from gateway.web import site
from gateway.web.api import bodies, callers, once, paging

routes = APIRouter(tags=["absences"])

_MOST = 20_000  #: marks in one request: a big school's day, twice

Day = Annotated[date | None, Query(alias="date", description="Which day; today, if none is given")]


def _small(given: object) -> object:
    """Files and people write AM and PM."""
    return given.lower() if isinstance(given, str) else given


class MarkGiven(BaseModel):
    """One mark of a register."""

    model_config = ConfigDict(extra="forbid")

    pupil: str = Field(max_length=80, description="MIS id or UPN of the pupil")
    date: date
    session: Annotated[Literal["am", "pm"], BeforeValidator(_small)]
    code: str = Field(max_length=8, description="Register code; empty or - where no register was taken")
    minutes_late: int | None = Field(default=None, ge=0, le=400, description="Since the session began")
    arrived: str = Field(default="", max_length=8, description="When a late pupil came, as 09:42")
    comment: str = Field(default="", max_length=500)


class MarksGiven(BaseModel):
    """Marks, and what the caller calls their source."""

    model_config = ConfigDict(extra="forbid")

    marks: list[MarkGiven] = Field(max_length=_MOST)
    source: str = Field(default="", max_length=80, description="Such as the MIS's name")


class MarksTaken(BaseModel):
    """What marks changed. Those with mistakes were left out, and ``problems`` says why."""

    new: int
    changed: int
    same: int
    not_taken: int = Field(description="Marks that say that no register was taken")
    problems: list[str]


class Absence(BaseModel):
    """A child who is, or was, not accounted for in one session."""

    id: int
    pupil: str = Field(description="MIS id of the pupil")
    name: str
    form: str
    date: date
    session: DaySession
    state: CaseState
    by: str = Field(description="Who knows; the person who took over, where it is handed over")
    code: str = Field(description="Register code: suggested, unless decided_by is given")
    decided_by: str
    decided_at: datetime | None
    comment: str
    goes_first: bool
    opened_at: datetime
    next_at: datetime | None = Field(description="When the ladder goes on, or a rest ends")
    arrived_at: datetime | None


class DayBoard(BaseModel):
    """A day in numbers. Morning and afternoon of one child are one child."""

    date: date
    headline: str = Field(description="The state of affairs in a sentence")
    pupils: int = Field(description="How many should come")
    here: int = Field(description="In school, by the register or by whoever has seen them")
    absent: int = Field(description="Those who are or were away; the six numbers below add up to it")
    open: int = Field(description="Those of them who are not yet accounted for: the first four")
    unexplained: int
    phone: int = Field(description="Nobody answered, or what is said does not fit")
    answered: int = Field(description="An answer must be read")
    asked: int
    confirm: int = Field(description="The family has told why; the office has to take the code")
    explained: int
    missing: list[str] = Field(description="Forms whose register is not complete")


class Step(BaseModel):
    """One line of a case's chronology."""

    at: datetime
    kind: str
    who: str
    facts: dict[str, Any]


class AbsenceDetails(Absence):
    """A case with everything that happened."""

    steps: list[Step]


class Settled(BaseModel):
    """Where the child is, by a person's word."""

    model_config = ConfigDict(extra="forbid")

    state: Literal["seen", "explained", "safe", "handed_over"]
    who: str = Field(max_length=200, description="Who says so, or who takes the child over")
    code: str = Field(default="", max_length=8, description="Register code, with explained")
    comment: str = Field(default="", max_length=500)
    arrived_at: bodies.Moment | None = Field(
        default=None, description="With seen: when the child came, with its time zone"
    )


@routes.post("/marks", response_model=MarksTaken, summary="Take register marks in")
async def take_marks(request: Request, given: MarksGiven, caller: callers.Caller, gate: once.Once) -> Response:
    """The same marks again change nothing; later ones change marks, and what follows from them."""
    gateway = site.of(request).gateway
    decided = rules.load(gateway.settings, gateway.year)
    written = [
        reading.Written(
            one.pupil,
            one.date.isoformat(),
            one.session,
            one.code,
            "" if one.minutes_late is None else str(one.minutes_late),
            one.arrived,
            one.comment,
            line,
        )
        for line, one in enumerate(given.marks, 1)
    ]

    async def deed(session: Session) -> once.Done:
        found = await reading.sort(session, written, decided.for_reading, file="", today=gateway.today())
        source = marks.Source(given.source or caller.author, caller.author)
        changes = await registers.take_in(session, gateway, decided, found.all, source)
        new = sum(not change.before for change in changes)
        return once.Done(
            MarksTaken(
                new=new,
                changed=len(changes) - new,
                same=found.same(changes),
                not_taken=found.blank,
                problems=[str(problem) for problem in found.problems],
            )
        )

    return await gate.do(deed)


@routes.get("/absences", summary="The absence cases of a day")
async def listing(
    request: Request, day: Day = None, state: Annotated[list[CaseState] | None, Query()] = None
) -> list[Absence]:
    """All of them, or those in some states, in the order in which they were opened."""
    gateway = site.of(request).gateway
    async with gateway.database.read() as session:
        found = await views.listed(session, day=day or gateway.today(), states=state or (), limit=_MOST)
    return [Absence(**_plain(case, pupil)) for case, pupil in found]


@routes.get("/absences/board", summary="How many children are away on a day, and how they stand")
async def day_board(request: Request, day: Day = None) -> DayBoard:
    """The numbers of the office's page Today, from the same reading."""
    gateway = site.of(request).gateway
    decided, now = rules.load(gateway.settings, gateway.year), gateway.now()
    async with gateway.database.read() as session:
        found = await board.read(session, decided, day or gateway.today(), board.session_of(decided, now))
    counts = {stand.name.lower(): number for stand, number in found.counts.items()}
    return DayBoard(
        date=found.day, headline=found.headline(), absent=found.absent, open=found.open, here=found.here,
        pupils=found.pupils, missing=[form.name for form in found.without_register], **counts,
    )  # fmt: skip


@routes.get("/absences/export", summary="A day's codes and comments as CSV", response_class=Response)
async def export_day(request: Request, caller: callers.Caller, day: Day = None) -> Response:
    """For the MIS: what the register says, what is known now, who decided, and when."""
    gateway = site.of(request).gateway
    decided, on = rules.load(gateway.settings, gateway.year), day or gateway.today()
    async with gateway.database.write() as session:
        lines = await views.day_list(session, decided, on)
        await gateway.log.record(session, export.shown(on, to=caller.author), now=gateway.now())
    headers = {"Content-Disposition": f'attachment; filename="absences-{on:%Y-%m-%d}.csv"'}
    text = export.csv_of(lines, timezone=gateway.timezone)
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)


@routes.get("/absences/{case_id}", summary="One case and everything that happened")
async def one(request: Request, case_id: paging.Id, caller: callers.Caller) -> AbsenceDetails:
    """From the first mark to the state of the child; that somebody looked is written down."""
    gateway = site.of(request).gateway
    async with gateway.database.write() as session:
        case = await session.get(AbsenceCase, case_id)
        if case is None:
            raise errors.NotFound(f"There is no absence case {case_id}.")
        pupil = await session.get_one(Pupil, case.pupil_id)
        t = core(AbsenceStep).c
        steps = await session.scalars(sa.select(AbsenceStep).where(t.case_id == case_id).order_by(t.at, t.id))
        shown = [Step(at=step.at, kind=step.kind, who=step.who, facts=step.facts) for step in steps]
        await gateway.log.record(session, chronology.shown(case_id, to=caller.author), now=gateway.now())
    return AbsenceDetails(**_plain(case, pupil), steps=shown)


@routes.post("/absences/{case_id}/settle", response_model=Absence, summary="Say where a child is")
async def settle(
    request: Request, case_id: paging.Id, said: Settled, caller: callers.Caller, gate: once.Once
) -> Response:
    """Whoever was asked is told, unless somebody takes the child over."""
    gateway = site.of(request).gateway
    decided = rules.load(gateway.settings, gateway.year)

    async def deed(session: Session) -> once.Done:
        verdict = deeds.Verdict(CaseState(said.state), said.who, said.code, said.comment, said.arrived_at)
        await deeds.settle(session, gateway, decided, case_id, verdict, by=caller.author)
        case = await cases.find(session, case_id)
        return once.Done(Absence(**_plain(case, await session.get_one(Pupil, case.pupil_id))))

    return await gate.do(deed)


def _plain(case: AbsenceCase, pupil: Pupil) -> dict[str, Any]:
    kept = ("id", "date", "session", "state", "by", "code", "decided_by", "decided_at", "comment", "opened_at")
    return {name: getattr(case, name) for name in (*kept, "next_at", "arrived_at")} | {
        "pupil": pupil.source_id,
        "name": f"{pupil.called} {pupil.surname}",
        "form": pupil.form,
        "goes_first": case.fast,
    }
