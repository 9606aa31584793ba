"""``handbell routes``: every way into the web server, and who may come in by it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import typer

from gateway.commands import opening, options, showing

if TYPE_CHECKING:
    from gateway.context import Gateway


def routes(ctx: typer.Context, json: options.Json = False) -> None:
    """List every address of the web server: who may come in, what a form must carry, how much it may send.

    The tests try each of them; docs/security.md says what that keeps out.
    """
    from gateway.web import app, entries, site

    async def job(gateway: Gateway) -> None:
        here = site.Site(gateway, list, list, lambda: None, lambda: None)
        found = list(entries.listed(app.routes(here)))
        if json:
            showing.data([dataclasses.asdict(one) for one in found])
            return
        showing.table(
            ("address", "", "opens to", "form proof", "most", "within", "guessing"),
            (
                (
                    one.path,
                    " ".join(one.methods),
                    ", ".join(one.roles) or one.by.value,
                    "yes" if one.csrf else "",
                    f"{one.largest:,} bytes" if one.largest and one.changes else "",
                    f"{one.seconds:g} s" if one.changes else "",
                    one.slowed,
                )
                for one in found
            ),
        )
        showing.say(f"{showing.count(len(found), 'way')} in.")

    opening.work(ctx, job)
