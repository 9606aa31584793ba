"""``handbell school``: the schools of a trust, and the people of one who may come to another."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from gateway import errors
from gateway.commands import opening, options, showing
from gateway.roles import Role

if TYPE_CHECKING:
    from config.settings import Settings
    from gateway.trust.register import School

Key = Annotated[str, typer.Argument(metavar="KEY", help="The school: the name of its settings file, without .toml.")]


def add(ctx: typer.Context, key: Key, actor: options.As) -> None:
    """Make a school's place in the database, or bring it to the tables of this version.

    Safe to repeat. A school that had retired is back, with all that it had.
    """
    settings = _all(ctx, key)[key]
    from gateway import wiring

    asyncio.run(wiring.add_school(settings, by=actor))
    showing.say(f"{settings.school.name} is ready. handbell run takes it in at its next start.")


def retire(ctx: typer.Context, key: Key, actor: options.As) -> None:
    """Let a school send and answer nothing more. All that it had stays in the database.

    A daemon that runs goes on with it until its next start.
    """
    settings = opening.common(ctx, key)
    from gateway import wiring

    asyncio.run(wiring.retire_school(settings, by=actor))
    showing.say(f"{settings.school.name} is retired. Start handbell again, and keep its settings file with its data.")


def list_all(ctx: typer.Context, json: options.Json = False) -> None:
    """List the schools: which have a settings file, which a place in the database, and which are retired."""
    configured = opening.schools(ctx)
    kept = _kept(configured)
    keys = sorted({*configured, *kept})
    rows = [
        {"key": key, "name": _name(key, configured, kept), "state": state(key, set(configured), kept)} for key in keys
    ]
    if json:
        showing.data(rows)
    else:
        showing.table(("key", "name", "state"), ((row["key"], row["name"], row["state"]) for row in rows))


def show(ctx: typer.Context, key: Key, json: options.Json = False) -> None:
    """Show one school: its addresses, its numbers, its place in the database."""
    settings = _all(ctx, key)[key]
    from gateway import enclosure

    kept = _kept({key: settings})
    facts = {
        "key": key,
        "name": settings.school.name,
        "state": state(key, {key}, kept),
        "staff reach it at": settings.web.office_url or settings.web.public_base_url,
        "providers reach it at": settings.web.public_base_url or "they do not: it asks them",
        "texts come from": ", ".join(sender.address for sender in settings.twilio.sms_senders),
        "schema and role": enclosure.name(key),
        "folder": str(settings.database.state_dir),
    }
    if json:
        showing.data(facts)
    else:
        showing.table(("", ""), facts.items())


def let_in(
    ctx: typer.Context,
    email: Annotated[str, typer.Argument(metavar="EMAIL", help="How they sign in at their own school.")],
    to: Annotated[str, typer.Option("--to", metavar="KEY", help="The school that they may come to.")],
    role: Annotated[Role, typer.Option("--role", help="What they are there.")],
    actor: options.As,
) -> None:
    """Let somebody of this school come to another one, by their own sign-in, as what you say."""
    home, other = _pair(ctx, to)
    from gateway import wiring

    name = asyncio.run(wiring.let_in(home, other, email=email, role=role, by=actor))
    showing.say(f"{name} may come to {other.school.name}, as {role}: by the page /schools of their own school.")


def keep_out(
    ctx: typer.Context,
    email: Annotated[str, typer.Argument(metavar="EMAIL", help="How they sign in at their own school.")],
    to: Annotated[str, typer.Option("--to", metavar="KEY", help="The school that they may come to no more.")],
    actor: options.As,
) -> None:
    """Let somebody of this school come to another one no more, from this moment on."""
    home, other = _pair(ctx, to)
    from gateway import wiring

    asyncio.run(wiring.keep_out(home, other, email=email, by=actor))
    showing.say(f"{email} may come to {other.school.name} no more.")


def state(key: str, configured: set[str], kept: dict[str, School]) -> str:
    """Where a school stands, and what to do next."""
    if key not in kept:
        return f"new: run handbell school add {key}"
    if (at := kept[key].retired_at) is not None:
        return f"retired on {at:%d/%m/%Y}"
    return "active" if key in configured else f"without settings: put {key}.toml back, or retire it with it"


def _pair(ctx: typer.Context, to: str) -> tuple[Settings, Settings]:
    home = opening.settings(ctx)
    if home.school_key == to:
        raise errors.Conflict(f"{home.school.name} is their own school: handbell staff says what they are there.")
    return home, opening.common(ctx, to)


def _all(ctx: typer.Context, key: str) -> dict[str, Settings]:
    """Every school's settings: whether one fits in is a question to all of them."""
    found = opening.schools(ctx)
    if key not in found:
        raise errors.NotFound(f"There is no settings file {key}.toml in trust.schools. There are: {', '.join(found)}.")
    return found


def _name(key: str, configured: dict[str, Settings], kept: dict[str, School]) -> str:
    return configured[key].school.name if key in configured else kept[key].name


def _kept(configured: dict[str, Settings]) -> dict[str, School]:
    """What the databases know of the schools, by key."""
    from gateway.trust import register

    return asyncio.run(register.everywhere(one.database.dsn() for one in configured.values()))
