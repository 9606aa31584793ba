"""Telling those who were alarmed how it goes on, and that it is over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from gateway import chosen, errors
from gateway.emergency import alarm, alarmed, following
from gateway.web import site
from gateway.web.office import door, frame, visitors
from gateway.web.office.emergency import given as typed
from gateway.web.office.rights import Right


def routes(pages: frame.Pages) -> list[BaseRoute]:
    """``/emergency/{key}/tell``."""
    shown, alarms = Pages(pages), Right.RAISE_EMERGENCY
    return [
        door.page("/emergency/{key}/tell", shown.ask, right=alarms),
        door.page("/emergency/{key}/tell", shown.tell, right=alarms, methods=("POST",)),
    ]


@dataclass(frozen=True, slots=True)
class Pages:
    """The pages."""

    pages: frame.Pages

    async def ask(self, request: Request) -> Response:
        """The forms for an update and for the all-clear."""
        return await self._form(request, {})

    async def tell(self, request: Request) -> Response:
        """Send an update or the all-clear."""
        by, form = visitors.of(request).signature, await door.form(request)
        here, key = site.of(request), str(request.path_params["key"])
        given = {name: form.get(name, "").strip() for name in ("what", "do", "more", "now", "act")}
        try:
            async with here.gateway.database.write() as session:
                if given["act"] == "all-clear":
                    typed.filled({"now": given["now"]})
                    await following.all_clear(session, here.gateway, key, given["now"], by=by)
                else:
                    typed.filled({"what": given["what"], "do": given["do"]})
                    what, do = alarm.by_language(given["what"], given["do"], typed.lines(given["more"]))
                    await following.update(session, here.gateway, key, what, do, by=by, as_key=form.get("key", ""))
        except (errors.BadInput, errors.Conflict) as error:
            return await self._form(request, given, problems=typed.placed(error), status=422)
        here.planned()
        over = given["act"] == "all-clear"
        return self.pages.done(
            request, f"/emergency/{key}", "It is over, and they are told." if over else "They are told."
        )

    async def _form(
        self, request: Request, given: Mapping[str, str], *, problems: Sequence[tuple[str, str]] = (), status: int = 200
    ) -> Response:
        gateway = site.of(request).gateway
        async with gateway.database.read() as session:
            emergency = await alarm.find(session, str(request.path_params["key"]))
            facts = (await alarmed.find(session, gateway, emergency)).facts()
            key = await chosen.next_key(session, f"{emergency.key}-update")
        return await self.pages.render(
            request,
            "emergency_tell.html",
            status=status,
            here="emergency",
            emergency=emergency,
            sentences=following.sentences(facts),
            next=key,
            given={name: given.get(name, "") for name in ("what", "do", "more", "now")},
            problems=list(problems),
        )
