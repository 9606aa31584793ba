"""The page behind the link in a survey's email: a question, a button for each answer, and the next question.

A GET never answers: security gateways follow every link of a mail. It shows the first question that its reader has not
answered yet, whichever email it stands in. No cookie, no login: the address is signed for one message.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from urllib.parse import parse_qsl

import jinja2
import sqlalchemy as sa
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from gateway import answer_links, survey_answers
from gateway.database import Session
from gateway.models import Message, SurveyTaker
from gateway.models.types import core
from gateway.web import site
from gateway.web.entries import By, entry
from templates import languages, phrases

_LARGEST_BODY = 4096
_POLICY = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"


def routes() -> list[BaseRoute]:
    """``/s/{message_id}/{token}`` and the page's style."""
    pages = Pages(
        jinja2.Environment(
            loader=jinja2.PackageLoader("gateway.web", "pages"), autoescape=True, undefined=jinja2.StrictUndefined
        ),
        style=(resources.files("gateway.web") / "pages" / "page.css").read_text("utf-8"),
    )
    return [
        entry("/s/page.css", pages.give_style, by=By.ANYBODY),
        entry("/s/{message_id}/{token}", pages.ask, by=By.LINK),
        entry("/s/{message_id}/{token}", pages.answer, by=By.LINK, methods=("POST",), largest=_LARGEST_BODY),
    ]


@dataclass(frozen=True, slots=True)
class Pages:
    """A question, its answer, and a sorry."""

    templates: jinja2.Environment
    style: str

    async def give_style(self, _request: Request) -> Response:
        """The page's own style sheet."""
        return Response(self.style, media_type="text/css", headers={"Cache-Control": "max-age=3600"})

    async def ask(self, request: Request) -> Response:
        """Show the question that is next. Does nothing."""
        async with site.of(request).gateway.database.read() as session:
            message = await _message(session, request)
            asked = await _next(session, message) if message else None
        return self._show(request, message, asked)

    async def answer(self, request: Request) -> Response:
        """Take the answer, and show the next question. The same button twice counts once."""
        form = dict(parse_qsl((await request.body()).decode("ascii", "replace")))
        gateway = site.of(request).gateway
        async with gateway.database.write() as session:
            message = await _message(session, request)
            asked = await _next(session, message) if message else None
            key, thanks = form.get("answer", ""), ""
            if message and asked and form.get("question") == str(asked.number) and key in asked.question.labels():
                await survey_answers.record(
                    session, asked, message, key=key, by_link=True, log=gateway.log, now=gateway.now()
                )
                label, school = asked.question.label(key, message.language), gateway.settings.school.short_name
                thanks = phrases.received(message.language, school=school, label=label)
                asked = await _next(session, message)
        return self._show(request, message, asked, thanks=thanks)

    def _show(
        self, request: Request, message: Message | None, asked: survey_answers.Asked | None, *, thanks: str = ""
    ) -> Response:
        school = site.of(request).gateway.settings.school
        language = message.language if message else school.language
        question = asked.question if asked else None
        body = self.templates.get_template("survey.html").render(
            language=language,
            direction=languages.direction(language),
            school=school.name,
            title=asked.survey.title if asked else school.name,
            thanks=thanks,
            question=(question.text.get(language) or question.text["en"]) if question else "",
            options=[(one.key, question.label(one.key, language)) for one in question.options] if question else [],
            number=asked.number if asked else 0,
            expired=phrases.unsubscribe_page(language, school=school.name, school_phone=school.phone).expired,
        )
        return Response(
            body,
            status_code=200 if asked or thanks else 404,
            media_type="text/html",
            headers={
                "Content-Security-Policy": _POLICY, "X-Robots-Tag": "noindex", "Cache-Control": "no-store",
                "Referrer-Policy": "no-referrer",
            },
        )  # fmt: skip


async def _message(session: Session, request: Request) -> Message | None:
    """The email that a link stands in, if the link is ours and the email is still known."""
    gateway, message_id = site.of(request).gateway, request.path_params["message_id"]
    if not answer_links.holds(gateway, message_id, request.path_params["token"]):
        return None
    return await session.get(Message, message_id)


async def _next(session: Session, message: Message) -> survey_answers.Asked | None:
    """The first question that whoever has the email has not answered; None where there is none, or it is closed."""
    asked = await survey_answers.asked_by(session, message)
    if asked is None or asked.survey.closed_at is not None or message.contact_id is None:
        return None
    t = core(SurveyTaker).c
    mine = sa.select(t.answered).where(t.survey_id == asked.survey.id, t.contact_id == message.contact_id)
    number = await session.scalar(mine) or 0
    if number >= len(asked.whole.questions) or not asked.whole.questions[number].options:
        return None
    return survey_answers.Asked(asked.survey, asked.whole, number)
