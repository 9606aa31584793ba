"""The office's pages as an application of its own, so that what goes wrong in it is said on a page too."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from gateway.web import problems, site
from gateway.web.office import (
    absence,
    account,
    announcements,
    audit,
    calendar,
    details,
    door,
    emergency,
    families,
    first_run,
    frame,
    good_news,
    importing,
    live,
    menu,
    naming,
    person_data,
    replies,
    reports,
    restored,
    schools,
    search,
    senders,
    settings,
    sign_in,
    staff,
    survey_new,
    surveys,
    today,
    visitors,
    wishes,
    wording,
    wording_language,
)
from gateway.web.office.rights import Right


@dataclass(frozen=True, slots=True)
class Sorry:
    """A page that says what happened, what still works, and what to do now. ``go`` leads on: address and words."""

    icon: str
    title: str
    sentences: tuple[str, ...]
    go: tuple[str, str] = ("/", "Go to the first page")


_AGAIN: Final = ("", "Try again")
_PAPER: Final = "If a child is missing, use the paper contact sheets."
#: Headers of an answer for programs that a browser wants, too.
_KEPT: Final = frozenset({"www-authenticate", "retry-after", "allow"})
_SORRY: Final = {
    401: Sorry("lock", "Sign in to see this page", (), ("/sign-in", "Sign in")),
    403: Sorry("lock", "You cannot see this", ("Nothing has been changed, and nobody is in trouble.",)),
    404: Sorry(
        "search",
        "We cannot find that page",
        ("The link may be old, or what it shows may have been deleted. Nothing has been lost.",),
    ),
    405: Sorry("search", "This page cannot be used so", ("Go there by the menu. Nothing has been lost.",)),
    409: Sorry("history", "That cannot be done as things stand", ("Nothing was done twice. Look at it again.",)),
    413: Sorry("circle-alert", "That is too large for us", ("Nothing has been changed.",)),
    422: Sorry("circle-alert", "That cannot be used as it is", ("Nothing has been changed.",)),
    429: Sorry("clock", "Too many tries", ("Nobody is locked out by it, and messages go on as always.",), _AGAIN),
    503: Sorry(
        "circle-alert",
        "Not now: the database does not answer",
        ("Nothing was sent twice, and what has been handed in is kept.", _PAPER),
        _AGAIN,
    ),
}
_BROKEN: Final = Sorry(
    "circle-alert",
    "Something broke on our side",
    (
        "Nothing was sent twice, and absence checks carry on. Please try again in a minute.",
        _PAPER,
        "It is in the log with the reference below, for IT.",
    ),
    _AGAIN,
)
#: What is a sentence for programs (detail) and would only repeat ours.
_PLAIN: Final = frozenset({500, 503})


def build(here: site.Site, *, closing: asyncio.Event | None = None) -> Starlette:
    """Make the pages of a site. Streams end when ``closing`` is set."""
    pages = frame.Pages(here)
    streams = live.Live(pages, closing or asyncio.Event())

    async def find_nothing(_request: Request) -> Response:
        """An address that is none of ours, said within the frame to whoever is signed in."""
        raise HTTPException(404)

    nothing = door.page("/{path:path}", find_nothing, right=Right.PUBLIC)

    async def apologise(request: Request, error: Exception) -> Response:
        """The same as the API says of an error, for a person to read."""
        return sorry(request, pages, error)

    return Starlette(
        routes=[pages.assets.route(), *routes(pages, streams), nothing],
        exception_handlers=dict.fromkeys(problems.handlers(), apologise),
    )


def routes(pages: frame.Pages, streams: live.Live) -> list[BaseRoute]:
    """Every page that is behind the door."""
    shelf = wording.Shelf()
    return [
        *streams.routes(),
        *menu.routes(pages),
        *sign_in.routes(pages),
        *first_run.routes(pages),
        *account.routes(pages),
        *schools.routes(pages),
        *staff.routes(pages),
        *today.routes(pages, streams),
        *absence.routes(pages, streams),
        *audit.routes(pages),
        *importing.routes(pages),
        *search.routes(pages),
        *settings.routes(pages),
        *senders.routes(pages),
        *restored.routes(pages),
        *person_data.routes(pages),
        *families.routes(pages),
        *wishes.routes(pages),
        *details.routes(pages, streams),
        *wording_language.routes(pages, shelf),  # before one wording, whose addresses are as long
        *wording.routes(pages, shelf),
        *announcements.routes(pages, streams),
        *emergency.routes(pages, streams),
        *good_news.routes(pages),
        *survey_new.routes(pages),
        *surveys.routes(pages, streams),
        *calendar.routes(pages),
        *reports.routes(pages),
        *replies.routes(pages, streams),
        *_practice(pages, streams),
    ]


def _practice(pages: frame.Pages, streams: live.Live) -> list[BaseRoute]:
    """The practice phones, in practice mode alone."""
    if pages.here.practice is None:
        return []
    from gateway.web.office import practice

    return practice.routes(pages, streams, pages.here.practice)


def sorry(request: Request, pages: frame.Pages, error: Exception) -> Response:
    """A page for whatever was raised; it asks the database nothing, as that may be what went wrong."""
    answer = problems.of(error)
    problem = problems.Problem.model_validate_json(bytes(answer.body))
    found = _SORRY.get(problem.status, _BROKEN)
    detail = problem.detail.replace("office:", "")  # whose a deed was, as people are called
    more = () if problem.status in _PLAIN or problem.problems else (detail,)
    wait = answer.headers.get("retry-after")
    if wait and wait.isdigit():
        more = (*more, f"Try again in {naming.count(int(wait), 'second')}.")
    kept = {name: value for name, value in answer.headers.items() if name in _KEPT}
    go = found.go if found.go[0] else (request.url.path if request.method == "GET" else "/", found.go[1])
    return pages.bare(
        request,
        "error.html",
        status=problem.status,
        headers=kept,
        icon=found.icon,
        title=found.title,
        sentences=[sentence for sentence in (*more, *found.sentences) if sentence],
        faults=[f"{fault.what} {fault.cure}".strip() for fault in problem.problems],
        go=go,
        reference=structlog.contextvars.get_contextvars().get("request_id", "") if problem.status >= 500 else "",
        framed=visitors.found_or_none(request) is not None,
    )
