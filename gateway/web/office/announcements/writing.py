"""Writing an announcement: who, what, how and when on one page, with what families will see beside it."""

from __future__ import annotations

from collections import defaultdict
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
from gateway import context, errors, people
from gateway.announcements import drafts, outlook, said
from gateway.database import Session
from gateway.definitions import model, translated
from gateway.models import AnnouncementDraft, Pupil, PupilGroup
from gateway.models.types import core
from gateway.translating import drafting, reviewing
from gateway.web import site
from gateway.web.office import door, frame, visitors
from gateway.web.office.announcements import form, seen
from gateway.web.office.rights import Right
from templates import languages, library, segments

_YEARS: Final = {"": "No year", "N": "Nursery", "R": "Reception"}
_WHO: Final = ("who", "children", "without")
_LONGEST: Final = 200_000  #: bytes of the form: the same words in many languages


def routes(pages: frame.Pages, outlooks: seen.Outlooks) -> list[BaseRoute]:
    """``/announcements/new``, ``…/{draft}/edit``, and what they show beside the form."""
    shown, post, write = Pages(pages, outlooks), ("POST",), Right.WRITE_ANNOUNCEMENTS
    return [
        door.page("/announcements/new", shown.new, right=write),
        door.page("/announcements/new", shown.act, right=write, methods=post, largest=_LONGEST),
        door.page("/announcements/look", shown.look, right=write, methods=post, largest=_LONGEST),
        door.page("/announcements/{draft}/edit", shown.edit, right=write),
        door.page("/announcements/{draft}/edit", shown.act, right=write, methods=post, largest=_LONGEST),
        door.page("/announcements/{draft}/drop", shown.drop, right=write, methods=post),
    ]


