"""What every page shares, and how a request finds it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.requests import Request

from gateway import context
from gateway.phone_line.talking import Talking
from gateway.web import limits


@dataclass(frozen=True, slots=True)
class Site:
    """The gateway and the daemon's ears.

    ``stuck``    the loops that do not turn
    ``failing``  the lanes that cannot write down what they do
    ``arrived``  to be called when an event was stored
    ``planned``  to be called when messages may have become due
    ``busy``     (token, Idempotency-Key) of the requests that are being worked on
    ``guesses``  of tokens, which are limited
    ``talking``  the calls of families that are under way
    """

    gateway: context.Gateway
    stuck: Callable[[], list[str]]
    failing: Callable[[], list[str]]
    arrived: Callable[[], None]
    planned: Callable[[], None]
    busy: set[tuple[int, str]] = field(default_factory=set)
    guesses: limits.Guesses = field(default_factory=limits.Guesses)
    talking: Talking = field(default_factory=Talking)


def of(request: Request) -> Site:
    """The site that a request came to."""
    found = request.app.state.site
    if not isinstance(found, Site):
        raise TypeError("the application was not made by app.build")
    return found
