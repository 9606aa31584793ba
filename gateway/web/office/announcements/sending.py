"""One announcement from the moment that its button was pressed: live, by family, with what to do for the rest."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import sqlalchemy as sa
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from channels.base import Medium
from gateway import audit, errors, guard, notices, spreadsheet
from gateway.accounts import signatures
from gateway.announcements import again, causes, drafts, progress, said
from gateway.campaigns import deeds
from gateway.database import Session
from gateway.definitions import model, reading
from gateway.letters import needing, pdf, printing
from gateway.models import About, Campaign, Contact, Message, Notice, NoticeState, Pupil, Reply, Run
from gateway.models.types import core
from gateway.web import site
from gateway.web.office import door, frame, live, naming, visitors
from gateway.web.office.announcements import stage
from gateway.web.office.rights import Right
from templates import languages, words
from templates.errors import WordingError

_TITLES: Final = {Medium.SMS: "Texts", Medium.EMAIL: "Emails", Medium.VOICE: "Calls"}
_NAMED: Final = 60  #: children that a group names
_LATE: Final = timedelta(hours=12)  #: by so much the time of what is held has passed before it may be untrue


def routes(pages: frame.Pages, streams: live.Live) -> list[BaseRoute]:
    """``/announcements/{key}`` and what is done to it."""
    parts = ("stand", "state", "acts", "reach", "media", "untold", "tongues", "answers")
    view = streams.add(live.View("announcement", "announcement.html", parts, Right.SEE_ANNOUNCEMENTS, read, own=True))
    shown, post, sends = Pages(pages, streams, view), ("POST",), Right.SEND_ANNOUNCEMENTS
    return [
        door.page("/announcements/{key}", shown.show, right=Right.SEE_ANNOUNCEMENTS),
        door.page("/announcements/{key}/approve", shown.approve, right=Right.APPROVE_ANNOUNCEMENTS, methods=post),
        door.page("/announcements/{key}/pause", shown.pause, right=sends, methods=post),
        door.page("/announcements/{key}/resume", shown.resume, right=sends, methods=post),
        door.page("/announcements/{key}/stop", shown.stop, right=Right.WRITE_ANNOUNCEMENTS, methods=post),
        door.page("/announcements/{key}/again", shown.again, right=sends, methods=post),
        door.page("/announcements/{key}/letters", shown.letters, right=sends, methods=post),
        door.page("/announcements/{key}/letters.pdf", shown.letters_pdf, right=sends),
        door.page("/announcements/{key}/report.csv", shown.report, right=Right.SEE_ANNOUNCEMENTS),
    ]


@dataclass(frozen=True, slots=True)
class Pages:
    """The pages."""

    pages: frame.Pages
    streams: live.Live
    view: live.View

    async def show(self, request: Request) -> Response:
        """How far it has come, alive."""
        return await self.streams.show(request, self.view)

    async def approve(self, request: Request) -> Response:
        """The second person lets it go."""
        here = site.of(request)
        async with here.gateway.database.write() as session:
            notice = await _mine(session, request)
            await notices.approve(session, here.gateway, notice.id, approver=visitors.of(request).signature)
        here.planned()
        return self.pages.done(request, stage.path(notice), f"“{notice.title}” may go.")

    async def pause(self, request: Request) -> Response:
        """Hold back what has not left."""
        here, by = site.of(request), visitors.of(request).signature
        async with here.gateway.database.write() as session:
            notice = await _mine(session, request)
            if reading.stored(notice.definition).schedule.repeats:
                await deeds.pause(session, here.gateway, notice.id, by=by)
                said_ = "Paused: it does not go out again until you resume it."
            else:
                await notices.pause(session, here.gateway, notice.id, by=by)
                said_ = "Paused. Messages already with the phone company may still arrive. Nobody will get it twice."
        return self.pages.done(request, stage.path(notice), said_)

    async def resume(self, request: Request) -> Response:
        """Let it go on."""
        here, by = site.of(request), visitors.of(request).signature
        async with here.gateway.database.write() as session:
            notice = await _mine(session, request)
            if reading.stored(notice.definition).schedule.repeats:
                await deeds.resume(session, here.gateway, notice.id, by=by)
            else:
                await notices.resume(session, here.gateway, notice.id, by=by)
        here.planned()
        return self.pages.done(request, stage.path(notice), "It goes on where it stopped.")

    async def stop(self, request: Request) -> Response:
        """Take back what has not left; before anything has, it is a draft again."""
        here, visitor = site.of(request), visitors.of(request)
        async with here.gateway.database.write() as session:
            notice = await _mine(session, request)
            if not visitor.may(Right.SEND_ANNOUNCEMENTS) and notice.author != visitor.signature:
                raise HTTPException(403, "This announcement is somebody else's.")
            draft = await drafts.stop(session, here.gateway, notice, by=visitor.signature)
        if draft is not None:
            return self.pages.done(
                request, f"/announcements/{draft.id}/edit", "Stopped. Nothing has left; it is a draft again."
            )
        return self.pages.done(request, stage.path(notice), "Stopped. Whatever had not left was taken back.")

    async def again(self, request: Request) -> Response:
        """Try those of one cause by another way."""
        here, form = site.of(request), await door.form(request)
        gateway, by = here.gateway, visitors.of(request).signature
        cause, medium = causes.by_key(form.get("cause", "")), form.get("by", "")
        if cause is None or medium not in set(Medium):
            raise HTTPException(422, "This is no way to try again.")
        async with gateway.database.write() as session:
            notice = await _mine(session, request)
            run = await progress.latest_run(session, notice)
            if run is None:
                raise errors.Conflict("Nothing of it has gone out yet.")
            found = await progress.read(
                session, run.id or 0, today=gateway.today(), default_language=gateway.settings.school.language
            )
            group = next((one for one in found.groups if one.cause.key == cause.key), None)
            if group is None:
                raise errors.Conflict("These families have been reached meanwhile.")
            sent = await again.send(session, gateway, notice, run, group, Medium(medium), by=by)
        here.planned()
        way = said.NAMES[Medium(medium)]
        who = f"{sent} {'person' if sent == 1 else 'people'}"
        return self.pages.done(request, stage.path(notice), f"It goes to {who} by {way} now.")

    async def letters(self, request: Request) -> Response:
        """Make the letters ready for those whom nothing reaches; their file is the next page."""
        gateway, by = site.of(request).gateway, visitors.of(request).signature
        async with gateway.database.write() as session:
            notice = await _mine(session, request)
            batch = await printing.make(session, gateway, by=by, key=notice.key)
        back = stage.path(notice)
        if not batch.letters:
            why = "Nobody needs a letter: everybody has a number or a mailbox that works."
            if without := len(batch.without):
                why = f"{naming.count(without, 'family has', 'families have')} no postal address on file."
            return self.pages.done(request, back, why)
        try:
            await asyncio.to_thread(pdf.make, printing.page(gateway, batch.letters))
        except errors.HandbellError as error:  # what nobody can hold in their hands was not printed
            async with gateway.database.write() as session:
                await printing.forget(session, gateway, batch, by=by)
            return self.pages.done(request, back, str(error))
        return door.to(f"{back}/letters.pdf?batch={batch.name}")

    async def letters_pdf(self, request: Request) -> Response:
        """A batch of letters as a file; the log says who had it."""
        gateway, name = site.of(request).gateway, request.query_params.get("batch", "")
        async with gateway.database.write() as session:
            await _mine(session, request)
            letters = await printing.again(session, gateway, name, by=visitors.of(request).signature)
        body = await asyncio.to_thread(pdf.make, printing.page(gateway, letters))
        headers = {"Content-Disposition": f'attachment; filename="letters-{name}.pdf"', "Cache-Control": "no-store"}
        return Response(body, media_type="application/pdf", headers=headers)

    async def report(self, request: Request) -> Response:
        """Every message and every silence as a table; that it was taken is written down."""
        gateway, visitor = site.of(request).gateway, visitors.of(request)
        async with gateway.database.write() as session:
            notice = await _mine(session, request)
            if visitor.hide_names:
                return self.pages.done(request, stage.path(notice), "Show names first: this file is full of them.")
            run = await progress.latest_run(session, notice)
            rows = await _rows(session, run.id or 0) if run else []
            line = audit.Line(
                "announcement.report_shown", f"notice:{notice.id}", {"rows": len(rows)}, visitor.signature
            )
            await gateway.log.record(session, line, now=gateway.now())
        headers = {"Content-Disposition": f'attachment; filename="{notice.key}.csv"', "Cache-Control": "no-store"}
        return Response(_csv(rows, gateway.timezone), media_type="text/csv; charset=utf-8", headers=headers)


async def read(here: site.Site, visitor: visitors.Visitor, given: Mapping[str, str]) -> Mapping[str, Any]:
    """Everything on the page, from one view of the database."""
    gateway, now, today = here.gateway, here.gateway.now(), here.gateway.today()
    async with gateway.database.read() as session:
        notice = await notices.find(session, given.get("key", ""))
        check_mine(notice, visitor)
        definition, run = reading.stored(notice.definition), await progress.latest_run(session, notice)
        campaign = await session.get(Campaign, notice.id)
        found, ways, letters = progress.Progress(), dict[str, list[again.Offer]](), 0
        if run is not None:
            found = await progress.read(
                session, run.id or 0, today=today, default_language=gateway.settings.school.language
            )
            if visitor.may(Right.SEND_ANNOUNCEMENTS) and notice.state is not NoticeState.CANCELLED:
                ways = await again.offers(session, gateway, notice, run, found)
                if found.groups and not found.families.to_try:
                    letters = len(await needing.every(session, gateway, key=notice.key))
        replies = await _replies(session, run, definition) if run else []
        ends = await progress.finish(session, run.id or 0, now=now) if run and found.families.open else None
        stopped = await audit.lines_about(session, f"notice:{notice.id}", action="notice.cancelled", limit=1)
    how = stage.of(notice, run, found.families if run else None, now=now)
    if campaign is not None and campaign.paused_at is not None:
        how = stage.Stage("paused", "Paused", "amber")
    goes_at = notice.next_fire_at or (run.fire_at if run else None)
    return {
        "notice": notice,
        "definition": definition,
        "stage": how,
        "progress": found,
        "offers": ways,
        "letters": letters,
        "replies": replies,
        "run": run,
        "path": stage.path(notice),
        "title": title(how, found, notice),
        "to": said.to(definition.audience),
        "how": said.how(definition),
        "english_words": _in_english(here, definition),
        "author": stage.by(notice.author),
        "approver": stage.by(notice.approver),
        "stopper": stage.by(stopped[0].actor) if stopped else "",
        "at": stage.day_and_time(goes_at, gateway.timezone, today) if goes_at else "",
        "late": goes_at is not None and now - goes_at > _LATE,
        "second": f"{goes_at.astimezone(gateway.timezone):%H:%M:%S}".lstrip("0") if goes_at else "",
        "own": signatures.objection(visitor.signature, notice.author),
        "may_stop": visitor.may(Right.SEND_ANNOUNCEMENTS) or notice.author == visitor.signature,
        "ends": ends,
        "later": {medium for step in definition.steps[1:] for medium in step.media} - {*definition.steps[0].media},
        "cost": sum(share.all for share in found.by_medium.values()),
        "english": languages.english,
        "direction": languages.direction,
        "channels": _TITLES,
        "by_way": said.NAMES,
        "lost": found.families.not_reached,
        "here": "announcements",
        "most": _NAMED,
    }


def title(how: stage.Stage, found: progress.Progress, notice: Notice) -> str:
    """The state of affairs in a sentence."""
    families = found.families
    if how.key == "broken":
        return f"“{notice.title}” could not be sent"
    if how.key == "held":
        return "It waits for a second person"
    if how.key in ("hold", "waiting", "making") and not families.all:
        return "It is being made ready" if how.key == "making" else "Nothing has left yet"
    if not families.all:
        return "It was stopped before anything had left" if how.key == "stopped" else "Nobody was told"
    if families.reached == families.all:
        return f"All {families.all:,} families reached" if families.all > 1 else "The family is reached"
    return f"{families.reached:,} of {naming.count(families.all, 'family', 'families')} reached"


def check_mine(notice: Notice, visitor: visitors.Visitor) -> None:
    """A teacher sees what they wrote themselves. Raises 403."""
    if visitor.role == "teacher" and notice.author != visitor.signature:
        raise HTTPException(403, "This announcement is somebody else's.")


async def _mine(session: Session, request: Request) -> Notice:
    notice = await notices.find(session, str(request.path_params["key"]))
    check_mine(notice, visitors.of(request))
    return notice


def _in_english(here: site.Site, definition: model.Definition) -> str:
    """What a ready wording says by text to a family that reads English; empty where it names children."""
    if not definition.template:
        return ""
    school = here.gateway.settings.school
    given = definition.template_values() | {"school": school.short_name, "school_phone": school.phone}
    try:
        return words.prepare(definition.template, language=languages.ENGLISH, medium="sms").fill(given).text
    except WordingError:
        return ""


async def _replies(session: Session, run: Run, definition: model.Definition) -> list[tuple[int, str]]:
    """What families have answered so far: a number and words for each answer that there is."""
    reply = core(Reply).c
    query = (
        sa.select(reply.option, sa.func.count(sa.distinct(sa.func.coalesce(reply.contact_id, -reply.id))))
        .where(reply.run_id == run.id, reply.keyword.is_(None))
        .group_by(reply.option)
    )
    labels = {option.key: option.label.get("en", option.key) for option in definition.replies.options}
    found = [(number, f"answered “{labels.get(option, option)}”" if option else "wrote in their own words")
             for option, number in await session.execute(query)]  # fmt: skip
    return sorted(found, reverse=True)


async def _rows(session: Session, run_id: int) -> Sequence[Sequence[Any]]:
    message, about, pupil, contact = core(Message).c, core(About).c, core(Pupil).c, core(Contact).c
    query = (
        sa.select(
            pupil.source_id, pupil.forename, pupil.surname, pupil.form, contact.title, contact.forename,
            contact.surname, message.medium, message.step, message.language, message.state, message.reason,
            message.reason_text, message.parts, message.pence, message.changed_at,
        )
        .join(core(About), about.message_id == message.id)
        .join(core(Pupil), pupil.id == about.pupil_id)
        .outerjoin(core(Contact), contact.id == message.contact_id)
        .where(message.run_id == run_id)
        .order_by(pupil.form, pupil.surname, pupil.forename, pupil.id, message.step, message.id)
    )  # fmt: skip
    return (await session.execute(query)).all()


def _csv(rows: Sequence[Sequence[Any]], timezone: Any) -> str:
    lines = list[Sequence[object]]([(
        "Pupil ID", "Forename", "Surname", "Form", "Told", "By", "Step", "Language", "State", "Why", "Texts", "Pence",
        "At",
    )])  # fmt: skip
    for source, forename, surname, form, *who, medium, step, language, state, reason, text, parts, pence, at in rows:
        told = " ".join(part for part in who if part)
        why = str(text or guard.REASONS.get(reason, reason))
        local = f"{at.astimezone(timezone):%Y-%m-%d %H:%M:%S}"
        lines.append((source, forename, surname, form, told, Medium(medium).value, step + 1, language, state.value,
                      why, parts, round(pence, 2), local))  # fmt: skip
    return "\ufeff" + spreadsheet.csv_of(lines)
