"""The check: warnings first, then every answer with a way to change it, every language in full, and one button."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from channels.base import Medium
from gateway import chosen, context, errors, notices, planner
from gateway.accounts import signatures
from gateway.accounts import staff as accounts
from gateway.announcements import checks, drafts, looking, outlook, said
from gateway.database import Session
from gateway.definitions import model, translated, words
from gateway.models import Account, AnnouncementDraft
from gateway.preferences import load
from gateway.web import site
from gateway.web.office import door, frame, naming, rights, visitors
from gateway.web.office.announcements import form, seen, stage, writing
from gateway.web.office.rights import Right
from templates import languages, plain

_MANY_PARTS: Final = plain.USUAL_PARTS


def routes(pages: frame.Pages, outlooks: seen.Outlooks) -> list[BaseRoute]:
    """``/announcements/{draft}/check``, and sending it."""
    shown, write = Pages(pages, outlooks), Right.WRITE_ANNOUNCEMENTS
    return [
        door.page("/announcements/{draft}/check", shown.check, right=write),
        door.page("/announcements/{draft}/send", shown.send, right=write, methods=("POST",)),
        door.page("/announcements/{draft}/ask", shown.ask, right=write, methods=("POST",)),
        door.page("/announcements/{draft}/looked", shown.looked, right=write, methods=("POST",)),
        door.page("/announcements/{draft}/copy", shown.copy, right=write, methods=("POST",)),
    ]


@dataclass(frozen=True, slots=True)
class Warned:
    """Something to know first: a sentence, its cure, and where it leads. ``grave``: it needs a tick to go on."""

    sentence: str
    where: str = ""
    cure: str = ""
    grave: bool = False


@dataclass(frozen=True, slots=True)
class Checked:
    """What was looked at: ``warned`` is wrong or worth a thought, ``fine`` is in order."""

    warned: Sequence[Warned]
    fine: Sequence[str]

    @property
    def grave(self) -> bool:
        """Whether somebody must say that it is meant."""
        return any(one.grave for one in self.warned)


@dataclass(frozen=True, slots=True)
class Pages:
    """The pages."""

    pages: frame.Pages
    outlooks: seen.Outlooks

    async def check(self, request: Request) -> Response:
        """Everything on one page."""
        return await self._check(request)

    async def send(self, request: Request) -> Response:
        """Hand it in. A teacher's waits for the office, a large one for a second person where the school says so."""
        here, visitor, sent = site.of(request), visitors.of(request), await door.form(request)
        gateway = here.gateway
        try:
            async with gateway.database.write() as session:
                draft = await writing.mine(session, request)
                written = await _written(session, request, draft)
                if isinstance(written, Response):
                    return written
                if sent.get("as_of", draft.changed_at.isoformat()) != draft.changed_at.isoformat():
                    changed = "Somebody has changed it since you opened this page. This would go now."
                    return await self._check(request, problem=changed, status=409)
                coming = await self.outlooks.of(session, gateway, written)
                found = look(gateway, written, coming, draft)
                if found.grave and sent.get("meant") != "yes":
                    return await self._check(request, problem="Say that it is meant, or change the words", status=422)
                key = await _key(session, gateway, written.title)
                definition = written.model_copy(update={"key": key})
                if not visitor.may(Right.SEND_ANNOUNCEMENTS):
                    definition = definition.model_copy(update={"approval": model.Approval(required=True)})
                notice = await drafts.send(session, gateway, draft, definition, by=visitor.signature)
        except errors.BadInput as error:
            return await self._check(request, problem=str(error), status=422)
        except errors.Conflict as error:
            return await self._check(request, problem=str(error), status=409)
        here.planned()
        return door.to(stage.path(notice))

    async def ask(self, request: Request) -> Response:
        """Ask a colleague to look at it first."""
        here, visitor, given = site.of(request), visitors.of(request), await door.form(request)
        mailed = False
        async with here.gateway.database.write() as session:
            draft = await writing.mine(session, request)
            found = {one.id: one for one in await _colleagues(session, visitor)}.get(given.get("colleague", ""))
            if found is not None:
                mailed = await looking.ask(session, here.gateway, draft, found, by=visitor.signature)
        if found is None:
            return await self._check(request, problem="Pick whom to ask", status=422)
        here.planned()
        told = "They get an email, and it" if mailed else "It"
        return self.pages.done(request, _path(draft), f"{found.name} is asked. {told} stands under what is to see to.")

    async def looked(self, request: Request) -> Response:
        """It is right, says the colleague."""
        here, by = site.of(request), visitors.of(request).signature
        async with here.gateway.database.write() as session:
            draft = await writing.mine(session, request)
            await looking.looked(session, here.gateway, draft, by=by)
        return self.pages.done(request, _path(draft), "Noted: you have looked at it.")

    async def copy(self, request: Request) -> Response:
        """Send whoever writes it what families will read."""
        here, visitor = site.of(request), visitors.of(request)
        async with here.gateway.database.write() as session:
            draft = await writing.mine(session, request)
            definition = await _written(session, request, draft)
            if isinstance(definition, Response):
                return definition
            coming = await self.outlooks.of(session, here.gateway, definition)
            me = await accounts.find(session, visitor.account)
            sent = await looking.copy(session, here.gateway, draft, coming, me, by=visitor.signature)
        here.planned()
        words = "A copy goes to your mailbox." if sent else "Nothing can be mailed from here, so you get no copy."
        return self.pages.done(request, _path(draft), words)

    async def _check(self, request: Request, *, problem: str = "", status: int = 200) -> Response:
        gateway, visitor = site.of(request).gateway, visitors.of(request)
        async with gateway.database.read() as session:
            draft = await writing.mine(session, request)
            definition = await _written(session, request, draft)
            if isinstance(definition, Response):
                return definition
            coming = await self.outlooks.of(session, gateway, definition)
            second = await notices.needs_second_person(session, gateway, definition)
            look_, colleagues = await looking.read(session, draft), await _colleagues(session, visitor)
        return await self.pages.render(
            request,
            "announcement_check.html",
            status=status,
            here="announcements",
            draft=draft,
            definition=definition,
            outlook=coming,
            checked=look(gateway, definition, coming, draft),
            problem=problem,
            look=look_,
            colleagues=colleagues,
            own=signatures.objection(visitor.signature, draft.changed_by),
            to=said.to(definition.audience),
            who=said.WHO[definition.audience.tell],
            how=said.how(definition),
            when=_when(gateway, definition, coming),
            reminder=_reminder(definition),
            second=second,
            waits=not visitor.may(Right.SEND_ANNOUNCEMENTS),
            direction=languages.direction,
            names=said.NAMES,
        )


