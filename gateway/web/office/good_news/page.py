"""A class's good news: whom to write about, what, how families will read it, and what has not left yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import quote, urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from gateway import context, errors
from gateway.database import Session
from gateway.good_news import checks, kinds, praising, telling, versions
from gateway.models import Praise, Pupil
from gateway.translating import drafting
from gateway.web import site
from gateway.web.office import door, frame, naming, visitors
from gateway.web.office.good_news import letters, tiles
from gateway.web.office.rights import Right
from templates import languages

_TEMPLATE: Final = "good_news.html"
_MOST: Final = 60  #: children of one form that is sent
_LARGEST_ID: Final = 2**31 - 1
_PATIENCE: Final = 15.0  #: seconds that somebody waits for a translation
_PICK: Final = ("picked", "Tick whom it is about.")
_CHOOSE: Final = ("kind", "Choose what went well.")


def routes(pages: frame.Pages) -> list[BaseRoute]:
    """``/good-news``, and ``/good-news/{class}`` with what may be done there."""
    shown, right, post = Page(pages), Right.SEND_GOOD_NEWS, ("POST",)
    return [
        door.page("/good-news", shown.first, right=right),
        door.page("/good-news/{form}", shown.show, right=right),
        door.page("/good-news/{form}", shown.send, right=right, methods=post),
        door.page("/good-news/{form}/preview", shown.preview, right=right, methods=post),
        door.page("/good-news/{form}/take-back", shown.take_back, right=right, methods=post),
    ]


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody has typed: the pupils' MIS ids, the kind, the words, who signs, and whether they are sure.

    ``translate``: the computer is to put the words into the families' languages now, and not only as they leave.
    """

    pupils: Sequence[str] = ()
    kind: str = ""
    words: str = ""
    staff: str = ""
    sure: bool = False
    translate: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """The pages."""

    pages: frame.Pages

    async def first(self, request: Request) -> Response:
        """To the class that was chosen, or else the first of one's own."""
        here, visitor = site.of(request), visitors.of(request)
        async with here.gateway.database.read() as session:
            forms = await tiles.forms(session, visitor, here.gateway.today())
        if not forms:
            return await self.pages.render(request, "good_news_none.html", here="good-news")
        wanted = request.query_params.get("class", "")
        return door.to(path(wanted if wanted in forms else forms[0]))

    async def show(self, request: Request) -> Response:
        """The class, with nobody picked but whom the address names."""
        picked = request.query_params.getlist("pupil")
        return await self._page(request, Asked(picked[:_MOST], staff=visitors.of(request).name))

    async def preview(self, request: Request) -> Response:
        """What families would read: on the page, or alone where htmx asks for it."""
        asked = await _asked(request)
        if "hx-request" not in request.headers:
            found, problems = await self._look(request, asked)
            return await self._page(request, asked, found=found, problems=problems, status=422 if problems else 200)
        gateway, visitor = site.of(request).gateway, visitors.of(request)
        form = await self._form(request)
        found, problems = await self._look(request, asked)
        async with gateway.database.read() as session:
            values = await tiles.read(session, gateway, visitor, form, by_name=False)
        values |= {
            "letters": found,
            "names": _names(values["tiles"]),
            "preview_problems": problems,
            "address": path(form),
        }
        inside = self.pages.parts(_TEMPLATE, ("preview",), visitor, frame.Frame(), values)["preview"]
        return Response(inside, media_type="text/html", headers={"Cache-Control": "no-store"})

    async def send(self, request: Request) -> Response:
        """Take it in for the kind hour: for every child that is ticked, or for none."""
        here, form, asked = site.of(request), await self._form(request), await _asked(request)
        by, problems, made = visitors.of(request).signature, _missing(asked), list[praising.Listed]()
        if not problems:
            try:
                async with here.gateway.database.write() as session:
                    for pupil in asked.pupils:
                        made.append(await _add(session, here.gateway, _given(asked, pupil, form), by=by))
            except (errors.BadInput, errors.Conflict) as error:
                problems = _sentences(error)
        if problems:
            return await self._page(request, asked, problems=problems, status=422)
        here.planned()
        hide = visitors.of(request).hide_names
        about = naming.listed([naming.plain(one.pupil.called, hide=hide) for one in made])
        leaves = when(made[0].praise.due_at, here.gateway)
        undo = f"{path(form)}/take-back?{urlencode([('praise', one.praise.id or 0) for one in made])}"
        return self.pages.done(request, path(form), f"Good news about {about} leaves {leaves}.", undo=undo)

    async def take_back(self, request: Request) -> Response:
        """What has not left does not leave."""
        here, form = site.of(request), await self._form(request)
        given = [*request.query_params.getlist("praise"), *(await door.form(request)).getlist("praise")]
        ids = [int(one) for one in given[:_MOST] if one.isascii() and one.isdecimal() and int(one) <= _LARGEST_ID]
        async with here.gateway.database.write() as session:
            for praise_id in ids:
                await _check_whose(session, praise_id, form)
                await praising.withdraw(session, here.gateway, praise_id, by=visitors.of(request).signature)
        return self.pages.done(request, path(form), "Taken back. Nobody is told.")

    async def _look(self, request: Request, asked: Asked) -> tuple[letters.Letters | None, list[tuple[str, str]]]:
        """What families would get of it, or what is wrong with it."""
        gateway, form = site.of(request).gateway, await self._form(request)
        if problems := _missing(asked):
            return None, problems
        by, drafts = visitors.of(request).signature, list[Praise]()
        async with gateway.database.read() as session:
            try:
                for pupil in asked.pupils:
                    drafts.append(await praising.draft(session, gateway, _given(asked, pupil, form), by=by))
            except errors.BadInput as error:
                return None, _sentences(error)
            jobs = await telling.to_translate(session, gateway, drafts)
        unknown = [languages.english(job.language) for several in jobs.values() for job in several if job.unknown]
        said: versions.Versions = {}
        if jobs and (asked.translate or not unknown):  # each pause in typing must not cost money
            said, outcomes = await versions.ask(gateway, jobs, seconds=_PATIENCE)
            async with gateway.database.write() as session:
                for outcome in outcomes:
                    await drafting.keep(session, gateway, outcome)
            unknown = []
        async with gateway.database.read() as session:
            return await letters.of(session, gateway, drafts, said=said, untold=unknown), []

    async def _form(self, request: Request) -> str:
        """The class of the address. Raises 404 for one that nobody is in, 403 for another teacher's."""
        gateway, visitor, form = site.of(request).gateway, visitors.of(request), str(request.path_params["form"])
        if not visitor.sees(form):
            raise HTTPException(403, "This class is not one of yours.")
        async with gateway.database.read() as session:
            if form not in await tiles.forms(session, visitor, gateway.today()):
                raise HTTPException(404)
        return form

    async def _page(
        self,
        request: Request,
        asked: Asked,
        *,
        found: letters.Letters | None = None,
        problems: Sequence[tuple[str, str]] = (),
        status: int = 200,
    ) -> Response:
        here, visitor, form = site.of(request), visitors.of(request), await self._form(request)
        by_name = request.query_params.get("order") == "name"
        async with here.gateway.database.read() as session:
            values = await tiles.read(session, here.gateway, visitor, form, by_name=by_name)
            forms = await tiles.forms(session, visitor, here.gateway.today())
        every = request.query_params.get("pick") == "all"
        pupils = [tile.child.pupil.source_id for tile in values["tiles"]] if every else list(asked.pupils)
        names = _names(values["tiles"])
        picked = [tile.name for tile in values["tiles"] if tile.child.pupil.source_id in pupils]
        values |= {
            "forms": forms,
            "address": path(form),
            "given": asked,
            "picked": pupils,
            "whom": naming.listed([*picked]),
            "leaves": when(values["leaves_at"], here.gateway),
            "when": lambda at: when(at, here.gateway),
            "names": names,
            "letters": found,
            "preview_problems": [],
            "problems": problems,
            "doubted": asked.sure or any(sentence.endswith(checks.SURE) for _, sentence in problems),
        }
        return await self.pages.render(request, _TEMPLATE, status=status, here="good-news", **values)