@dataclass(frozen=True, slots=True)
class Pages:
    """The pages."""

    pages: frame.Pages
    outlooks: seen.Outlooks

    async def new(self, request: Request) -> Response:
        """An empty form; a teacher's has their own class ticked."""
        visitor, typed = visitors.of(request), form.EMPTY
        if visitor.forms and len(visitor.forms) == 1:
            typed = form.Typed({**typed.fields, "form": [*visitor.forms]})
        asked = request.query_params.get("form", "")
        if asked and visitor.sees(asked):
            typed = form.Typed({**typed.fields, "form": [asked]})
        return await self._form(request, typed)

    async def edit(self, request: Request) -> Response:
        """A draft, as it was typed."""
        gateway = site.of(request).gateway
        async with gateway.database.read() as session:
            draft = await mine(session, request)
        return await self._form(request, form.from_draft(draft.typed), draft=draft)

    async def look(self, request: Request) -> Response:
        """The counts, the words and the cost of what is in the form now: parts of the page, for the script."""
        gateway, visitor = site.of(request).gateway, visitors.of(request)
        typed = form.of((await door.form(request)).multi_items())
        async with gateway.database.read() as session:
            found, problems = await self._look(session, gateway, typed, visitor, await _notes(session, typed, visitor))
        values = {
            **self._beside(gateway, typed, found),
            "visitor": visitor,
            "problems": problems,
            "wrong": defaultdict(str),
        }
        parts = self.pages.parts(
            "announcement_new.html", ("tally", "texts", "preview", "cost"), visitor, frame.Frame(), values
        )
        body = "".join(f'<hx-partial hx-target="#{name}" hx-swap="innerMorph">{inside}</hx-partial>'
                       for name, inside in parts.items())  # fmt: skip
        return Response(body, media_type="text/html", headers={"Cache-Control": "no-store"})

    async def act(self, request: Request) -> Response:
        """Go on to the check, or keep it as a draft, show it, move a way, draft or confirm a translation."""
        sent = await door.form(request)
        typed, act = form.of(sent.multi_items()), sent.get("act", "check")
        what, _, rest = act.partition(":")
        draft_id = str(request.path_params.get("draft", ""))
        if what == "look":
            return await self._form(request, typed, look=True, draft_id=draft_id)
        if what == "move":
            way, _, medium = rest.partition(":")
            if medium in set(Medium):
                typed = typed.with_order(Medium(medium), up=way == "up")
            return await self._form(request, typed, draft_id=draft_id)
        return await self._keep(request, typed, what, rest, draft_id)

    async def _keep(self, request: Request, typed: form.Typed, what: str, rest: str, draft_id: str) -> Response:
        here, visitor = site.of(request), visitors.of(request)
        gateway = here.gateway
        async with gateway.database.read() as session:
            if draft_id:
                await mine(session, request)
            notes = await _notes(session, typed, visitor, draft_id)
            said_ = await form.read(session, gateway, typed, visitor, notes)
            if said_.definition is not None:  # worked out here, so that the check has it ready
                try:
                    coming = await self.outlooks.of(session, gateway, said_.definition, anew=True)
                    said_.problems += form.placed(errors.BadInput(coming.seen.audience.problems), typed)
                except errors.BadInput as error:
                    said_.problems += form.placed(error, typed)
        if what != "save" and (said_.problems or said_.definition is None):
            return await self._form(request, typed, problems=said_.problems, status=422, draft_id=draft_id)
        try:
            async with gateway.database.write() as session:
                kept = form.with_notes(typed, notes)
                title = typed.title or "Without a name yet"
                draft = await drafts.save(session, gateway, kept, title=title, by=visitor.signature, draft_id=draft_id)
        except errors.Conflict as error:
            return await self._form(request, typed, problems=[("", str(error))], status=422, draft_id=draft_id)
        if what == "save":
            return self.pages.done(request, "/announcements?show=drafts", f"“{title}” is kept as a draft.")
        if what == "translate" and said_.definition is not None:
            return await self._translate(request, draft, said_.definition, rest)
        if what == "checked" and said_.definition is not None:
            return await self._checked(request, draft, said_.definition, rest)
        return door.to(f"/announcements/{draft.id}/check")

    async def _translate(
        self, request: Request, draft: AnnouncementDraft, definition: model.Definition, tag: str
    ) -> Response:
        """Let the computer draft a language, beside the English and back into it."""
        gateway, back = site.of(request).gateway, f"/announcements/{draft.id}/edit#texts-h"
        try:
            drafting.check(definition, [tag])
            async with gateway.database.read() as session:
                jobs = await drafting.prepare(session, gateway, definition, [tag])
            made = await drafting.draft(gateway, jobs)
        except (errors.Conflict, errors.NotReady, errors.BadInput) as error:
            return self.pages.done(request, back, str(error))
        if not made.drafts:
            why = "; ".join(one.why for one in made.refused)
            return self.pages.done(request, back, f"{languages.english(tag)}: {why}")
        one = made.drafts[0]
        async with gateway.database.write() as session:
            await drafting.keep(session, gateway, made)
            kept = await drafts.find(session, draft.id, lock=True)
            notes = form.notes_of(kept.typed) | {
                tag: {"by": one.by, "english": translated.fingerprint(definition), "back": dict(one.back)}
            }
            typed = form.from_draft(kept.typed)
            typed = form.Typed({**typed.fields, f"text-{tag}": [one.text[translated.TEXT]]})
            kept.typed = form.with_notes(typed, notes)
            session.add(kept)
        return self.pages.done(request, back, f"{languages.english(tag)} is drafted. Let somebody read it.")

    async def _checked(
        self, request: Request, draft: AnnouncementDraft, definition: model.Definition, tag: str
    ) -> Response:
        """Whoever is signed in has read a translation and stands for it."""
        gateway, visitor = site.of(request).gateway, visitors.of(request)
        back = f"/announcements/{draft.id}/edit#texts-h"
        try:
            async with gateway.database.write() as session:
                await reviewing.accept(session, gateway, definition, tag, by=visitor.name, actor=visitor.signature)
                kept = await drafts.find(session, draft.id, lock=True)
                notes = form.notes_of(kept.typed)
                note = dict(notes.get(tag, {"by": ""}))
                note |= {"english": translated.fingerprint(definition), "reviewed_by": visitor.name}
                note |= {"reviewed_on": gateway.today().isoformat(), "seal": translated.seal(definition, tag)}
                kept.typed = form.with_notes(form.from_draft(kept.typed), notes | {tag: note})
                session.add(kept)
        except (errors.BadInput, errors.NotFound, errors.Conflict) as error:
            return self.pages.done(request, back, str(error))
        return self.pages.done(request, back, f"{languages.english(tag)}: checked by {visitor.name}.")

    async def drop(self, request: Request) -> Response:
        """Throw a draft away."""
        gateway = site.of(request).gateway
        async with gateway.database.write() as session:
            draft = await mine(session, request)
            await drafts.drop(session, gateway, draft.id, by=visitors.of(request).signature)
        return self.pages.done(request, "/announcements?show=drafts", f"“{draft.title}” is thrown away.")

    async def _form(
        self,
        request: Request,
        typed: form.Typed,
        *,
        draft: AnnouncementDraft | None = None,
        draft_id: str = "",
        problems: Sequence[tuple[str, str]] = (),
        status: int = 200,
        look: bool = False,
    ) -> Response:
        gateway, visitor = site.of(request).gateway, visitors.of(request)
        found: outlook.Outlook | None = None
        async with gateway.database.read() as session:
            years = await _years(session, gateway, visitor)
            groups = await _groups(session) if not visitor.forms else []
            if draft is None and draft_id:
                draft = await mine(session, request)
            if look:
                notes = await _notes(session, typed, visitor, draft_id)
                found, wrong = await self._look(session, gateway, typed, visitor, notes)
                problems = [*problems, *wrong]
        values: dict[str, Any] = {
            "draft": draft,
            "years": years,
            "groups": groups,
            "wordings": [library.notices()[key] for key in form.WORDINGS],
            "invitation": form.INVITATION,
            "blanks": form.blanks(typed.one("wording")),
            "kinds": _kinds(gateway),
            "waits": form.WAITS,
            "span": lambda minutes: said.span(timedelta(minutes=minutes)),
            "problems": list(problems),
            "wrong": defaultdict(str, reversed(list(problems))),
            **self._beside(gateway, typed, found),
        }
        return await self.pages.render(request, "announcement_new.html", status=status, here="announcements", **values)

    async def _look(
        self, session: Session, gateway: context.Gateway, typed: form.Typed, visitor: visitors.Visitor,
        notes: Mapping[str, Any],
    ) -> tuple[outlook.Outlook | None, list[tuple[str, str]]]:  # fmt: skip
        """What the form would come to. While it is half filled in, only who would be told."""
        read = await form.read(session, gateway, typed, visitor, notes)
        try:
            if read.definition is not None:
                return await self.outlooks.of(session, gateway, read.definition), []
            if read.audience is not None:
                media = [way for way in typed.order if typed.has("way", way.value)] or [Medium.SMS]
                bare = model.Definition.model_validate(
                    {"key": form.KEY, "title": "…", "purpose": "service", "text": {"en": "…"}, "media": media,
                     "audience": read.audience.model_dump(exclude_defaults=True)}
                )  # fmt: skip
                return await outlook.count(session, gateway, bare), []
        except errors.BadInput as error:
            return None, form.placed(error, typed)
        return None, [one for one in read.problems if one[0] in _WHO and one[1] != form.NOBODY]

    def _beside(self, gateway: context.Gateway, typed: form.Typed, found: outlook.Outlook | None) -> dict[str, Any]:
        """What stands beside the form, and is made anew as it changes."""
        ready = found is not None and any(one.samples for one in found.languages)
        wanted = typed.one("show")
        tags = [one.tag for one in found.languages] if found else []
        shown = next((one for one in found.languages if one.tag == wanted), None) if found else None
        if shown is None and found and found.languages:
            shown = found.languages[0]
        return {
            "typed": typed,
            "outlook": found,
            "ready": ready,
            "tags": tags,
            "shown": shown,
            "many": said.MANY,
            "media": form.MEDIA,
            "count_parts": segments.count,
            "direction": languages.direction,
            "name_of": languages.english,
            "speaks": gateway.speaks,
            "translator": gateway.translator is not None,
            "definition": found.seen.definition if found and ready else None,
            "state": translated.state,
            "costs": gateway.settings.costs,
        }


