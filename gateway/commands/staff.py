"""``handbell staff``: who may come in to the office's pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gateway.commands import opening, options, showing
from gateway.roles import Role

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gateway.accounts.means import Means
    from gateway.context import Gateway
    from gateway.database import Session
    from gateway.models import Account

Who = Annotated[str, typer.Argument(metavar="WHO", help="Their email, or their name.")]
Forms = Annotated[list[str] | None, typer.Option("--form", help="A teacher's own form; may be repeated.")]


def list_all(ctx: typer.Context, json: options.Json = False) -> None:
    """List everybody, what they are, and when they signed in last."""
    from gateway.accounts import staff

    async def job(gateway: Gateway) -> None:
        async with gateway.database.read() as session:
            people = await staff.listed(session)
            forms = await staff.forms(session, *(one.id for one in people))
        if json:
            fields = {"name", "email", "role", "created_at", "signed_in_at", "disabled_at"}
            showing.data([one.model_dump(include=fields) | {"forms": sorted(forms[one.id])} for one in people])
            return
        rows = (
            (
                one.name,
                one.email,
                one.role.value,
                ", ".join(sorted(forms[one.id])),
                "may not come in" if one.disabled_at else showing.when(one.signed_in_at, gateway.timezone),
            )
            for one in people
        )
        showing.table(("name", "email", "role", "forms", "signed in"), rows)

    opening.work(ctx, job)


def add(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="As the school says it, such as “Mrs Okafor”.")],
    email: Annotated[str, typer.Argument(metavar="EMAIL", help="What they sign in with.")],
    role: Annotated[Role, typer.Option(help="What they are to Handbell.")],
    actor: options.As,
    forms: Forms = None,
) -> None:
    """Let somebody in, and print a link by which they choose a password."""
    from gateway.accounts import links, staff

    async def job(gateway: Gateway) -> None:
        by = _means(gateway, actor)
        async with gateway.database.write() as session:
            account = await staff.add(
                session, gateway.new_id(), name=name, email=email, role=role, forms=forms or (), means=by
            )
            value = await links.make(session, account, means=by)
        _say_link(gateway, f"new-password/{value}", f"Give it to {account.name}")

    opening.work(ctx, job)


def link(
    ctx: typer.Context,
    actor: options.As,
    who: Annotated[
        str, typer.Argument(metavar="[WHO]", help="Their email or name; nothing for the very first person.")
    ] = "",
    no_codes: Annotated[
        bool, typer.Option("--no-codes", help="Their phone is lost: ask for no code of it any more.")
    ] = False,
) -> None:
    """Print a link by which somebody chooses a new password.

    It works once. Earlier links of theirs work no more. While nobody is there it is for the first one who comes in.
    """
    from gateway import errors
    from gateway.accounts import links, sessions, staff

    async def job(gateway: Gateway) -> None:
        by = _means(gateway, actor)
        async with gateway.database.write() as session:
            if not who:
                if not await staff.nobody(session):
                    raise errors.Conflict("Say whose link it is to be: handbell staff list says who there is.")
                value = await links.first(session, means=by)
                _say_link(gateway, f"first-run/{value}", "Open it yourself")
                return
            account = await staff.find(session, who)
            if no_codes:
                await staff.forget_codes(session, account, means=by)
                await sessions.end_all(session, account.id, why="codes", means=by)
            value = await links.make(session, account, means=by)
        _say_link(gateway, f"new-password/{value}", f"Give it to {account.name}")

    opening.work(ctx, job)


def role(
    ctx: typer.Context,
    who: Who,
    role: Annotated[Role, typer.Argument(help="What they are from now on.")],
    actor: options.As,
    forms: Forms = None,
) -> None:
    """Make somebody another role, and sign them out; with --form, say which forms are theirs."""
    from gateway.accounts import staff

    async def deed(session: Session, account: Account, by: Means) -> str:
        await staff.set_role(session, account, role, means=by)
        if forms is not None:
            await staff.set_forms(session, account, forms, means=by)
        return f"{account.name} is {role.value} now."

    _change(ctx, who, actor, deed)


def disable(ctx: typer.Context, who: Who, actor: options.As) -> None:
    """Let somebody in no more, from this moment on."""
    from gateway.accounts import staff
    from gateway.trust import visiting

    async def deed(session: Session, account: Account, by: Means) -> str:
        await staff.disable(session, account, means=by)
        await visiting.stay_home(session, account.email)
        return f"{account.name} may not come in any more."

    _change(ctx, who, actor, deed)


def end_sessions(ctx: typer.Context, who: Who, actor: options.As) -> None:
    """Sign somebody out everywhere."""
    from gateway.accounts import sessions

    async def deed(session: Session, account: Account, by: Means) -> str:
        ended = await sessions.end_all(session, account.id, why="it", means=by)
        return f"{account.name}: {showing.count(ended, 'sign-in')} ended."

    _change(ctx, who, actor, deed)


def _change(
    ctx: typer.Context, who: str, actor: str, deed: Callable[[Session, Account, Means], Awaitable[str]]
) -> None:
    from gateway.accounts import staff

    async def job(gateway: Gateway) -> None:
        async with gateway.database.write() as session:
            said = await deed(session, await staff.find(session, who), _means(gateway, actor))
        showing.say(said)

    opening.work(ctx, job)


def _means(gateway: Gateway, actor: str) -> Means:
    from gateway.accounts.means import Means

    return Means(gateway.log, gateway.now(), actor)


def _say_link(gateway: Gateway, path: str, what: str) -> None:
    showing.say(f"{gateway.office_url}/{path}")
    showing.remark(f"{what}: it works once, and is not shown again.")
