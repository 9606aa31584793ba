"""Who has read an alarm, child by child, alive: the most urgent first, and what staff have told families themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from gateway import notices
from gateway.absence import board
from gateway.emergency import alarm, following, passing, roll_call, shown
from gateway.models import EmergencyNotice, EmergencyPart, Notice, NoticeState
from gateway.web import site
from gateway.web.office import door, frame, live, visitors
from gateway.web.office.announcements import stage
from gateway.web.office.rights import Right

_ROWS: Final = 60  #: children that the list names at once; of a large school a class is asked for by its name
_COVERED: Final = 200
#: How far an alarm has come for a child: colour and words.
_WAYS: Final = {
    "reached": ("blue", "Arrived, not read"),
    "sent": ("blue", "Sent, not read"),
    "on its way": ("", "On its way"),
    "held": ("amber", "Held"),
}
_NOBODY: Final = ("red", "Nobody was reached")


def routes(pages: frame.Pages, streams: live.Live) -> list[BaseRoute]:
    """``/emergency/{key}``, letting one go, and noting that a family was told."""
    parts = ("state", "troubles", "acts", "uncovered", "covered", "passed")
    view = streams.add(live.View("emergency-one", "emergency_list.html", parts, Right.SEE_EMERGENCY, read))
    shown_, post = Pages(pages, streams, view), ("POST",)
    return [
        door.page("/emergency/{key}", shown_.roll, right=Right.SEE_EMERGENCY),
        door.page("/emergency/{key}/approve", shown_.approve, right=Right.APPROVE_EMERGENCY, methods=post),
        door.page("/emergency/{key}/note", shown_.note, right=Right.RAISE_EMERGENCY, methods=post),
    ]


@dataclass(frozen=True, slots=True)
class Pages:
    """The pages."""

    pages: frame.Pages
    streams: live.Live
    view: live.View

    async def roll(self, request: Request) -> Response:
        """Child by child, who has not read it, alive."""
        return await self.streams.show(request, self.view)

    async def approve(self, request: Request) -> Response:
        """The second person lets it go, or an update of it."""
        here, key = site.of(request), str(request.path_params["key"])
        async with here.gateway.database.write() as session:
            emergency = await alarm.find(session, key)
            for _, notice in await alarm.parts(session, emergency):
                if notice.state is NoticeState.HELD:
                    await notices.approve(session, here.gateway, notice.key, approver=visitors.of(request).signature)
        here.planned()
        return self.pages.done(request, f"/emergency/{key}", "It goes out now.")

    async def note(self, request: Request) -> Response:
        """Somebody of the school has told a family by word of mouth, or takes that back."""
        here, form, key = site.of(request), await door.form(request), str(request.path_params["key"])
        given = {**request.query_params, **form}
        undone, pupil, in_form = given.get("act") == "undo", given.get("pupil", ""), given.get("form", "")
        how = "" if undone else given.get("how", "").strip() or "told by staff"
        async with here.gateway.database.write() as session:
            emergency = await alarm.find(session, key)
            by = visitors.of(request).signature
            await roll_call.note(session, here.gateway, emergency, pupil, how=how, by=by)
        asked = {"form": in_form} if in_form else {}
        back = f"/emergency/{key}?{urlencode(asked)}" if asked else f"/emergency/{key}"
        if undone:
            return self.pages.done(request, back, "Taken back.")
        undo = f"/emergency/{key}/note?{urlencode({'act': 'undo', 'pupil': pupil, **asked})}"
        return self.pages.done(request, back, "Noted.", undo=undo)


async def read(here: site.Site, _visitor: visitors.Visitor, given: Mapping[str, str]) -> Mapping[str, Any]:
    """The list of one emergency, from one view of the database."""
    gateway = here.gateway
    async with gateway.database.read() as session:
        emergency = await alarm.find(session, given.get("key", ""))
        found = await roll_call.read(session, gateway, emergency)
    forms = Counter(child.form for child in found.uncovered)
    wanted = given.get("form", "")
    rows = [child for child in found.uncovered if child.form == wanted] if wanted in forms else found.uncovered
    rows = sorted(rows, key=lambda child: child.way != roll_call.NOBODY)  # whom nothing has reached comes first
    many = len(found.uncovered) > _ROWS or wanted in forms
    done = [child for child in found.children if child.covered]
    return {
        "here": "emergency",
        "emergency": emergency,
        "found": found,
        "forms": sorted(forms.items(), key=lambda one: board.by_year(one[0])) if many else [],
        "form": wanted if wanted in forms else "",
        "rows": rows if wanted in forms else rows[:_ROWS],
        "done": done[:_COVERED],
        "covered": len(done),
        "title": shown.headline(found),
        "held": [notice for _, notice in found.parts if notice.state is NoticeState.HELD],
        "kept": any(
            part.part is EmergencyPart.ALARM and notice.state is NoticeState.HELD for part, notice in found.parts
        ),
        "first_words": _words_of(found.parts),
        "sentences": passing.sentences(found.passed),
        "sent": _sent(found.parts),
        "answers": lambda child: shown.answers(child).replace("office:", ""),
        "way": lambda child: _WAYS.get(child.way, _NOBODY),
        "began": stage.day_and_time(emergency.began_at, gateway.timezone, gateway.today()),
        "over": stage.day_and_time(emergency.over_at, gateway.timezone, gateway.today()) if emergency.over_at else "",
        "by": stage.by,
    }


def _words_of(parts: Sequence[tuple[EmergencyNotice, Notice]]) -> str:
    """What was said first."""
    for part, notice in parts:
        if part.part is EmergencyPart.ALARM:
            given = notice.definition
            values = given.get("values") or {}
            said = [values.get("what_happened"), values.get("what_to_do")] if values else [given.get("text")]
            return " ".join(one.get("en", "") if isinstance(one, Mapping) else str(one) for one in said if one)
    return ""


def _sent(parts: Sequence[tuple[EmergencyNotice, Notice]]) -> list[str]:
    """What followed it."""
    later = ((part, notice) for part, notice in parts if part.part is not EmergencyPart.ALARM)
    return [
        f"{notice.title}, by {stage.by(part.by)}: {' '.join(following.sentences(part.facts))}" for part, notice in later
    ]
