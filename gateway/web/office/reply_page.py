"""What the page Replies shows: the list with its groups, one conversation, and what Handbell suggests about it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any, Final, Literal
from urllib.parse import urlencode

import sqlalchemy as sa
from sqlmodel import col, select
from starlette.exceptions import HTTPException

from gateway import context, errors
from gateway.absence import board, rules, strangers, views
from gateway.accounts import staff
from gateway.database import Session
from gateway.desk import answering, canned, english, inbox, promise, thread
from gateway.models import AbsenceCase, CaseState, Contact, Conversation, ConversationState, Guardianship, Pupil
from gateway.roles import Role
from gateway.understanding import reading
from gateway.web import site
from gateway.web.office import door, naming, rights, visitors
from gateway.web.office.rights import Right
from scheduler import calendar
from templates import languages

Show = Literal["waiting", "mine", "them", "sorted"]
#: The tabs: what each is called, and what stands over a list of it with one line and with several.
TABS: Final[Mapping[Show, tuple[str, str, str]]] = {
    "waiting": ("Needs a person", "reply needs a person", "replies need a person"),
    "mine": ("Mine", "conversation is yours to answer", "conversations are yours to answer"),
    "them": ("Waiting for them", "family is to answer", "families are to answer"),
    "sorted": ("Sorted today", "conversation sorted today", "conversations sorted today"),
}
_WHICH: Final[Mapping[Show, thread.Which]] = {"waiting": "needs", "mine": "open", "them": "them", "sorted": "closed"}
_MOST: Final = 60  #: lines of a list

#: The ready answer that goes with a register code.
_THANKS: Final = {"I": "get-well"}
_ELSE: Final = "thanks"
#: Whom a case of today still needs.
_UNDECIDED: Final = frozenset(
    {
        CaseState.ASKING,
        CaseState.UNREAD,
        CaseState.EXPECTED,
        CaseState.ALARM,
        CaseState.TO_CONFIRM,
        CaseState.HANDED_OVER,
    }
)


@dataclass(frozen=True, slots=True)
class Group:
    """Lines under one heading."""

    key: str
    title: str
    rows: Sequence[inbox.Row]


@dataclass(frozen=True, slots=True)
class Decision:
    """An absence of today that this conversation is about, and what is suggested.

    ``code``     the suggested one, ``""`` where Handbell is not sure; ``because`` the words that led there
    ``preview``  what the family gets with it, None where nothing can be sent; ``answer`` is the key of that
    """

    case: AbsenceCase
    pupil: Pupil
    stand: board.Stand
    code: str
    because: Sequence[str]
    answer: str
    preview: answering.Preview | None


@dataclass(frozen=True, slots=True)
class Talk:
    """One conversation. ``reads`` is the language that whoever writes reads, by its tag."""

    root: Conversation
    row: inbox.Row
    thread: thread.Thread
    reads: str
    up_to: int
    after: str
    decisions: Sequence[Decision]
    barred: Sequence[Pupil]
    self_barred: Sequence[Pupil]
    guesses: Sequence[strangers.Guess]
    owners: Sequence[str]
    needs: bool

    @property
    def owner(self) -> str:
        """Who is to answer, as people are called."""
        return self.root.owner.removeprefix("office:").removeprefix("api:")

    @property
    def waits(self) -> bool:
        """Whether it can be sorted: it is open."""
        return self.root.state is ConversationState.OPEN


async def read(here: site.Site, visitor: visitors.Visitor, given: Mapping[str, str]) -> dict[str, Any]:
    """Everything on the page, in one view of the database."""
    gateway = here.gateway
    show, words = asked_show(given), " ".join(given.get("q", "").split())[:80]
    scope = inbox.of(visitor.role, visitor.name, visitor.forms)
    async with gateway.database.read() as session:
        counts = await inbox.sizes(
            session,
            waiting=inbox.query("needs", scope, gateway),
            mine=inbox.query("open", _mine(scope, visitor), gateway),
            them=inbox.query("them", scope, gateway),
            sorted=_sorted_today(scope, gateway),
        )
        found = await _found(session, gateway, scope, visitor, show, words)
        rows = await inbox.rows(session, found[:_MOST], today=gateway.today())
        decided = rules.load(gateway.settings, gateway.year)
        chosen = door.number(given.get("conversation") or given.get("at", "")) or (rows[0].root.id if rows else 0)
        talk = await _talk(session, gateway, decided, visitor, rows, chosen or 0) if chosen else None
        usual = await inbox.usual_wait(session, _midnight(gateway)) if not rows else None
    alone = "conversation" in given
    more = {"show": show, **({"q": words} if words else {})}
    return {
        "show": show,
        "words": words,
        "tabs": [(tab, TABS[tab][0], counts[tab]) for tab in TABS],
        "counts": counts,
        "title": _title(show, words, len(found) if words else counts[show]),
        "groups": _groups(gateway, rows, decided) if show == "waiting" and not words else [Group("all", "", rows)],
        "found": len(found),
        "chosen": chosen,
        "talk": talk,
        "alone": alone,
        "usual": usual,
        "more": urlencode(more),
        "hours": promise.load(gateway.settings, gateway.year).hours,
        "meanings": {code.code: code.meaning.partition(" (")[0] for code in decided.codes.on(gateway.today())},
        "lead": decided.lead,
        "ready": _ready_ones(gateway),
        "language": lambda tag: languages.english(tag) if tag else "",
        "live": urlencode({"page": "replies", **more, **({"conversation": chosen} if alone else {"at": chosen or ""})}),
        "given": {},
        "problems": [],
    }


def asked_show(given: Mapping[str, str]) -> Show:
    """The tab that an address asks for."""
    found: Show
    for found in ("mine", "them", "sorted"):
        if given.get("show") == found:
            return found
    return "waiting"


async def ids(here: site.Site, visitor: visitors.Visitor, given: Mapping[str, str]) -> list[int]:
    """The conversations of a tab, in its order: the next one opens by itself."""
    scope = inbox.of(visitor.role, visitor.name, visitor.forms)
    async with here.gateway.database.read() as session:
        found = await _found(session, here.gateway, scope, visitor, asked_show(given), "")
        rows = await inbox.rows(session, found[:_MOST], today=here.gateway.today())
        decided = rules.load(here.gateway.settings, here.gateway.year)
    return [row.root.id or 0 for group in _groups(here.gateway, rows, decided) for row in group.rows]


async def allowed(session: Session, gateway: context.Gateway, visitor: visitors.Visitor, root: Conversation) -> None:
    """Raises 403 for a conversation that a teacher may not read."""
    ties = await inbox.ties_of(session, {root.contact_id or 0}, today=gateway.today())
    if not inbox.of(visitor.role, visitor.name, visitor.forms).sees(root, ties.get(root.contact_id or 0, ())):
        raise HTTPException(403, "This conversation was not given to you, or is with a family of another form.")


def _mine(scope: inbox.Scope, visitor: visitors.Visitor) -> inbox.Scope:
    return inbox.Scope(visitor.name, scope.forms)


def _midnight(gateway: context.Gateway) -> datetime:
    return calendar.to_utc(datetime.combine(gateway.today(), time()), gateway.timezone)


async def _found(
    session: Session, gateway: context.Gateway, scope: inbox.Scope, visitor: visitors.Visitor, show: Show, words: str
) -> list[Any]:
    if words:
        wanted = inbox.looked_for(words, scope, gateway)
    else:
        which = _WHICH[show]
        wanted = inbox.query(which, _mine(scope, visitor) if show == "mine" else scope, gateway)
        wanted = thread.in_turn(_sorted_today(scope, gateway) if show == "sorted" else wanted, which)
    return [(root, contact) for root, contact in await session.execute(wanted)]


def _sorted_today(scope: inbox.Scope, gateway: context.Gateway) -> sa.Select[Conversation, Contact]:
    return inbox.query("closed", scope, gateway).where(col(Conversation.closed_at) >= _midnight(gateway))


def _title(show: Show, words: str, number: int) -> str:
    if words:
        return f"{naming.count(number, 'conversation')} found"
    if not number:
        return {"waiting": "Nobody is waiting", "mine": "Nothing is yours to answer", "them": "No family is to answer",
                "sorted": "Nothing was sorted today"}[show]  # fmt: skip
    _, one, many = TABS[show]
    return naming.count(number, one, many)


def _groups(gateway: context.Gateway, rows: Sequence[inbox.Row], decided: rules.Rules) -> list[Group]:
    """What is urgent first, then absences, then everything else, each in its order."""
    urgent = [row for row in rows if row.root.urgent]
    absences = [row for row in rows if not row.root.urgent and (row.root.kind == "absence" or _undecided(row))]
    others = [row for row in rows if row not in urgent and row not in absences]
    due = min((row.root.due_at for row in absences if row.root.due_at), default=None)
    before = ""
    if due is not None:
        before = ", answer before " if due > gateway.now() else ", should have had an answer at "
        before += naming.clock(due, gateway.timezone)
    made = [
        Group("urgent", "Read now: a child may not be safe", urgent),
        Group("absences", f"Absences{before}", absences),
        Group("others", "Questions and messages", others),
    ]
    return [group for group in made if group.rows]


def _undecided(row: inbox.Row) -> bool:
    return any(case.state in _UNDECIDED for case in row.cases)


async def _talk(
    session: Session,
    gateway: context.Gateway,
    decided: rules.Rules,
    visitor: visitors.Visitor,
    rows: Sequence[inbox.Row],
    conversation_id: int,
) -> Talk:
    today, scope = gateway.today(), inbox.of(visitor.role, visitor.name, visitor.forms)
    said = await english.beside(session, gateway, await thread.read(session, conversation_id))
    row = next((one for one in rows if one.root.id == said.root.id), None) or await _row(session, gateway, said.root)
    if not scope.sees(said.root, row.ties):
        raise HTTPException(403, "This conversation was not given to you, or is with a family of another form.")
    replies = [int(one.id) for one in said.said if one.kind == "reply"]
    last = next((one for one in reversed(said.said) if one.kind == "reply"), None)
    reads = (row.contact.written_language if row.contact else "") or ""
    acts = visitor.may(Right.ACT_ON_ABSENCES)
    decisions = await _decisions(session, gateway, decided, row, last, reads) if acts else []
    children = [tie.pupil for tie in row.ties]
    barred = await _with_a_bar(session, gateway, [one.id or 0 for one in children])
    guesses: Sequence[strangers.Guess] = ()
    if row.contact is None and last is not None and scope.forms is None:
        guesses = await strangers.guess(session, last.text, today=today)
    return Talk(
        said.root,
        row,
        said,
        reads,
        max(replies, default=0),
        await answering.last_answer(session, said.root),
        decisions,
        [one for one in children if one.id in barred],
        [tie.pupil for tie in row.ties if tie.barred],
        guesses,
        await _may_answer(session, visitor, row.ties) if visitor.may(Right.ANSWER_REPLIES) else (),
        await session.scalar(select(Conversation.id).where(Conversation.id == said.root.id, thread.needs(today)))
        is not None,
    )


async def _row(session: Session, gateway: context.Gateway, root: Conversation) -> inbox.Row:
    """The line of a conversation that the list beside it has not."""
    today = gateway.today()
    wanted = thread.listed("all", owner="", now=gateway.now(), today=today).where(col(Conversation.id) == root.id)
    found = [(one, contact) for one, contact in await session.execute(wanted)]
    (row,) = await inbox.rows(session, found, today=today)
    return row


async def _with_a_bar(session: Session, gateway: context.Gateway, pupil_ids: Sequence[int]) -> set[int]:
    """The pupils about whom somebody must never be contacted."""
    ties = select(Guardianship).where(col(Guardianship.pupil_id).in_(pupil_ids), col(Guardianship.no_contact))
    return {tie.pupil_id for tie in await session.scalars(ties) if tie.barred_on(gateway.today())}


async def owners(
    session: Session, gateway: context.Gateway, visitor: visitors.Visitor, root: Conversation
) -> list[str]:
    """Who may be asked to answer; of teachers those of the children's forms, as the others could not read it."""
    ties = await inbox.ties_of(session, {root.contact_id or 0}, today=gateway.today())
    return await _may_answer(session, visitor, ties.get(root.contact_id or 0, ()))