def _path(draft: AnnouncementDraft) -> str:
    return f"/announcements/{draft.id}/check"


async def _colleagues(session: Session, visitor: visitors.Visitor) -> list[Account]:
    """Who may be asked to look at an announcement: who can open it."""
    return [
        one
        for one in await accounts.listed(session)
        if one.disabled_at is None and one.password and one.id != visitor.account
        and rights.may(one.role, Right.SEND_ANNOUNCEMENTS)
    ]  # fmt: skip


def look(
    gateway: context.Gateway, definition: model.Definition, coming: outlook.Outlook, draft: AnnouncementDraft
) -> Checked:
    """Everything that is looked at before it may leave."""
    edit, warned, fine = f"/announcements/{draft.id}/edit", list[Warned](), list[str]()
    texts = [*definition.text.values(), *(str(value) for value in definition.values.values())]
    if heard := checks.sounds_like_absence([*texts, definition.title], template=definition.template):
        warned.append(
            Warned(f"It sounds like an absence message: “{heard}”. {coming.families:,} families may think that their "
                   "child is missing.", f"{edit}#text", "Change the words", grave=True)
        )  # fmt: skip
    else:
        fine.append("This wording does not sound like an absence message")
    _days(gateway, definition, f"{edit}#text", warned, fine)
    _languages(definition, coming, f"{edit}#texts-h", gateway.settings.languages.allow_drafts, warned)
    if not coming.reachable:
        warned.append(Warned("Nobody can be reached: no message would leave.", f"{edit}#who", "Pick others"))
    elif coming.unreachable:
        n = coming.unreachable
        warned.append(
            Warned(f"{n:,} {'family' if n == 1 else 'families'} cannot be reached. A letter can be printed for them "
                   "afterwards.", "/contact-details", "See who")
        )  # fmt: skip
    _hours(gateway, definition, coming, f"{edit}#day-f", warned, fine)
    _size(definition, coming, f"{edit}#text", warned)
    if coming.seen.meter and coming.seen.meter.over:
        warned.append(Warned(" ".join(load.sentences(coming.seen.meter))))
    warned += [Warned(_plain(one, gateway), f"{edit}#text", "Change the words")
               for _, one in words.lint(definition) if one.level == "warning" and one.code != "no_weekday"]  # fmt: skip
    barred = coming.barred
    fine.insert(0, "Nobody barred from contact is on the list" +
                (f" ({barred} {'person' if barred == 1 else 'people'} left out)" if barred else ""))  # fmt: skip
    fine.insert(1, "No family gets it twice by one phone or mailbox")
    return Checked(warned, fine)


