"""Every way into the web server, and who may come in by it: ``handbell routes`` lists them, and the tests try each.

A route is made by :func:`entry`, by the door of the office's pages (:mod:`gateway.web.office.door`), or as a part of
the API, which asks for a token. A route that is none of these makes the list fail.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Mount, Route

from gateway.web import limits

NO_BODY: Final = 0  #: bytes: whatever is sent is not looked at
READS: Final = frozenset({"GET", "HEAD"})


class By(StrEnum):
    """What lets somebody in; each completes the sentence "It opens to …"."""

    ANYBODY = "anybody, and says nothing of anybody"
    PROVIDER = "a provider, by its signature or token"
    LINK = "whoever has its address, which is signed"
    TOKEN = "a program, by its token"  # noqa: S105 - it is none
    PERSON = "a person who has signed in"


#: How guessing is slowed, where there is something to guess.
SLOWED: Final = {
    By.ANYBODY: "",
    By.PROVIDER: "an HMAC, or a long token: nothing to guess",
    By.LINK: "an HMAC: nothing to guess",
    By.TOKEN: "unknown tokens: 20 at once, then one in 3 s",
    By.PERSON: "",
}


class Entry(Route):
    """A route that says who may come in by it, and the most bytes that may be sent to it."""

    by: By
    largest: int


@dataclass(frozen=True, slots=True)
class Listed:
    """A way in, as it is listed.

    ``roles``    who of the school, where it opens to a person; all others are refused
    ``csrf``     whether a form must carry what only a page of ours could know
    ``largest``  bytes of a request; 0 where a body is not looked at
    ``seconds``  for a request to come
    ``slowed``   how guessing is slowed
    """

    path: str
    methods: tuple[str, ...]
    by: By
    roles: tuple[str, ...] = ()
    csrf: bool = False
    largest: int = NO_BODY
    seconds: float = limits.SECONDS
    slowed: str = ""

    @property
    def changes(self) -> bool:
        """Whether it may change something."""
        return not READS.issuperset(self.methods)


def entry(path: str, endpoint: Any, *, by: By, methods: Sequence[str] = ("GET",), largest: int = NO_BODY) -> Entry:
    """Make a route that opens so; a body of more than ``largest`` bytes is refused, where one is looked at."""
    limited = [Middleware(limits.Limits, size=largest)] if largest else []
    made = Entry(path, endpoint, methods=list(methods), middleware=limited)
    made.by, made.largest = by, largest
    return made


def listed(routes: Iterable[BaseRoute], *, prefix: str = "", largest: int = NO_BODY) -> Iterator[Listed]:
    """Every way in of an application, in its order.

    Raises :class:`TypeError` for a route that does not say who may come in by it.
    """
    from gateway.web.office import door, rights

    for route in routes:
        if isinstance(route, Mount):
            limited = route.app if isinstance(route.app, limits.Limits) else None
            inner, size = (limited.app, limited.size) if limited else (route.app, largest)
            if isinstance(inner, FastAPI):
                yield from _of_the_api(inner, prefix=prefix + route.path, largest=size)
            else:
                yield from listed(getattr(inner, "routes", ()), prefix=prefix + route.path, largest=size)
            continue
        if not isinstance(route, Entry | door.Page):
            where = prefix + getattr(route, "path", str(route))
            raise TypeError(f"{where} does not say who may come in by it: make it with entries.entry or door.page")
        path, methods = prefix + route.path, tuple(sorted((route.methods or set()) - {"HEAD"}))
        if isinstance(route, Entry):
            yield Listed(path, methods, route.by, largest=route.largest, slowed=SLOWED[route.by])
        else:
            public = route.right is rights.Right.PUBLIC
            roles = () if public else tuple(role for role in rights.Role if rights.may(role, route.right))
            who, posts = By.ANYBODY if public else By.PERSON, "POST" in methods
            yield Listed(path, methods, who, roles, posts, route.largest, route.patience, route.slowed)


def _of_the_api(api: FastAPI, *, prefix: str, largest: int) -> Iterator[Listed]:
    """As its description has it, which is made from what each route depends on."""
    for path, operations in api.openapi()["paths"].items():
        for method, operation in operations.items():
            by = By.TOKEN if operation.get("security") else By.ANYBODY
            yield Listed(prefix + path, (method.upper(),), by, largest=largest, slowed=SLOWED[by])
    for route in api.routes:
        if isinstance(route, Route):  # the description does not describe itself
            yield Listed(prefix + route.path, ("GET",), By.ANYBODY)
