"""The door of the office's pages. A page can be made in no other way than by :func:`page`, which asks who may see it.

Before a page: whoever is not signed in goes to the sign-in and comes back afterwards. Whoever lacks the right is told
so, and it is written down. What changes something must come from a page of ours: a browser says where a form comes
from (``Sec-Fetch-Site``, ``Origin``), and the form carries what only our page could know.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final
from urllib.parse import parse_qsl, quote, urlsplit

from starlette.datastructures import FormData, ImmutableMultiDict, UploadFile
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from gateway import audit, context, errors
from gateway.accounts import means, sessions
from gateway.web import limits, site
from gateway.web.office import naming, rights, visitors

LARGEST: Final = 65_536  #: bytes of a form
SIGN_IN: Final = "/sign-in"
_READS: Final = frozenset({"GET", "HEAD"})
_MOST_FIELDS: Final = 2_000
_LARGEST_ID: Final = 2**31 - 1
_MOST_FILES: Final = 20
_LONGEST_NEXT: Final = 500
_STRANGE: Final = "This form is not from a page of ours, or you have signed in anew since. Open the page again."
_NO_COOKIE: Final = "Your browser did not keep our cookie, so it cannot sign in here. Open {url} instead."
_FORM_FOR: Final = timedelta(hours=12)

Show = Callable[[Request], Awaitable[Response]]
Form = ImmutableMultiDict[str, str]


class Page(Route):
    """A route that has been through the door; ``right`` is what it needs. See :class:`entries.Listed` for the rest."""

    right: rights.Right
    largest: int
    patience: float
    slowed: str


def page(
    path: str,
    show: Show,
    *,
    right: rights.Right,
    methods: Sequence[str] = ("GET",),
    largest: int = LARGEST,
    patience: float = limits.SECONDS,
    counts: bool = True,
    slowed: str = "",
) -> Page:
    """Make a page. ``right`` is what its visitor must have, ``largest`` the most bytes that may be sent to it, and
    ``patience`` for how many seconds. ``slowed`` says how guessing is slowed, where there is something to guess.

    ``counts`` says that whoever asks for it is there. A stream that a page opens by itself is no such sign.
    """

    async def guarded(request: Request) -> Response:
        visitor, found = await visitors.look(request)
        request.state.visitor = visitor
        public = right is rights.Right.PUBLIC
        nonce = request.cookies.get(visitors.cookie(site.of(request).gateway, visitors.FORM), "")
        fresh = secrets.token_urlsafe(16) if public and not nonce else ""
        request.state.csrf = _csrf(request, visitor, nonce=(nonce or fresh) if public else "")
        if found is not None and found.over:
            await _note_ended(request)
        if not public:
            if visitor is None:
                return _to_sign_in(request, was_in=found is not None and found.over)
            await _check_right(request, visitor, right)
        try:
            if request.method not in _READS:
                await _check_ours(request, kept=not public or bool(nonce))
            if visitor is not None and counts:
                visitor = await _note_seen(request, visitor, found)
            return _dressed(request, await show(request), visitor, fresh=fresh)
        finally:
            await request.close()  # files that were sent lie on the disk until then

    made = Page(
        path, guarded, methods=list(methods), middleware=[Middleware(limits.Limits, size=largest, seconds=patience)]
    )
    made.right, made.largest, made.patience, made.slowed = right, largest, patience, slowed
    return made


async def form(request: Request) -> Form:
    """The fields of a form that was sent; see :func:`files` for what else was.

    Raises 422 for a character that no text can hold.
    """
    kept = getattr(request.state, "form", None)
    if isinstance(kept, ImmutableMultiDict):
        return kept
    if request.headers.get("content-type", "").startswith("multipart/"):
        sent = await _sent(request)
        pairs = [(name, value) for name, value in sent.multi_items() if isinstance(value, str)]
    else:
        body = (await request.body()).decode("utf-8", "replace")
        try:
            pairs = parse_qsl(body, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
        except ValueError:
            raise HTTPException(422, "This form has too many fields.") from None
    if any(not _is_text(part) for pair in pairs for part in pair):
        raise HTTPException(422, "These words cannot be sent: they hold a character that no text can hold.")
    request.state.form = made = Form(pairs)
    return made


def _is_text(part: str) -> bool:
    """Whether a database can hold it: no NUL, and no half of a character, as a made-up charset of a part may bring."""
    return "\0" not in part and not any("\ud800" <= letter <= "\udfff" for letter in part)


def number(given: str) -> int:
    """The id that an address or a field gives, 0 for what is none."""
    digits = given if given.isascii() and given.isdigit() else ""
    return min(int(digits[:20] or 0), _LARGEST_ID)


async def files(request: Request, name: str) -> list[UploadFile]:
    """The files that were sent in a field of a form with ``enctype="multipart/form-data"``; gone with the request."""
    if not request.headers.get("content-type", "").startswith("multipart/"):
        return []
    found = (await _sent(request)).getlist(name)
    return [one for one in found if isinstance(one, UploadFile) and one.filename]


async def _sent(request: Request) -> FormData:
    try:
        return await request.form(max_files=_MOST_FILES, max_fields=_MOST_FIELDS, max_part_size=LARGEST)
    except HTTPException as error:
        if error.status_code != 400:
            raise
        raise HTTPException(422, f"This form cannot be read: {error.detail}") from None


def faults(error: errors.HandbellError, field: str = "") -> list[tuple[str, str]]:
    """What is wrong with a form, for the top of its page: the id of the field, or ``""``, and a sentence.

    ``field``  the one that input is wrong of which names none
    """
    if isinstance(error, errors.BadInput):
        return [(one.field or field, naming.sentence(f"{one.what} {one.cure}")) for one in error.problems]
    return [("", naming.sentence(str(error)))]


def local(path: str) -> str:
    """A path that a visitor may be led to: one of ours, or ``/`` for whatever else it is.

    Browsers take ``//elsewhere`` and ``/\\elsewhere`` for another site, and leave out tabs and line ends as they read.
    """
    plain = path.startswith("/") and not path.startswith("//") and "\\" not in path and path.isprintable()
    if not plain or len(path) > _LONGEST_NEXT or urlsplit(path).netloc or path.startswith(SIGN_IN):
        return "/"
    return path


def with_next(path: str, back: str) -> str:
    """A path that leads on to another one."""
    return f"{path}?next={quote(back, safe='/')}"


def to(path: str) -> Response:
    """Lead on after a form was taken: loading the page again does not send it again."""
    return RedirectResponse(path, status_code=303)


async def still(request: Request, before: visitors.Visitor) -> bool:
    """Whether a visitor whose stream is open may still see the page as it is: their session may have been ended since,
    or names hidden in another window.
    """
    visitor, _ = await visitors.look(request)
    return visitor is not None and visitor.hide_names == before.hide_names


def deed(request: Request, *, by: str = "") -> means.Means:
    """What a deed about accounts needs; signed by the visitor, unless it is said ``by`` whom."""
    gateway, visitor = site.of(request).gateway, visitors.found_or_none(request)
    return means.Means(gateway.log, gateway.now(), by or (visitor.signature if visitor else "handbell"))


def _csrf(request: Request, visitor: visitors.Visitor | None, *, nonce: str) -> str:
    """A page without a sign-in has no session to belong to: its forms belong to a cookie that means nothing else."""
    if nonce:
        return site.of(request).gateway.sign("public form", nonce)
    return visitor.csrf if visitor else ""


async def _check_right(request: Request, visitor: visitors.Visitor, right: rights.Right) -> None:
    if visitor.may(right):
        return
    gateway = site.of(request).gateway
    line = audit.Line("door.refused", f"account:{visitor.account}", {"right": right.name}, visitor.signature)
    async with gateway.database.write() as session:
        await gateway.log.record(session, line, now=gateway.now())
    if rights.may(visitor.role, right):  # as a teacher, who has no form yet
        sentence = "The office has not said yet which class is yours. Whoever lets people in does so on the page Staff."
        raise HTTPException(403, sentence)
    role, _ = rights.ROLES[visitor.role]
    able = ", ".join(name for one, (name, _) in rights.ROLES.items() if rights.may(one, right))
    sentence = f"As “{role}” you may not {right.value}. Ask somebody who may: {able}."
    raise HTTPException(403, f"{sentence} This look has been written in the audit log.")


async def _check_ours(request: Request, *, kept: bool) -> None:
    """Raises 403 for a form that comes from elsewhere, or is not of this session; and where no cookie was ``kept``."""
    fetched, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    ours = fetched in ("same-origin", "none") if fetched else origin is None or _is_own(request, origin)
    if not kept:
        raise HTTPException(403, _NO_COOKIE.format(url=site.of(request).gateway.office_url + SIGN_IN))
    given = request.headers.get("x-csrf") or (await form(request)).get("csrf", "")
    if not ours or not given or not secrets.compare_digest(given.encode(), request.state.csrf.encode()):
        raise HTTPException(403, _STRANGE)


def _is_own(request: Request, origin: str) -> bool:
    """Whether an origin is this site, as the browser called it or as the settings do."""
    own = {request.headers.get("host", ""), urlsplit(site.of(request).gateway.office_url).netloc}
    return urlsplit(origin).netloc in own - {""}


async def _note_ended(request: Request) -> None:
    gateway = site.of(request).gateway
    async with gateway.database.write() as session:
        await sessions.sweep(session, spans=visitors.spans(gateway), means=means.Means(gateway.log, gateway.now()))


async def _note_seen(request: Request, visitor: visitors.Visitor, found: sessions.Found | None) -> visitors.Visitor:
    """Note that somebody is there, now and then: a page is no reason to write each time."""
    gateway = site.of(request).gateway
    if found is None or gateway.now() - found.row.seen_at < sessions.SEEN_EVERY:
        return visitor
    now = gateway.now()
    async with gateway.database.write() as session:
        await sessions.touch(session, visitor.session, now=now)
    ends = min(now + visitors.spans(gateway).idle, found.row.ends_at)
    request.state.visitor = seen = replace(visitor, ends_at=ends)
    return seen


def _to_sign_in(request: Request, *, was_in: bool) -> Response:
    """To the sign-in, and back to the page afterwards; where htmx asks for a part, the whole page goes."""
    asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    back = local(asked) if request.method in _READS else "/"
    target = with_next(SIGN_IN, back) + ("&ended=1" if was_in else "")
    if "hx-request" in request.headers:
        return Response(status_code=401, headers={"HX-Redirect": target})
    return RedirectResponse(target, status_code=303)


def _dressed(request: Request, response: Response, visitor: visitors.Visitor | None, *, fresh: str) -> Response:
    # A browser that may not say where it comes from says "null" of our own forms: no-referrer goes too far here.
    response.headers["Referrer-Policy"] = "same-origin"
    gateway = site.of(request).gateway
    if visitor is not None:
        left = (visitor.ends_at - gateway.now()).total_seconds()
        response.headers["Handbell-Ends-In"] = str(max(int(left), 0))
    if fresh:
        keep(gateway, response, visitors.FORM, fresh, span=_FORM_FOR)
    return response


def keep(gateway: context.Gateway, response: Response, name: str, value: str, *, span: timedelta | None) -> None:
    """Give the browser a cookie that no script sees and no other site sends; without a span until it is closed."""
    response.set_cookie(
        visitors.cookie(gateway, name),
        value,
        max_age=int(span.total_seconds()) if span else None,
        path="/",
        secure=visitors.is_encrypted(gateway),
        httponly=True,
        samesite="lax",
    )


def drop(gateway: context.Gateway, response: Response, name: str) -> None:
    """Take a cookie away again."""
    response.delete_cookie(
        visitors.cookie(gateway, name), path="/", secure=visitors.is_encrypted(gateway), httponly=True, samesite="lax"
    )
