"""What every page shares, and how a request finds it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway import clock, context
from gateway.accounts import passwords
from gateway.emergency import alarm
from gateway.phone_line.talking import Talking
from gateway.practice import phones
from gateway.web import limits

Rehearse = Callable[[alarm.Asked, str], Awaitable[Mapping[str, Any]]]  #: an alarm, and by whom


@dataclass(frozen=True, slots=True)
class Practice:
    """The pretend phones and mailboxes, and the clock that may be put on where there is one."""

    world: phones.World
    moved: clock.Movable | None = None


@dataclass(frozen=True, slots=True)
class Site:
    """The gateway and the daemon's ears.

    ``stuck``    the loops that do not turn
    ``failing``  the lanes that cannot write down what they do
    ``arrived``  to be called when an event was stored
    ``planned``  to be called when messages may have become due
    ``busy``     (token, Idempotency-Key) of the requests that are being worked on
    ``guesses``  of tokens, which are limited
    ``rehearse`` an alarm that goes as far as pretend phones; None where that cannot be done
    ``talking``  the calls of families that are under way
    ``passwords``  makes and compares them, few at once
    ``practice``  the pretend world, in practice mode alone
    """

    gateway: context.Gateway
    stuck: Callable[[], list[str]]
    failing: Callable[[], list[str]]
    arrived: Callable[[], None]
    planned: Callable[[], None]
    rehearse: Rehearse | None = None
    busy: set[tuple[int, str]] = field(default_factory=set)
    guesses: limits.Guesses = field(default_factory=limits.Guesses)
    talking: Talking = field(default_factory=Talking)
    passwords: passwords.Passwords = field(default_factory=passwords.Passwords)
    practice: Practice | None = None


class Signpost:
    """Tells each request which site it came to, as what answers it may be the same for all of a process (the API)."""

    def __init__(self, app: ASGIApp, here: Site) -> None:
        self.app, self.here = app, here

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        scope["site"] = self.here
        await self.app(scope, receive, send)


def of(request: Request) -> Site:
    """The site that a request came to."""
    found = request.scope.get("site")
    if not isinstance(found, Site):
        raise TypeError("the application was not made by app.build")
    return found
