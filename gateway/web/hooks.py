"""Webhooks: proved, stored, answered, in that order. What they mean is worked out afterwards (``intake``).

A forged request is refused with 403; a database that is away answers 503, so that the provider comes again. A request
that is genuine and that nobody here can read is kept as it came, and answered as if all were well: no second delivery
of the same bytes would be easier to read.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any
from urllib.parse import parse_qs, parse_qsl

import sqlalchemy as sa
import structlog
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from channels import base
from gateway import context, outgoing, tasks, upsert
from gateway.database import Session
from gateway.models import Inbound, Message, Sender
from gateway.models.types import core
from gateway.phone_line import callers
from gateway.web import calls, problems, site
from gateway.web.entries import By, entry

logger = structlog.get_logger()

LARGEST = 65_536  #: bytes of a webhook's body; a text of 1,600 characters needs some 15,000 when every one is encoded
_MOST_FIELDS = 500
_NOTHING = "nothing in it"
_LONGEST_EVENT_ID = 255  #: it is indexed, and PostgreSQL's index has its own limit


def routes() -> list[BaseRoute]:
    """``/hooks/{channel}/{kind}``. By GET too, as numbers can be set up so at Twilio."""
    both = ("GET", "POST")
    return [entry("/hooks/{channel}/{kind}", receive, by=By.PROVIDER, methods=both, largest=LARGEST)]


async def receive(request: Request) -> Response:
    """Take one webhook call in."""
    here, name = site.of(request), request.path_params["channel"]
    gateway = here.gateway
    channel: object = gateway.channels.get(name)
    verify: Callable[[base.HookRequest], None]
    take: Callable[[base.HookRequest], Awaitable[Response]]
    if line := gateway.lines.get(name):
        verify, take = line.verify, partial(calls.take_in, here, name, line)
    elif isinstance(channel, base.Callbacks):
        verify, take = channel.verify, partial(_take_in, here, name, channel)
    else:
        _count(gateway, "", "unknown")
        return problems.respond(404, "No provider calls this address.", kind="not-found")
    try:
        hook = await _read(request, gateway)
        verify(hook)
    except (HTTPException, ClientDisconnect):
        _count(gateway, name, "refused")
        raise
    except base.BadSignature as why:
        _count(gateway, name, "forged")
        logger.warning("hook.forged", channel=name, why=str(why))
        return problems.respond(403, str(why), kind="bad-signature")
    return await take(_cleaned(hook))


async def _take_in(here: site.Site, name: str, channel: base.Callbacks, hook: base.HookRequest) -> Response:
    """Store a genuine call and answer it."""
    gateway = here.gateway
    events, trouble = _parse(channel, hook)
    if any(isinstance(event, base.Reply) and event.to in gateway.elsewhere for event in events):
        _count(gateway, name, "misdirected")
        logger.error("hook.misdirected", channel=name)
        return problems.respond(404, calls.MISDIRECTED)
    message: base.Outgoing | None = None
    try:
        if events:
            await gateway.arrivals.store(name, events, now=hook.at)
        else:
            await gateway.commits.do(partial(_keep_unread, gateway, name, hook, trouble))
        # Only a call is answered with words; texts bring thousands of receipts, and none of them needs a look-up.
        if gateway.channels[name].medium is base.Medium.VOICE:
            async with gateway.database.read() as session:
                message = await _message(session, gateway, _message_id(hook, events))
    except Exception:  # whatever it is, only the provider can bring it again; what is stored by then does no harm
        _count(gateway, name, "failed")
        logger.exception("hook.not_stored", channel=name)
        return problems.respond(503, "It could not be stored. Send it again.", kind="not-ready")
    _count(gateway, name, "stored" if events else "unreadable")
    here.arrived()
    answer = channel.answer(hook, events, message)
    return Response(answer.body, status_code=answer.status, media_type=answer.content_type)


async def _keep_unread(
    gateway: context.Gateway, name: str, hook: base.HookRequest, trouble: str, session: Session
) -> None:
    await _keep(session, name, hook, trouble)
    # A call in which nobody pressed a key brings nothing, and that is nothing to see to.
    if trouble != _NOTHING or gateway.channels[name].medium is not base.Medium.VOICE:
        await tasks.ask(session, _unread(name), log=gateway.log, now=hook.at)


def _count(gateway: context.Gateway, channel: str, result: str) -> None:
    gateway.metrics.hooks.labels(channel, result).inc()


async def _read(request: Request, gateway: context.Gateway) -> base.HookRequest:
    """The call as the provider signed it: the address is the public one, not the one that a proxy made of it."""
    body = await request.body()
    path = request.scope["raw_path"].decode("latin-1")
    query = request.scope["query_string"].decode("latin-1")
    form: dict[str, list[str]] = {}
    try:
        if request.headers.get("content-type", "").partition(";")[0].strip() == "application/x-www-form-urlencoded":
            text = body.decode("utf-8", "replace")
            form = parse_qs(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
        values = dict(parse_qsl(query, keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    except ValueError:
        raise HTTPException(400, f"There are more than {_MOST_FIELDS} fields.") from None
    return base.HookRequest(
        method=request.method,
        url=f"{gateway.public_url}{path}{'?' if query else ''}{query}",
        path=request.scope["path"],
        query=values,
        headers={key.lower(): value for key, value in request.headers.items()},
        form=form,
        body=body,
        at=gateway.now(),
    )


def _cleaned(hook: base.HookRequest) -> base.HookRequest:
    """The call without what no text column holds (NUL); by GET, the fields stand in the address, which was signed."""
    form: Mapping[str, Sequence[str]] = hook.form
    if hook.method == "GET":
        form = {name: [value] for name, value in hook.query.items()}
    return dataclasses.replace(
        hook, form={_plain(name): [_plain(value) for value in values] for name, values in form.items()}
    )


def _plain(text: str) -> str:
    return text.replace("\0", "")


def _parse(channel: base.Callbacks, hook: base.HookRequest) -> tuple[Sequence[base.Event], str]:
    """The events, or why there are none."""
    try:
        events = channel.parse(hook)
    except Exception as error:  # a bug of ours, or a provider's novelty: the words of a parent may be in it
        logger.exception("hook.unreadable", path=hook.path)
        return [], f"failed: {type(error).__name__}"
    if any(not event.event_id or len(event.event_id) > _LONGEST_EVENT_ID for event in events):
        logger.error("hook.unreadable", path=hook.path)
        return [], "failed: no event id"
    return events, "" if events else _NOTHING


def _unread(channel: str) -> tasks.Ask:
    what = f"Something came in by {channel} that Handbell cannot read: it may be the answer of a family."
    cure = f"Does the provider call …/hooks/{channel}/inbound? If so, the journal says more (hook.unreadable)."
    return tasks.Ask("unread", f"hook {channel}", what, cure)


async def _keep(session: Session, channel: str, hook: base.HookRequest, trouble: str) -> None:
    """Keep a call that was not read, as it came, for a person to look at."""
    digest = hashlib.sha256(b"\n".join([hook.method.encode(), hook.url.encode(), hook.body])).hexdigest()
    row = {
        "channel": channel,
        "event_id": f"raw:{digest}",
        "kind": "raw",
        "event": {"method": hook.method, "url": hook.url, "body": base64.b64encode(hook.body).decode()},
        "raw": {name: values[0] for name, values in hook.form.items()},
        "message_id": "",
        "ref": "",
        "received_at": hook.at,
        "handled_at": hook.at,
        "tries": 0,
        "outcome": trouble,
    }
    await upsert.insert(session, core(Inbound), [row], key=("channel", "event_id"))


def _message_id(hook: base.HookRequest, events: Sequence[base.Event]) -> str:
    ours = [event.message_id if isinstance(event, base.Receipt) else event.in_reply_to for event in events]
    return next((message_id for message_id in ours if message_id), hook.query.get("m", ""))


async def _message(session: Session, gateway: context.Gateway, message_id: str) -> base.Outgoing | None:
    """The message that a call is about, as its channel was handed it."""
    message, sender = core(Message), core(Sender)
    query = (
        sa.select(message, sa.func.coalesce(sender.c.address, "").label("sender"))
        .outerjoin(sender, sender.c.id == message.c.sender_id)
        .where(message.c.id == message_id)
    )
    row = (await session.execute(query)).mappings().one_or_none()
    if row is None:
        return None
    fields: dict[str, Any] = {**row}
    found = outgoing.build(
        fields,
        callback_url=gateway.public_url,
        unsubscribe_url=gateway.unsubscribe_url,
        clip_url=gateway.clip_url,
        now=gateway.now(),
    )
    if found.script and (fields["script"] or {}).get("person"):
        script = dataclasses.replace(found.script, office=callers.office(gateway))
        return dataclasses.replace(found, script=script)
    return found