async def _may_answer(session: Session, visitor: visitors.Visitor, ties: Sequence[inbox.Tie]) -> list[str]:
    people = [one for one in await staff.listed(session) if one.disabled_at is None and one.password]
    may = [one for one in people if rights.may(one.role, Right.ANSWER_REPLIES)]
    forms = await staff.forms(session, *[one.id for one in may if one.role is Role.TEACHER])
    theirs = {tie.pupil.form for tie in ties}
    names = [one.name for one in may if one.role is not Role.TEACHER or forms.get(one.id, frozenset()) & theirs]
    return [*([visitor.name] if visitor.name in names else []), *[name for name in names if name != visitor.name]]


async def _decisions(
    session: Session,
    gateway: context.Gateway,
    decided: rules.Rules,
    row: inbox.Row,
    last: thread.Said | None,
    reads: str,
) -> list[Decision]:
    """Today's absences of the children that this is about, as far as nobody has decided."""
    pupil_ids = {tie.pupil.id or 0 for tie in row.ties if not tie.barred} | {case.pupil_id for case in row.cases}
    if not pupil_ids:
        return []
    listed = await views.listed(session, day=gateway.today(), pupil_ids=pupil_ids)
    latest = {case.pupil_id: (case, pupil) for case, pupil in listed if case.state in _UNDECIDED}
    found = []
    for case, pupil in latest.values():
        code = case.code if case.state is CaseState.TO_CONFIRM else ""
        answer = _ready(gateway, code)
        found.append(
            Decision(
                case,
                pupil,
                board.child_of(case, pupil, decided).stand,
                code,
                _because(gateway, last, reads) if code else (),
                answer,
                await preview(session, gateway, row.root, answer),
            )
        )
    return sorted(found, key=lambda one: (not one.code, one.pupil.called))


