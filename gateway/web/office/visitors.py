"""Who looks at a page: found out by the door, asked for by every page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from starlette.requests import Request

from gateway import context
from gateway.accounts import sessions, signatures, staff
from gateway.database import Session
from gateway.roles import Role
from gateway.trust import visiting
from gateway.web import site
from gateway.web.office import rights

SESSION: Final = "handbell"  #: the cookie of a session
FORM: Final = "handbell-form"  #: the cookie that a form of a page without a sign-in belongs to
KNOWN: Final = "handbell-known"  #: the cookie of a browser that somebody has signed in from before


@dataclass(frozen=True, slots=True)
class Visitor:
    """Whoever is signed in.

    ``account``     their id; ``session`` that of their sign-in
    ``name``        as the audit log has it
    ``forms``       a teacher's own, as the school writes them; empty for everybody else
    ``csrf``        what each form of theirs carries, as the field ``csrf`` or the header ``X-CSRF``
    ``hide_names``  their screen faces the counter: names are initials
    ``ends_at``     when they are signed out if they do nothing more
    """

    account: str
    name: str
    role: Role
    forms: frozenset[str]
    csrf: str
    hide_names: bool
    session: str
    ends_at: datetime

    def may(self, right: rights.Right) -> bool:
        """Whether they have a right. A teacher whom nobody has given a form has none that is about children: to the
        pages, no forms are no limit.
        """
        return rights.may(self.role, right) and not (self.has_no_form and right not in rights.WITHOUT_CHILDREN)

    @property
    def has_no_form(self) -> bool:
        """Whether this is a teacher whom nobody has given a form yet."""
        return self.role is Role.TEACHER and not self.forms

    def sees(self, form: str) -> bool:
        """Whether they may see the children of a form: a teacher only those of their own."""
        return self.role is not Role.TEACHER or form in self.forms

    @property
    def signature(self) -> str:
        """How what they do is signed, in the audit log and wherever it says who did something."""
        return signatures.of_account(self.name)


def of(request: Request) -> Visitor:
    """Whoever is signed in. Every page that is not public has somebody."""
    found = found_or_none(request)
    if found is None:
        raise TypeError("a page without a sign-in asked who looks")
    return found


def found_or_none(request: Request) -> Visitor | None:
    """Whoever is signed in, on a page that is for everybody."""
    found = getattr(request.state, "visitor", None)
    return found if isinstance(found, Visitor) else None


def csrf(request: Request) -> str:
    """What the forms of this page carry, whether anybody is signed in or not."""
    return str(request.state.csrf)


def spans(gateway: context.Gateway) -> sessions.Spans:
    """How long a sign-in lives."""
    chosen = gateway.settings.staff
    return sessions.Spans(timedelta(seconds=chosen.idle_s), timedelta(seconds=chosen.most_s))


def cookie(gateway: context.Gateway, name: str) -> str:
    """How a cookie is called: over https a browser takes ``__Host-`` only from this very host, and only encrypted."""
    return f"__Host-{name}" if is_encrypted(gateway) else name


def is_encrypted(gateway: context.Gateway) -> bool:
    """Whether staff reach the pages by https."""
    return gateway.office_url.startswith("https://")


async def look(request: Request) -> tuple[Visitor | None, sessions.Found | None]:
    """Find out who looks by the cookie: (nobody, a session) where one has ended by itself."""
    gateway = site.of(request).gateway
    value = request.cookies.get(cookie(gateway, SESSION), "")
    if not value:
        return None, None
    async with gateway.database.read() as session:
        found = await sessions.find(session, value, spans=spans(gateway), now=gateway.now())
        if found is None or found.over or found.row.waits_for_code:
            return None, found
        if await _is_kept_out(session, gateway, found):
            return None, None
        teaches = found.account.role is Role.TEACHER
        forms = await staff.forms(session, found.account.id) if teaches else {}
    return _visitor(gateway, found, forms.get(found.account.id, frozenset())), found


async def _is_kept_out(session: Session, gateway: context.Gateway, found: sessions.Found) -> bool:
    """Whether this is somebody of another school of the trust, who has no password here, and no right any more."""
    account = found.account
    if account.password or not gateway.database.school:
        return False
    return not await visiting.holds(session, account.email, account.role, begun=found.row.created_at)


def _visitor(gateway: context.Gateway, found: sessions.Found, forms: frozenset[str]) -> Visitor:
    return Visitor(
        account=found.account.id,
        name=found.account.name,
        role=found.account.role,
        forms=forms,
        csrf=gateway.sign("office form", found.row.id),
        hide_names=found.row.hide_names,
        session=found.row.id,
        ends_at=spans(gateway).ends(found.row),
    )
