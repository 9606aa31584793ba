"""Twilio's REST API of 2010-04-01 on loopback: Messages, Calls, Recordings, Accounts."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta

from aiohttp import web

from channels.simulator import rules, shapes
from channels.simulator.calls import Exchange
from channels.simulator.faults import Fault, Faults, Kind
from channels.simulator.magic import TextStatus
from channels.simulator.records import Call, Recording, Text
from channels.simulator.shapes import Json, Record, Refusal
from channels.simulator.texts import Carrier
from channels.simulator.world import World

_FAULT = web.RequestKey("fault", Fault)
_LISTS = frozenset({"messages.list", "calls.list", "recordings.list"})
_COMPLETE = frozenset({TextStatus.DELIVERED, TextStatus.UNDELIVERED, TextStatus.FAILED, TextStatus.RECEIVED})
_OF_LISTS = frozenset({Kind.LATE, Kind.SHUFFLE, Kind.SHIFT})

#: What an answer says: JSON, a file, or nothing.
Deed = Callable[[web.Request], Awaitable[tuple[int, Json | bytes | None]]]


class Api:
    """The provider's front door."""

    def __init__(
        self, *, account_sid: str, auth_token: str, world: World, carrier: Carrier, exchange: Exchange, faults: Faults
    ) -> None:
        self._account = account_sid
        self._key = "Basic " + base64.b64encode(f"{account_sid}:{auth_token}".encode()).decode()
        self._world = world
        self._carrier = carrier
        self._exchange = exchange
        self._faults = faults

    def routes(self) -> list[web.RouteDef]:
        """All addresses."""
        base = f"/{shapes.VERSION}/Accounts/{{account}}"
        return [
            web.post(f"{base}/Messages.json", self._guard("messages.create", self._create_message)),
            web.get(f"{base}/Messages.json", self._guard("messages.list", self._list_messages)),
            web.get(f"{base}/Messages/{{sid}}.json", self._guard("messages.fetch", self._fetch_message)),
            web.post(f"{base}/Messages/{{sid}}.json", self._guard("messages.update", self._update_message)),
            web.get(f"{base}/Messages/{{sid}}/Media.json", self._guard("media.list", self._list_media)),
            web.delete(
                f"{base}/Messages/{{sid}}/Media/{{media}}.json", self._guard("media.delete", self._delete_media)
            ),
            web.post(f"{base}/Calls.json", self._guard("calls.create", self._create_call)),
            web.get(f"{base}/Calls.json", self._guard("calls.list", self._list_calls)),
            web.get(f"{base}/Calls/{{sid}}.json", self._guard("calls.fetch", self._fetch_call)),
            web.post(f"{base}/Calls/{{sid}}.json", self._guard("calls.update", self._update_call)),
            web.get(f"{base}/Recordings.json", self._guard("recordings.list", self._list_recordings)),
            web.get(f"{base}/Recordings/{{sid}}.wav", self._guard("recordings.fetch", self._fetch_sound)),
            web.get(f"{base}/Recordings/{{sid}}.json", self._guard("recordings.fetch", self._fetch_recording)),
            web.delete(f"{base}/Recordings/{{sid}}.json", self._guard("recordings.delete", self._delete_recording)),
            web.get(f"{base}.json", self._guard("account.fetch", self._fetch_account)),
        ]

    def _guard(self, place: str, deed: Deed) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """Check the credentials, misbehave if told to, and turn refusals into Twilio's errors."""

        async def handle(request: web.Request) -> web.StreamResponse:
            if place in _LISTS and self._world.journal is not None:
                self._world.journal.asked(place)
            fault = self._faults.take(place, page=shapes.page_number(request.query) + 1)
            if fault is not None and fault.kind in _OF_LISTS:
                request[_FAULT] = fault  # the list itself goes wrong, the answer does not
                fault = None
            if fault is not None and fault.kind is Kind.SLOW:
                await asyncio.sleep(fault.seconds)
                fault = None
            if fault is not None and fault.kind is not Kind.HALF and not fault.taken:
                return await self._misbehave(request, fault, _refuse(Refusal(20500)))
            try:
                self._admit(request)
                status, answer = await deed(request)
                response = _response(status, answer)
            except Refusal as refusal:
                response = _refuse(refusal)
            return response if fault is None else await self._misbehave(request, fault, response)

        return handle

    def _admit(self, request: web.Request) -> None:
        if request.headers.get("Authorization") != self._key:
            raise Refusal(20003)
        if request.match_info["account"] != self._account:
            raise Refusal(20404)

    async def _misbehave(self, request: web.Request, fault: Fault, answer: web.Response) -> web.StreamResponse:
        match fault.kind:
            case Kind.STATUS:
                code = 20429 if fault.status == 429 else 20500
                body = shapes.error(code, shapes.ERRORS[code][1], fault.status)
                headers = {} if fault.retry_after is None else {"Retry-After": f"{fault.retry_after:g}"}
                return web.json_response(body, status=fault.status, headers=headers)
            case Kind.GARBAGE:
                return web.Response(text="<html><body>It works!</body></html>", content_type="text/html")
            case Kind.HALF:
                return await _send_half(request, answer)
            case Kind.HANG:
                await asyncio.sleep(fault.seconds)
                if fault.taken:
                    return answer
        if request.transport is not None:
            request.transport.abort()
        return answer  # goes nowhere: the line is cut

    async def _create_message(self, request: web.Request) -> tuple[int, Json]:
        form = rules.read_form(await request.read(), rules.MESSAGE_FIELDS)
        wish = {name: values[0] for name, values in form.items()}
        rules.check_message(wish)
        phone = self._world.phone(wish["To"])
        refused = self._world.text_fate(phone).refused
        if not refused and (wish.get("From") or self._world.settings.service_number) in phone.stopped:
            refused = 21610
        if refused:
            raise Refusal(refused)
        text, fate = self._carrier.take(wish)
        answer = shapes.message(text, self._account)  # before it travels: the first answer says queued
        self._carrier.start(text, fate)
        return 201, answer

    async def _list_messages(self, request: web.Request) -> tuple[int, Json]:
        query = rules.read_query(request.query, {"To", "From", "DateSent", "DateSent<", "DateSent>"})
        to, sender = query.get("To"), query.get("From")
        among = self._world.texts_by_to.get(to, []) if to else list(self._world.texts.values())
        found = [
            text
            for text in reversed(among)
            if (not sender or text.sender == sender) and shapes.fits(text.sent or text.created, query, "DateSent")
        ]
        return 200, self._page(request, found, query, key="messages", shape=self._message)

    def _page(
        self,
        request: web.Request,
        found: list[Record],
        query: Mapping[str, str],
        *,
        key: str,
        shape: Callable[[Record], Json],
    ) -> Json:
        fault = request.get(_FAULT)
        match fault.kind if fault else None:
            case Kind.LATE if fault:
                shown_from = self._world.now() - timedelta(seconds=fault.seconds)
                found = [record for record in found if record.created <= shown_from]
            case Kind.SHUFFLE:
                found = [record for at in range(0, len(found), 10) for record in reversed(found[at : at + 10])]
        shifting = fault is not None and fault.kind is Kind.SHIFT
        return shapes.page(found, query, path=request.path, key=key, shape=shape, shifting=shifting)

    def _message(self, text: Text) -> Json:
        return shapes.message(text, self._account)

    def _call(self, call: Call) -> Json:
        return shapes.call(call, self._account)

    async def _fetch_message(self, request: web.Request) -> tuple[int, Json]:
        return 200, self._message(_find(self._world.texts, request))

    async def _update_message(self, request: web.Request) -> tuple[int, Json]:
        """Only words can be taken away, and only of a text that has come to its end."""
        form = rules.read_form(await request.read(), rules.MESSAGE_UPDATES)
        text = _find(self._world.texts, request)
        if form.get("Body") != [""]:
            raise Refusal(20001, "Body")
        if text.status not in _COMPLETE:
            raise Refusal(20009)
        text.redacted, text.updated = True, self._world.now()
        return 200, self._message(text)

    async def _list_media(self, request: web.Request) -> tuple[int, Json]:
        rules.read_query(request.query, set())
        return 200, shapes.media_page(_find(self._world.texts, request), self._account, path=request.path)

    async def _delete_media(self, request: web.Request) -> tuple[int, None]:
        text = _find(self._world.texts, request)
        if not text.media:
            raise Refusal(20404)
        text.media -= 1
        return 204, None

    async def _create_call(self, request: web.Request) -> tuple[int, Json]:
        form = rules.read_form(await request.read(), rules.CALL_FIELDS)
        rules.check_call(form)
        call = self._exchange.take(form)
        answer = self._call(call)
        self._exchange.start(call)
        return 201, answer

    async def _list_calls(self, request: web.Request) -> tuple[int, Json]:
        query = rules.read_query(
            request.query,
            {"To", "From", "Status", "StartTime", "StartTime<", "StartTime>", "EndTime", "EndTime<", "EndTime>"},
        )
        plain = {"To": "to", "From": "sender", "Status": "status"}
        found = [
            call
            for call in reversed(self._world.calls.values())
            if all(getattr(call, mine) == query[name] for name, mine in plain.items() if query.get(name))
            and shapes.fits(call.started or call.created, query, "StartTime")
            and shapes.fits(call.ended or call.updated, query, "EndTime")
        ]
        return 200, self._page(request, found, query, key="calls", shape=self._call)

    async def _fetch_call(self, request: web.Request) -> tuple[int, Json]:
        return 200, self._call(_find(self._world.calls, request))

    async def _update_call(self, request: web.Request) -> tuple[int, Json]:
        form = rules.read_form(await request.read(), rules.CALL_UPDATES)
        wish = {name: values[0] for name, values in form.items()}
        call = _find(self._world.calls, request)
        if not call.live:
            raise Refusal(21220)
        if status := wish.get("Status"):
            self._exchange.end(call, status=status)
            await asyncio.sleep(0)  # the call hears of it before the answer is written
        elif wish.get("Url") or wish.get("Twiml"):
            twiml, url = wish.get("Twiml", ""), wish.get("Url", "")
            self._exchange.divert(call, url=url, method=wish.get("Method", "POST"), twiml=twiml)
        return 200, self._call(call)

    def _recording(self, recording: Recording) -> Json:
        return shapes.recording(recording, self._account)

    async def _list_recordings(self, request: web.Request) -> tuple[int, Json]:
        query = rules.read_query(request.query, {"CallSid", "DateCreated", "DateCreated<", "DateCreated>"})
        found = [
            one
            for one in reversed(self._world.recordings.values())
            if query.get("CallSid") in (None, one.call_sid) and shapes.fits(one.created, query, "DateCreated")
        ]
        return 200, self._page(request, found, query, key="recordings", shape=self._recording)

    async def _fetch_recording(self, request: web.Request) -> tuple[int, Json]:
        return 200, self._recording(_find(self._world.recordings, request))

    async def _fetch_sound(self, request: web.Request) -> tuple[int, bytes]:
        return 200, _find(self._world.recordings, request).content

    async def _delete_recording(self, request: web.Request) -> tuple[int, None]:
        recording = _find(self._world.recordings, request)
        del self._world.recordings[recording.sid]
        self._world.deleted.append(recording.sid)
        return 204, None

    async def _fetch_account(self, request: web.Request) -> tuple[int, Json]:
        return 200, shapes.account(self._account, self._world.now())


def _response(status: int, answer: Json | bytes | None) -> web.Response:
    if answer is None:
        return web.Response(status=status)
    if isinstance(answer, bytes):
        return web.Response(status=status, body=answer, content_type="audio/x-wav")
    return web.Response(status=status, body=json.dumps(answer), content_type="application/json")


async def _send_half(request: web.Request, answer: web.Response) -> web.StreamResponse:
    whole = answer.body if isinstance(answer.body, bytes) else b""
    half = web.StreamResponse(status=answer.status, headers={"Content-Type": answer.content_type})
    half.content_length = len(whole)
    await half.prepare(request)
    await half.write(whole[: len(whole) // 2])
    if request.transport is not None:
        request.transport.close()  # what was written still goes out
    return half


def _find(among: Mapping[str, Record], request: web.Request) -> Record:
    record = among.get(request.match_info["sid"])
    if record is None:
        raise Refusal(20404)
    return record


def _refuse(refusal: Refusal) -> web.Response:
    body = shapes.error(refusal.code, refusal.sentence, refusal.status)
    return web.json_response(body, status=refusal.status)
