"""Drafts of a free text in other languages, and a person's word that one is right. Nothing is sent to families."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from gateway import audit, errors
from gateway.database import Session
from gateway.translating import asking, drafting, reviewing, versions
from gateway.web import site
from gateway.web.api import bodies, callers, description, once, shapes
from templates import languages

routes = APIRouter(prefix="/translations", tags=["translations"])

To = Annotated[list[str] | None, Query(max_length=60, description="Languages, such as pl; else all the audience lacks")]


@routes.post("/draft", summary="Have a service draft other languages", openapi_extra=description.TAKES_DEFINITION)
async def draft(request: Request, caller: callers.Caller, to: To = None) -> shapes.Drafted:
    """The words leave the school, but for names on file, numbers to ring and placeholders. What was asked before costs
    nothing again. `definition` has the drafts in it, marked as a machine's: hand that in as a notice.

    503 where no service is set.
    """
    gateway, wanted = site.of(request).gateway, await bodies.definition(request)
    asking.service(gateway)
    async with gateway.database.read() as session:
        tags = [_tag(name) for name in to or ()]
        tags = tags or drafting.missing(wanted, list(await drafting.wanted(session, gateway, wanted)))
        drafting.check(wanted, tags)
        jobs = await drafting.prepare(session, gateway, wanted, tags)
    outcome = await drafting.draft(gateway, jobs)
    async with gateway.database.write() as session:
        await drafting.keep(session, gateway, outcome)
        line = audit.Line(
            "translation.drafted", f"notice:{wanted.key}", drafting.facts(gateway, outcome), caller.author
        )
        await gateway.log.record(session, line, now=gateway.now())
    made = versions.with_drafts(wanted, outcome.drafts)
    return shapes.Drafted(
        drafts=[shapes.Draft.model_validate(one) for one in outcome.drafts],
        refused=[shapes.NoDraft.model_validate(one) for one in outcome.refused],
        characters=outcome.characters,
        pence=round(asking.pence(gateway, outcome.characters), 4),
        definition=made.model_dump(mode="json", by_alias=True, exclude_defaults=True),
    )


@routes.post(
    "/review",
    response_model=shapes.Reviewed,
    summary="A person has reviewed a version",
    openapi_extra=description.TAKES_DEFINITION,
)
async def review(
    request: Request,
    caller: callers.Caller,
    gate: once.Once,
    language: Annotated[str, Query(max_length=60)],
    by: Annotated[str, Query(max_length=80, description="Who has read it and stands for it")],
) -> Response:
    """Its sentences are remembered, and `definition` names the reviewer: hand that in as a notice."""
    gateway, wanted, tag = site.of(request).gateway, await bodies.definition(request), _tag(language)

    async def deed(session: Session) -> once.Done:
        kept, doubts = await reviewing.accept(session, gateway, wanted, tag, by=by, actor=caller.author)
        made = versions.with_review(wanted, tag, by=by, on=gateway.today())
        definition = made.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        return once.Done(shapes.Reviewed(sentences=kept, doubts=doubts, definition=definition))

    return await gate.do(deed)


def _tag(name: str) -> str:
    tag = languages.match(name)
    if tag is None:
        what = f"“{name}” is not a language that Handbell knows."
        raise errors.BadInput([errors.Problem(what, "Write a tag such as pl or ur.", field="language")])
    return tag
