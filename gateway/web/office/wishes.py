"""What somebody of a family asked for, changed by the office: the languages, and how they hear of each topic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from channels.base import Medium
from gateway import context, deciding, errors
from gateway.database import Session
from gateway.families import known
from gateway.models import Wish
from gateway.preferences import topics, wishes
from gateway.web import site
from gateway.web.office import door, families, frame, naming, visitors
from gateway.web.office.rights import Right
from templates import languages

_LARGEST_ID: Final = 2**31 - 1
_HOW: Final = {Wish.AT_ONCE: "at once", Wish.DIGEST: "with the day’s news", Wish.OFF: "not wanted"}
_MEDIA: Final = {Medium.SMS: "Text", Medium.EMAIL: "Email", Medium.VOICE: "Call"}

Table = Mapping[str, Mapping[Medium, Wish]]


def routes(pages: frame.Pages) -> list[BaseRoute]:
    """``/families/{family}/wishes/{contact}``."""
    shown, path = Pages(pages), "/families/{family:int}/wishes/{contact:int}"
    return [
        door.page(path, shown.ask, right=Right.DECIDE_DETAILS),
        door.page(path, shown.save, right=Right.DECIDE_DETAILS, methods=("POST",)),
    ]


@dataclass(frozen=True, slots=True)
class Pages:
    """The page and its deed."""

    pages: frame.Pages

    async def ask(self, request: Request) -> Response:
        """The form, as it is now."""
        gateway = site.of(request).gateway
        async with gateway.database.read() as session:
            family, person = await _found(session, request)
            table = await _table(session, gateway, person.contact.id)
        return await self._form(request, family, person, table, {})

    async def save(self, request: Request) -> Response:
        """Note whatever is another than before; the audit log says that the office did, on whose word it does not."""
        here, form, by = site.of(request), await door.form(request), visitors.of(request).signature
        gateway = here.gateway
        reads, hears = form.get("reads", ""), form.get("hears", "")
        async with gateway.database.write() as session:
            family, person = await _found(session, request)
            table = await _table(session, gateway, person.contact.id)
            known_tags = {"", *languages.table()}
            wrong = [field for field, tag in (("reads", reads), ("hears", hears)) if tag not in known_tags]
            if not wrong:
                await _languages(session, gateway, person, reads, hears, interpreter="interpreter" in form, by=by)
                for topic, row in table.items():
                    if changed := _changed(form, topic, row):
                        await wishes.choose(
                            session, person.contact.id, topic, changed, by=by, log=gateway.log, now=gateway.now()
                        )
        if wrong:
            problems = [(field, "Pick a language of the list") for field in wrong]
            return await self._form(request, family, person, table, dict(form), problems=problems, status=422)
        name = naming.plain(person.full_name, hide=visitors.of(request).hide_names)
        return self.pages.done(request, f"/families/{family.id}#pr", f"Noted what {name} asked for.")

    async def _form(
        self, request: Request, family: known.Family, person: known.Person, table: Table, given: Mapping[str, Any], *,
        problems: list[tuple[str, str]] | None = None, status: int = 200,
    ) -> Response:  # fmt: skip
        gateway = site.of(request).gateway
        return await self.pages.render(
            request, "family_wishes.html", status=status, here="families", family=family, person=person,
            reads=given.get("reads", person.contact.written_language or ""),
            hears=given.get("hears", person.contact.spoken_language or ""),
            tags=sorted(((tag, one.english) for tag, one in languages.table().items()), key=lambda one: one[1]),
            rows=[(topic, _name(gateway, topic), row) for topic, row in table.items()],
            media=_MEDIA, how=_HOW, digest=Wish.DIGEST, call=Medium.VOICE, given=given, problems=problems or [],
        )  # fmt: skip


async def _found(session: Session, request: Request) -> tuple[known.Family, known.Person]:
    """The family, and who of it. Raises :class:`errors.NotFound` for somebody else, and for whoever is barred."""
    gateway, visitor, asked = site.of(request).gateway, visitors.of(request), request.path_params
    family = await families.family_of(session, gateway, visitor, min(int(asked["family"]), _LARGEST_ID))
    person = next((one for one in family.persons if one.contact.id == int(asked["contact"])), None)
    if person is None:
        raise errors.NotFound("This person is not on file for the family, or must not be contacted.")
    return family, person


async def _table(session: Session, gateway: context.Gateway, contact_id: int) -> Table:
    keys = [*gateway.preferences.topics.topics, topics.OTHER]
    return wishes.table(await wishes.shown(session, contact_id), keys)


async def _languages(
    session: Session, gateway: context.Gateway, person: known.Person, reads: str, hears: str, *, interpreter: bool,
    by: str,
) -> None:  # fmt: skip
    contact, deed = person.contact, deciding.Deed(by, gateway.now(), gateway.log)
    new = (reads or contact.written_language, hears or contact.spoken_language)
    if new != (contact.written_language, contact.spoken_language):
        await deciding.choose_languages(session, contact.id, reads=reads, hears=hears, deed=deed)
    if interpreter != contact.interpreter:
        await deciding.set_interpreter(session, contact.id, interpreter, deed=deed)


def _changed(form: door.Form, topic: str, row: Mapping[Medium, Wish]) -> dict[Medium, Wish]:
    found = {medium: form.get(f"{topic}-{medium.value}", "") for medium in row}
    return {
        medium: Wish(how) for medium, how in found.items() if how in set(Wish) and Wish(how) is not row[medium]
    }  # fmt: skip


def _name(gateway: context.Gateway, topic: str) -> str:
    if topic == topics.OTHER:
        return "The rest"
    return gateway.preferences.topics.shown(topic, "en", drafts=True).capitalize()
