"""The page behind the unsubscribe link of an email, and the one-click address of mail providers (RFC 8058).

A GET never acts: security gateways follow every link of a mail. A POST acts at once if it says
``List-Unsubscribe=One-Click``, as a form or as parts (RFC 8058 §3.2, §8.2): mail providers send that, and our own
button; without these words it is no more than a look. No cookie, no login, no redirect (§3.1).
"""

from __future__ import annotations

from dataclasses import dataclass
from email import policy
from email.parser import BytesParser
from functools import cache
from importlib import resources
from typing import Any
from urllib.parse import parse_qsl

import jinja2
import structlog
from sqlalchemy.exc import IntegrityError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from channels.base import Medium
from gateway import context, points
from gateway.models import Message
from gateway.web import site
from gateway.web.entries import By, entry
from templates import languages, phrases, states

logger = structlog.get_logger()

_LARGEST_BODY = 4096
_WISH = ("List-Unsubscribe", "One-Click")  #: RFC 8058 section 3.2
_POLICY = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"


@cache
def pages() -> Pages:
    """The pages behind the link, as they lie beside this file."""
    return Pages(
        jinja2.Environment(
            loader=jinja2.PackageLoader("gateway.web", "pages"), autoescape=True, undefined=jinja2.StrictUndefined
        ),
        style=(resources.files("gateway.web") / "pages" / "page.css").read_text("utf-8"),
    )


def routes() -> list[BaseRoute]:
    """``/u/{message_id}/{token}`` and the page's style."""
    return [
        entry("/u/page.css", pages().give_style, by=By.ANYBODY),
        entry("/u/{message_id}/{token}", pages().ask, by=By.LINK),
        entry("/u/{message_id}/{token}", pages().stop, by=By.LINK, methods=("POST",), largest=_LARGEST_BODY),
    ]


@dataclass(frozen=True, slots=True)
class Pages:
    """The three faces of the page: a question, a confirmation, and a sorry."""

    templates: jinja2.Environment
    style: str

    async def give_style(self, _request: Request) -> Response:
        """The page's own style sheet."""
        return Response(self.style, media_type="text/css", headers={"Cache-Control": "max-age=3600"})

    async def ask(self, request: Request) -> Response:
        """Show what would happen, and a button. Does nothing."""
        found = await message(request)
        return self.show(request, "ask" if found else "expired", found)

    async def stop(self, request: Request) -> Response:
        """Write down that this address wants no more mail that it may decline. Again and again is as good as once."""
        wished = _one_click(request.headers.get("content-type", ""), await request.body())
        found = await message(request)
        if found is None:
            return self.show(request, "expired", None)
        if not wished:
            return self.show(request, "ask", found)
        try:
            await _opt_out(site.of(request).gateway, found)
        except IntegrityError:  # the same wish came twice at once, and the other was faster
            logger.info("unsubscribe.twice", message=found.id)
        return self.show(request, "done", found)

    def show(self, request: Request, face: str, found: Message | None) -> Response:
        """One of the faces, in the language of the email."""
        settings = site.of(request).gateway.settings
        school = settings.school
        language = found.language if found else school.language
        first = phrases.unsubscribe_page(language, school=school.name, school_phone=school.phone)
        english = None
        # Everybody can stop mail in their own words, a draft too: with the English below, nobody is misled by one.
        if not settings.languages.allow_drafts and not states.trusted(phrases.state("page", language)):
            english = phrases.unsubscribe_page(languages.ENGLISH, school=school.name, school_phone=school.phone)
        topics = f"{request.path_params['token']}/topics" if found and found.contact_id else ""
        return self.page(
            "unsubscribe.html",
            status=404 if face == "expired" else 200,
            first=first,
            english=english,
            face=face,
            school=school.name,
            topics=topics,
            choose=phrases.wishes_page(language),
        )

    def page(self, template: str, *, status: int = 200, **values: Any) -> Response:
        """A page that loads nothing from elsewhere, sends its form to us alone, and is in no search machine."""
        return Response(
            self.templates.get_template(template).render(**values),
            status_code=status,
            media_type="text/html",
            headers={"Content-Security-Policy": _POLICY, "X-Robots-Tag": "noindex"},
        )


def _one_click(content_type: str, body: bytes) -> bool:
    """Whether a body says ``List-Unsubscribe=One-Click``, as a form or as parts."""
    if content_type.lower().startswith("multipart/form-data"):
        head = f"Content-Type: {content_type}\r\n\r\n".encode("latin-1", "replace")
        parts = BytesParser(policy=policy.HTTP).parsebytes(head + body).walk()
        found = {str(part.get_param("name", header="content-disposition")): part.get_payload() for part in parts}
        return str(found.get(_WISH[0], "")).strip() == _WISH[1]
    try:
        return _WISH in parse_qsl(body.decode("ascii"))
    except ValueError:
        return False


async def message(request: Request) -> Message | None:
    """The email that a link stands in, if the link is ours and the email is still known."""
    gateway = site.of(request).gateway
    message_id, token = request.path_params["message_id"], request.path_params["token"]
    if not token.isascii() or not gateway.signed("unsubscribe", message_id, token):
        return None
    async with gateway.database.read() as session:
        message = await session.get(Message, message_id)
    return message if message and message.medium is Medium.EMAIL and message.address else None


async def _opt_out(gateway: context.Gateway, message: Message) -> None:
    async with gateway.database.write() as session:
        await points.opt_out(
            session,
            Medium.EMAIL,
            message.address,
            how="unsubscribe link",
            log=gateway.log,
            now=gateway.now(),
            mandatory_too=False,
        )
