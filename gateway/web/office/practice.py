"""Practice phones: be the parents. Reply, ignore, answer a call, switch a phone off, skip time. Practice mode only."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from urllib.parse import urlencode

import sqlalchemy as sa
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from channels.base import Medium
from gateway import audit, errors, intake
from gateway.absence import again, rules
from gateway.accounts import sessions
from gateway.models import Sender
from gateway.models.types import core
from gateway.practice import phones as pretend
from gateway.practice import steps
from gateway.registers import reading
from gateway.web import site
from gateway.web.office import door, frame, live, naming, phones, visitors
from gateway.web.office.rights import Right

SKIP: Final = timedelta(minutes=15)
_FARTHEST: Final = timedelta(days=7)  #: of one step: what is due later is another week
_LONGEST: Final = 1_000  #: characters of what a parent types
_MAIL_IN: Final = "mail-in"  #: what mail that comes in is stored under
#: For the HTML part of a mail: no script, no form, nothing fetched.
_MAIL_POLICY: Final = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def routes(pages: frame.Pages, streams: live.Live, practice: site.Practice) -> list[BaseRoute]:
    """``/practice``, and what can be done to its phones, its mailboxes and its clock."""
    view = streams.add(
        live.View(
            "practice", "practice.html", ("state", "touched", "wall"), Right.PRACTISE, phones.read,
            changed=practice.world.changed,
        )
    )  # fmt: skip
    acts = Acts(pages, streams, view, practice)
    deeds = {
        "reply": acts.reply,
        "call": acts.call,
        "press": acts.press,
        "ring": acts.ring,
        "switch": acts.switch,
        "gone": acts.gone,
        "number": acts.number,
        "mail": acts.mail,
        "skip": acts.skip,
        "again": acts.again,
    }
    return [
        door.page("/practice", acts.show, right=Right.PRACTISE),
        door.page("/practice/mail/{number:int}", acts.letter, right=Right.PRACTISE),
        *[door.page(f"/practice/{name}", act, right=Right.PRACTISE, methods=("POST",)) for name, act in deeds.items()],
    ]


@dataclass(frozen=True, slots=True)
class Acts:
    """What a parent does, and what the clock does."""

    pages: frame.Pages
    streams: live.Live
    view: live.View
    practice: site.Practice

    async def show(self, request: Request) -> Response:
        """The wall."""
        return await self.streams.show(request, self.view)

    async def letter(self, request: Request) -> Response:
        """One mail as a mail program shows it, apart from everything of ours."""
        mail = self._mail(request.path_params["number"])
        headers = {"Content-Security-Policy": _MAIL_POLICY, "Cache-Control": "no-store"}
        if visitors.of(request).hide_names or not mail.html:
            return Response(mail.text or "Nothing to see.", media_type="text/plain", headers=headers)
        return Response(mail.html, media_type="text/html", headers=headers)

    async def reply(self, request: Request) -> Response:
        """Text as the parent; STOP is one too."""
        form = await door.form(request)
        words = form.get("text", "").strip()[:_LONGEST]
        if not words:
            return await self._again(request, form, "Type what the parent writes")
        try:
            self.practice.world.reply(self._phone(form), words, to=await self._school(form))
        except errors.Conflict as no:
            return await self._again(request, form, str(no))
        return self._back(request, form)

    async def call(self, request: Request) -> Response:
        """Answer, decline or hang up."""
        form = await door.form(request)
        if form.get("event") not in ("lift", "decline", "hang up"):
            raise HTTPException(422, "That button is not known.")
        return await self._do(request, form, form["event"])

    async def press(self, request: Request) -> Response:
        """Press a key in a call."""
        form = await door.form(request)
        if form.get("key", "") not in tuple("0123456789*#"):
            raise HTTPException(422, "That key is not known.")
        return await self._do(request, form, form["key"])

    async def ring(self, request: Request) -> Response:
        """Ring the school."""
        form = await door.form(request)
        try:
            self.practice.world.ring(self._phone(form))
        except errors.Conflict as no:
            return await self._again(request, form, str(no))
        return self._back(request, form)

    async def switch(self, request: Request) -> Response:
        """Switch a phone off, or on again."""
        form = await door.form(request)
        self.practice.world.switch(self._phone(form), on=form.get("on") == "yes")
        return self._back(request, form)

    async def gone(self, request: Request) -> Response:
        """Nobody has this number any more, or it works again."""
        form = await door.form(request)
        self.practice.world.give_up(self._phone(form), gone=form.get("gone") == "yes")
        return self._back(request, form)

    async def number(self, request: Request) -> Response:
        """The family has a new number: the old one is dead, and they text the school from the new one."""
        form = await door.form(request)
        old, world = self._phone(form), self.practice.world
        async with site.of(request).gateway.database.read() as session:
            new = await phones.free_number(session, world)
        if not new:
            return await self._again(request, form, "All pretend numbers are in use.")
        try:
            world.reply(new, "Hello, this is our new number.", to=await self._school(form))
        except errors.Conflict as no:
            return await self._again(request, form, str(no))
        world.give_up(old, gone=True)
        return self._back(request, {**form, "address": new})

    async def mail(self, request: Request) -> Response:
        """Answer a mail as the parent."""
        here, form = site.of(request), await door.form(request)
        words = form.get("text", "").strip()[:_LONGEST]
        mail = self._mail(door.number(form.get("number", "")))
        if not words:
            return await self._again(request, form, "Type what the parent writes")
        now = here.gateway.now()
        events = self.practice.world.answer(mail, words, now=now)
        async with here.gateway.database.write() as session:
            await intake.store(session, _MAIL_IN, events, now=now)
        here.arrived()
        return self._back(request, {**form, "address": mail.to.lower()})

    async def skip(self, request: Request) -> Response:
        """Put the clock on: by a quarter of an hour, or to whatever happens next by itself."""
        here, form, by = site.of(request), await door.form(request), visitors.of(request).signature
        clock, gateway, now = self.practice.moved, here.gateway, here.gateway.now()
        if clock is None or not gateway.settings.practice.enabled:
            raise HTTPException(409, "This clock goes by itself.")
        span = SKIP
        if form.get("to") == "next":
            async with gateway.database.read() as session:
                following = await steps.following(session, now=now)
            if following is None or following - now > _FARTHEST:
                return await self._again(request, form, "Nothing is due by itself now. Send something first.")
            span = following - now + timedelta(seconds=1)
        clock.skip(span)
        async with gateway.database.write() as session:
            await sessions.put_on(session, span)
            line = audit.Line("practice.skipped", "", {"seconds": round(span.total_seconds())}, by)
            await gateway.log.record(session, line, now=gateway.now())
        here.planned()
        here.arrived()
        text = f"It is {naming.moment(gateway.now(), gateway.timezone)} now. Watch what Handbell does next."
        return self.pages.done(request, "/practice", text)

    async def again(self, request: Request) -> Response:
        """Begin the morning again: empty phones, an untouched register. The clock goes on."""
        here, by = site.of(request), visitors.of(request).signature
        gateway = here.gateway
        file = gateway.settings.database.state_dir / "marks.csv"
        written = await asyncio.to_thread(reading.read, file) if await asyncio.to_thread(file.exists) else []
        async with gateway.database.write() as session:
            await again.begin(session, gateway, rules.load(gateway.settings, gateway.year), written, by=by)
        await self.practice.world.reset()
        here.planned()
        return self.pages.done(request, "/practice", "The phones are empty, and the register has just come in.")

    async def _do(self, request: Request, form: Mapping[str, str], event: str) -> Response:
        try:
            self.practice.world.do(self._phone(form), event)
        except errors.Conflict as no:
            return await self._again(request, form, str(no))
        await asyncio.sleep(0.05)  # what is said next is mostly there by then
        return self._back(request, form)

    def _phone(self, form: Mapping[str, str]) -> str:
        """The number of a phone, as the page has it."""
        number = form.get("address", "")
        if not (number.startswith("+") and number[1:].isascii() and number[1:].isdigit() and 8 <= len(number) <= 16):
            raise errors.NotFound("There is no such phone.")
        return number

    def _mail(self, number: int) -> pretend.Mail:
        mail = self.practice.world.mail(number)
        if mail is None:
            raise errors.NotFound("There is no such mail.")
        return mail

    async def _school(self, form: Mapping[str, str]) -> str:
        """The number to write to: whichever wrote last to this phone, else the first that texts go out from."""
        phone = self.practice.world.phone(form.get("address", ""))
        if phone is not None and phone.last_sender.startswith("+"):
            return phone.last_sender
        t = core(Sender).c
        query = sa.select(t.address).where(t.medium == Medium.SMS, t.active, t.address.like("+%")).order_by(t.id)
        async with self.pages.here.gateway.database.read() as session:
            return await session.scalar(query.limit(1)) or ""

    def _back(self, request: Request, form: Mapping[str, str]) -> Response:
        kept = {name: form[name] for name in ("show", "q", "part") if form.get(name)}
        place = phones.key_of(form.get("address", ""))
        return self.pages.done(request, f"/practice{'?' if kept else ''}{urlencode(kept)}#{place}")

    async def _again(self, request: Request, form: Mapping[str, str], sentence: str) -> Response:
        field = f"in-{phones.key_of(form['address'])}" if form.get("address") else ""
        return await self.streams.show(
            request, self.view, status=422, given=dict(form), problems=[(field, sentence.rstrip("."))]
        )