def _plain(one: plain.Finding, gateway: context.Gateway) -> str:
    """What was found about the words, for somebody who sets no settings, fills in no braces, and counts texts."""
    cure = one.cure.replace("{school_phone}", gateway.settings.school.phone)
    if "languages.fold_accents" in cure:
        cure = "IT can have texts in that language sent without accents."
    return f"{one.sentence.replace(' parts instead', ' texts instead').replace(' parts.', ' texts.')} {cure}"


def _days(
    gateway: context.Gateway, definition: model.Definition, where: str, warned: list[Warned], fine: list[str]
) -> None:
    today = gateway.today()
    english = [definition.text.get("en", ""), *(str(value) for value in definition.values.values()), definition.title]
    found, never = checks.days("\n".join(english), today=today)
    warned += [Warned(f"There is no {written}.", where, "Correct the day") for written in never]
    wrong = [day for day in found if not day.agrees]
    warned += [
        Warned(f"Weekday and date do not agree: {naming.short_day(day.day)} is a {day.day:%A}, and you wrote "
               f"“{day.written}”.", where, "Correct the day")
        for day in wrong
    ]  # fmt: skip
    if (over := [day for day in found if day.day < today]) and not wrong:
        warned.append(Warned(f"{naming.short_day(over[0].day)} is over already.", where, "Correct the day"))
    if definition.event is not None:
        day = definition.event.starts
        fine.append(f"Date and weekday agree: {naming.short_day(day)} is a {day:%A}")
    elif found and not wrong and any(day.said for day in found):
        day_ = next(one for one in found if one.said).day
        fine.append(f"Date and weekday agree: {naming.short_day(day_)} is a {day_:%A}")


def _languages(
    definition: model.Definition, coming: outlook.Outlook, where: str, allowed: bool, warned: list[Warned]
) -> None:
    if not definition.text:
        _wording(coming, allowed, warned)
        return
    for one in coming.languages:
        tag, families = one.tag, f"{one.families:,} {'family' if one.families == 1 else 'families'}"
        if tag == languages.ENGLISH:
            continue
        how = translated.state(definition, tag) if tag in definition.text else ""
        if how in ("machine", "draft"):
            gets = "will see it with the English" if allowed else "get the English until somebody has checked it"
            warned.append(Warned(f"The {one.name} wording is a machine draft. {families} {gets}.", where, "Check it"))
        elif how == "stale":
            warned.append(Warned(f"The English has changed since the {one.name} was made: {families} get the English.",
                                 where, "Look at it"))  # fmt: skip
    missing = [one for one in coming.languages
               if one.tag != languages.ENGLISH and one.samples
               and all(sample.language != one.tag for sample in one.samples.values())
               and one.tag not in definition.text]  # fmt: skip
    if missing:
        n = sum(one.families for one in missing)
        names = said.listed([one.name for one in missing])
        read = "family reads" if n == 1 else "families read"
        warned.append(Warned(f"There are no words in {names}: {n:,} {read} the English, with a line in their own "
                             "language.", where, "Write them"))  # fmt: skip


