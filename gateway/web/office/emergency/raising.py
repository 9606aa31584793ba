"""Alarming families: how long it takes by each channel comes first, then one check; or a rehearsal of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from channels.base import Medium
from gateway import context, errors
from gateway.emergency import alarm, choosing, shown, timing
from gateway.web import site
from gateway.web.office import door, frame, visitors
from gateway.web.office.announcements import stage
from gateway.web.office.emergency import given as typed
from gateway.web.office.rights import Right
from templates import languages

_LATEST: Final = 5  #: emergencies that the first page names
_REHEARSING: Final = (0, "rehearsal")  #: one at a time, as at the API
_TITLES: Final = {Medium.SMS: "Texts", Medium.VOICE: "Calls", Medium.EMAIL: "Emails"}
_ONE: Final = {Medium.SMS: "text", Medium.VOICE: "call", Medium.EMAIL: "email"}
#: Until something is written, how long it takes is told of words such as these.
_SUCH_AS: Final = "Something has happened at school."


def routes(pages: frame.Pages) -> list[BaseRoute]:
    """``/emergency``, and what is worked out while it is filled in."""
    shown_, post = Pages(pages), ("POST",)
    return [
        door.page("/emergency", shown_.ask, right=Right.SEE_EMERGENCY),
        door.page("/emergency", shown_.act, right=Right.RAISE_EMERGENCY, methods=post),
        door.page("/emergency/look", shown_.look, right=Right.RAISE_EMERGENCY, methods=post),
    ]


@dataclass(slots=True)
class Checked:
    """What a look came to: the outlook and a key, or what is wrong with the form."""

    outlook: alarm.Outlook | None = None
    key: str = ""
    problems: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])


@dataclass(frozen=True, slots=True)
class Pages:
    """The pages."""

    pages: frame.Pages

    async def ask(self, request: Request) -> Response:
        """The form, with the whole school ticked, and the emergencies there were."""
        return await self._form(request, typed.Given(whole=True))

    async def look(self, request: Request) -> Response:
        """How long it takes for what is chosen now: a part of the page, for the script."""
        gateway, visitor = site.of(request).gateway, visitors.of(request)
        given = typed.of(await door.form(request))
        checked = await _check(gateway, given, loosely=True)
        values: dict[str, Any] = {
            "channels": _channels(checked.outlook),
            "outlook": checked.outlook,
            "problems": checked.problems,
        }
        parts = self.pages.parts("emergency.html", ("capacity",), visitor, frame.Frame(), {**values, **_WORDS})
        body = f'<hx-partial hx-target="#capacity" hx-swap="innerMorph">{parts["capacity"]}</hx-partial>'
        return Response(body, media_type="text/html", headers={"Cache-Control": "no-store"})

    async def act(self, request: Request) -> Response:
        """First show what it would come to; then, by a button on that, send it. Or rehearse it."""
        here, by, form = site.of(request), visitors.of(request).signature, await door.form(request)
        gateway, given, act = here.gateway, typed.of(form), form.get("act", "check")
        if act == "rehearse":
            return await self._rehearse(request, given)
        if act == "change":
            return await self._form(request, given)
        if act == "send":
            try:
                async with gateway.database.write() as session:
                    asked = typed.asked(given, form.get("key", ""))
                    sent = await alarm.send(session, gateway, asked, by=by)
            except (errors.BadInput, errors.Conflict) as error:
                return await self._form(request, given, problems=typed.placed(error), status=422)
            here.planned()
            return door.to(f"/emergency/{sent.key}")
        checked = await _check(gateway, given)
        if checked.problems or checked.outlook is None:
            return await self._form(request, given, problems=checked.problems, status=422)
        return await self.pages.render(
            request,
            "emergency_check.html",
            here="emergency",
            given=given,
            key=checked.key,
            outlook=checked.outlook,
            channels=_channels(checked.outlook),
            remarks=shown.remarks(checked.outlook),
            unreached=shown.unreached(checked.outlook),
            examples=_examples(checked.outlook),
            direction=languages.direction,
            **_WORDS,
        )

    async def _form(
        self, request: Request, given: typed.Given, *, problems: Sequence[tuple[str, str]] = (), status: int = 200
    ) -> Response:
        gateway, visitor = site.of(request).gateway, visitors.of(request)
        async with gateway.database.read() as session:
            latest = await alarm.latest(session, _LATEST)
            held = {one.key for one in await alarm.waiting(session)}
            choices = await choosing.choices(session, today=gateway.today())
            senders = await context.senders(session)
        return await self.pages.render(
            request,
            "emergency.html",
            status=status,
            here="emergency",
            may_raise=visitor.may(Right.RAISE_EMERGENCY),
            held=held,
            going_on=[one for one in latest if one.over_at is None],
            over=[one for one in latest if one.over_at is not None],
            when=lambda at: stage.day_and_time(at, gateway.timezone, gateway.today()),
            by=stage.by,
            given=given,
            choices=choices,
            problems=list(problems),
            senders=senders,
            channels=[],
            outlook=None,
            second_person=gateway.settings.emergency.second_person,
            rehearsable=site.of(request).rehearse is not None,
            **_WORDS,
        )

    async def _rehearse(self, request: Request, given: typed.Given) -> Response:
        """Send it as far as pretend phones on this machine; nobody real is told."""
        here, by = site.of(request), visitors.of(request).signature
        if here.rehearse is None or _REHEARSING in here.busy:
            why = (
                "Nothing can be rehearsed here."
                if here.rehearse is None
                else "A rehearsal is under way. Wait for its end."
            )
            return await self._form(request, given, problems=[("", why)], status=409)
        if not given.audience:
            return await self._form(request, given, problems=[("whom", "Pick whom it is about")], status=422)
        what, do = given.what or "This is a rehearsal.", given.do or "You need not do anything."
        here.busy.add(_REHEARSING)
        try:
            report = dict(await here.rehearse(alarm.Asked(what, do, given.audience), by))
        except errors.BadInput as error:
            return await self._form(request, given, problems=typed.placed(error), status=422)
        finally:
            here.busy.discard(_REHEARSING)
        return await self.pages.render(
            request, "emergency_rehearsed.html", here="emergency", report=report, given=given, titles=_BY_VALUE,
            span=timing.span,
        )  # fmt: skip


async def _check(gateway: context.Gateway, given: typed.Given, *, loosely: bool = False) -> Checked:
    """Work it out; ``loosely``: while it is written, with sentences of a usual length for those that are missing."""
    checked = Checked()
    if loosely:
        given = typed.Given(
            given.what or _SUCH_AS, given.do or _SUCH_AS, "", given.whole, given.years, given.forms, given.groups
        )
    try:
        asked = typed.asked(given, "")
        async with gateway.database.read() as session:
            checked.outlook = await alarm.preview(session, gateway, asked)
            checked.key = await alarm.next_key(session, gateway)
    except (errors.BadInput, errors.Conflict) as error:
        checked.problems = typed.placed(error)
        return checked
    if checked.outlook.seen.audience.problems:
        checked.problems = [("whom", f"{one.what} {one.cure}") for one in checked.outlook.seen.audience.problems]
    return checked


def _channels(outlook: alarm.Outlook | None) -> list[dict[str, Any]]:
    """How long it takes by each channel, the slowest first: the length of its bar is its time."""
    if outlook is None:
        return []
    longest = max((one.seconds for one in outlook.channels), default=0.0)
    return [
        {
            "medium": one.medium, "span": timing.span(one.seconds) if one.seconds else "at once",
            "messages": one.messages, "parts": one.parts, "seconds": one.seconds, "longest": longest,
            "rate": sum(lane.rate for lane in one.lanes), "lanes": one.lanes,
            "troubles": [f"{lane.address} is {lane.trouble}." for lane in one.lanes if lane.trouble],
        }
        for one in sorted(outlook.channels, key=lambda one: -one.seconds)
    ]  # fmt: skip


def _examples(outlook: alarm.Outlook) -> list[tuple[str, str, str]]:
    """A text in each language: its name, its tag, the words."""
    tags = {languages.english(row.message.language): row.message.language for row in outlook.seen.rows}
    return [(name, tags.get(name, ""), words) for name, words in shown.examples(outlook)]


_BY_VALUE: Final = {medium.value: title for medium, title in _TITLES.items()}
_WORDS: Final[Mapping[str, Any]] = {"titles": _TITLES, "one_of": _ONE, "count": shown.count}