@dataclass(frozen=True, slots=True)
class Ready:
    """An answer that is ready: what it says in English, with dots for the blanks that somebody fills in."""

    key: str
    title: str
    english: str
    blanks: Mapping[str, canned.Blank]


def _ready_ones(gateway: context.Gateway) -> list[Ready]:
    school = gateway.settings.school
    ours = {"{school}": school.short_name, "{school_phone}": school.phone}
    return [
        Ready(key, one.title, re.sub(r"\{\w+\}", lambda blank: ours.get(blank[0], "…"), one.text["en"]), one.values)
        for key, one in canned.load(gateway.settings).answers.items()
    ]


def _ready(gateway: context.Gateway, code: str) -> str:
    """The ready answer for a code: the school's file may have neither."""
    known = canned.load(gateway.settings).answers
    return next((key for key in (_THANKS.get(code, _ELSE), _ELSE) if key in known and not known[key].values), "")


async def preview(session: Session, gateway: context.Gateway, root: Conversation, key: str) -> answering.Preview | None:
    """What the family would get; None where that cannot be said or sent."""
    if not key:
        return None
    try:
        return await answering.preview(session, gateway, root, answering.Answer(canned=key))
    except errors.HandbellError:
        return None


def _because(gateway: context.Gateway, last: thread.Said | None, reads: str) -> list[str]:
    """The words of the last reply that led to what is suggested."""
    if last is None or not last.text:
        return []
    if last.text.strip().isdigit():
        return [last.text.strip()]
    asked = reading.Asked(gateway.today(), language=last.language or reads)
    found = reading.understand(last.text, asked, languages=gateway.known_words)
    return list(dict.fromkeys(quoted for one in found.because for quoted in re.findall(r"“([^”]+)”", one)))[:3]