def path(form: str) -> str:
    """The address of a class."""
    return f"/good-news/{quote(form, safe='')}"


def when(at: datetime, gateway: context.Gateway) -> str:
    """A moment that is soon: ``at 4:30pm today``."""
    day, clock = at.astimezone(gateway.timezone).date(), naming.moment(at, gateway.timezone)
    if day == gateway.today():
        return f"at {clock} today"
    return f"on {day:%A} at {clock}" if (day - gateway.today()).days < 7 else f"on {naming.long_day(day)} at {clock}"


def _names(found: Sequence[tiles.Tile]) -> Mapping[int, str]:
    return {tile.child.pupil.id: tile.name for tile in found}


async def _asked(request: Request) -> Asked:
    form = await door.form(request)
    return Asked(
        pupils=list(dict.fromkeys(form.getlist("pupil")))[:_MOST],
        kind=form.get("kind", ""),
        words=form.get("words", "").strip(),
        staff=form.get("staff", "").strip(),
        sure=bool(form.get("sure")),
        translate=bool(form.get("translate")),
    )


def _missing(asked: Asked) -> list[tuple[str, str]]:
    """What nobody need ask the database about."""
    found = list[tuple[str, str]]()
    if not asked.pupils:
        found.append(_PICK)
    if asked.kind not in kinds.every():
        found.append(_CHOOSE)
    return found


def _given(asked: Asked, pupil: str, form: str) -> praising.Given:
    return praising.Given(pupil, asked.kind, asked.staff, asked.words, form=form, sure=asked.sure)


async def _add(session: Session, gateway: context.Gateway, given: praising.Given, *, by: str) -> praising.Listed:
    try:
        return await praising.add(session, gateway, given, by=by)
    except errors.Conflict:
        raise errors.Conflict("The same is waiting to go already. Look below: it can be taken back.") from None


async def _check_whose(session: Session, praise_id: int, form: str) -> None:
    """Raises 404 for praise of a child of another class."""
    praise = await session.get(Praise, praise_id)
    pupil = await session.get(Pupil, praise.pupil_id) if praise else None
    if pupil is None or pupil.form != form:
        raise HTTPException(404)


def _sentences(error: errors.HandbellError) -> list[tuple[str, str]]:
    """What is wrong, once where it is so of several children, without what only the command line knows."""
    return list(dict.fromkeys((field, text.replace(" (--from)", "")) for field, text in door.faults(error)))