def _wording(coming: outlook.Outlook, allowed: bool, warned: list[Warned]) -> None:
    """Of a ready wording: in which languages no person has read it, where such words may go out (``allowed``)."""
    if not allowed:  # those families get the English, which the language's own line says
        return
    drafts = [one for one in coming.languages if one.sample and one.sample.state in ("machine", "draft")]
    if drafts:
        n, names = sum(one.families for one in drafts), said.listed([one.name for one in drafts])
        see = "family gets" if n == 1 else "families get"
        warned.append(Warned(f"Nobody has checked this wording in {names}: {n:,} {see} a machine draft.", "/wording",
                             "Check it"))  # fmt: skip


def _hours(
    gateway: context.Gateway, definition: model.Definition, coming: outlook.Outlook, where: str,
    warned: list[Warned], fine: list[str],
) -> None:  # fmt: skip
    at = coming.seen.fire_at
    leaves = planner.leaves(definition, at, quiet=gateway.quiet, timezone=gateway.timezone)
    if leaves > at:
        when = stage.day_and_time(leaves, gateway.timezone, gateway.today())
        warned.append(Warned(f"It is outside sending hours: it waits until {when}.", where, "Change when"))
    else:
        fine.append("Inside sending hours")


def _size(definition: model.Definition, coming: outlook.Outlook, where: str, warned: list[Warned]) -> None:
    long = defaultdict[int, list[str]](list)
    for one in coming.languages:
        if (text := one.samples.get(Medium.SMS)) and text.parts > _MANY_PARTS:
            long[text.parts].append(one.name)
    if long:
        each = "; ".join(f"{parts} texts each in {said.listed(long[parts])}" for parts in sorted(long, reverse=True))
        warned.append(Warned(f"It is long: {each}. Some phones show them in pieces.", where, "Shorten it"))


def _when(gateway: context.Gateway, definition: model.Definition, coming: outlook.Outlook) -> str:
    if definition.schedule.at is None:
        return "Now: a minute after you press the button."
    said_ = stage.day_and_time(coming.seen.fire_at, gateway.timezone, gateway.today())
    return f"{said_[:1].upper()}{said_[1:]}."


def _reminder(definition: model.Definition) -> str:
    if definition.again is not None:
        return f"After {said.span(definition.again.after)}, only to families who have not replied"
    if definition.event is not None and definition.event.remind:
        return "The day before, by the answers that have come"
    return ""


async def _written(session: Session, request: Request, draft: AnnouncementDraft) -> model.Definition | Response:
    """What a draft says; or the way to where it is to be seen, once it was sent, or to be finished."""
    if draft.notice_id is not None:
        return door.to(f"/announcements/{draft.notice_id}")
    typed, notes = form.from_draft(draft.typed), form.notes_of(draft.typed)
    read = await form.read(session, site.of(request).gateway, typed, visitors.of(request), notes)
    return read.definition or door.to(f"/announcements/{draft.id}/edit")


async def _key(session: Session, gateway: context.Gateway, title: str) -> str:
    """A key that nobody has: the name in small letters, and the day."""
    plain_ = "".join(one if one.isalnum() and one.isascii() else "-" for one in title.casefold())
    name = "-".join(part for part in plain_.split("-") if part)[:48].strip("-") or "announcement"
    return await chosen.next_key(session, f"{name}-{gateway.today():%Y-%m-%d}")