async def mine(session: Session, request: Request) -> AnnouncementDraft:
    """The draft of this page. A teacher's are their own."""
    visitor = visitors.of(request)
    draft = await drafts.find(session, str(request.path_params["draft"]))
    if visitor.role == "teacher" and draft.author != visitor.signature:
        raise HTTPException(403, "This draft is somebody else's.")
    return draft


async def _notes(session: Session, typed: form.Typed, visitor: visitors.Visitor, draft_id: str = "") -> dict[str, Any]:
    """What the draft knows of its translations."""
    draft = await session.get(AnnouncementDraft, draft_id or typed.one("draft"))
    if draft is None or (visitor.role == "teacher" and draft.author != visitor.signature):
        return {}
    return form.notes_of(draft.typed)


async def _years(session: Session, gateway: context.Gateway, visitor: visitors.Visitor) -> list[tuple[str, list[str]]]:
    """The school's classes by year; a teacher's own alone."""
    pupil = core(Pupil).c
    query = sa.select(pupil.year, pupil.form).where(people.on_roll(gateway.today()), pupil.form != "").distinct()
    found = dict[str, list[str]]()
    for year, name in sorted(set(map(tuple, await session.execute(query))), key=_turn):
        if visitor.sees(name):
            found.setdefault(_YEARS.get(year, f"Year {year}"), []).append(name)
    return list(found.items())


def _turn(one: tuple[str, ...]) -> tuple[int, str, str]:
    year = one[0].upper()
    return ({"N": -1, "R": 0}.get(year, int(year) if year.isdecimal() else 99), year, one[1])


async def _groups(session: Session) -> list[str]:
    group = core(PupilGroup).c
    return list(await session.scalars(sa.select(group.name).distinct().order_by(group.name)))


def _kinds(gateway: context.Gateway) -> list[tuple[str, str]]:
    """What kinds of announcement there are: the first everybody gets, the others families may have said no to."""
    topics = gateway.preferences.topics
    named = [(key, topics.shown(key, "en", drafts=True)) for key in topics.topics]
    return [
        ("service", "School business: every family gets it"),
        ("community", "Community: families may have said no to it"),
        *(
            (f"community:{key}", f"{name[:1].upper()}{name[1:]}: families may have said no to it")
            for key, name in named
        ),
        ("fundraising_or_paid", "Something paid, or fundraising: only to families who agreed"),
    ]
