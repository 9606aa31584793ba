"""Calls to the school's number: each webhook is one turn of a call, answered with what the caller hears next.

A caller is listening, so trouble of ours is said in words, with a status of 200: to an error the provider would say
words of its own. A recording that could not be noted down is answered with 503, so that it is told of again.
"""

from __future__ import annotations

from functools import partial

import structlog
from starlette.responses import Response

from channels import base, calls_in
from gateway.database import Session
from gateway.phone_line import answering, voicemail
from gateway.web import problems, site

logger = structlog.get_logger()

MISDIRECTED = "This number is another school's: correct its addresses at the provider."


async def take_in(here: site.Site, name: str, phone: calls_in.PhoneLine, hook: base.HookRequest) -> Response:
    """Answer a genuine webhook of the phone line."""
    response, result = await _answer(here, name, phone, hook)
    here.gateway.metrics.hooks.labels(name, result).inc()
    return response


async def _answer(
    here: site.Site, name: str, phone: calls_in.PhoneLine, hook: base.HookRequest
) -> tuple[Response, str]:
    """What to say, and a word for what came of the call."""
    try:
        asked = phone.parse(hook)
    except Exception:  # a bug of ours, or a provider's novelty
        logger.exception("hook.unreadable", path=hook.path)
        asked = None
    if isinstance(asked, calls_in.Recording):
        return await _note(here, name, asked)
    if isinstance(asked, calls_in.CallTurn) and asked.called in here.gateway.elsewhere:
        logger.error("hook.misdirected", channel=name)
        return problems.respond(404, MISDIRECTED), "misdirected"
    if asked is None:
        return _said(phone.answer(hook, answering.trouble(here.gateway))), "unreadable"
    try:
        step = await here.gateway.commits.do(partial(_turn, here, phone, asked))
    except Exception:  # the database is away, say: nothing was written down, and nothing is promised
        logger.exception("hook.call_broken", line=name)
        return _said(phone.answer(hook, answering.trouble(here.gateway))), "failed"
    here.arrived()
    goes_on = not asked.over and not isinstance(step.then, calls_in.HangUp)
    here.talking.answered(asked.ref, goes_on=goes_on, now=here.gateway.now())
    return _said(phone.answer(hook, step)), "stored"


async def _turn(
    here: site.Site, phone: calls_in.PhoneLine, asked: calls_in.CallTurn, session: Session
) -> calls_in.CallStep:
    return await answering.turn(session, here.gateway, phone, asked)


async def _note(here: site.Site, name: str, recording: calls_in.Recording) -> tuple[Response, str]:
    try:
        await here.gateway.commits.do(partial(_take, here, name, recording))
    except Exception:
        logger.exception("hook.not_stored", channel=name)
        return problems.respond(503, "It could not be stored. Send it again.", kind="not-ready"), "failed"
    here.arrived()
    return Response(status_code=204), "stored"


async def _take(here: site.Site, name: str, recording: calls_in.Recording, session: Session) -> None:
    await voicemail.take(session, here.gateway, name, recording)


def _said(answer: base.HookResponse) -> Response:
    return Response(answer.body, status_code=answer.status, media_type=answer.content_type)
