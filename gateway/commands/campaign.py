"""``handbell campaign``: notices that go out again and again, when they do, and why not."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.commands import marks, opening, options, showing

if TYPE_CHECKING:
    from gateway.campaigns.views import Coming, Seen
    from gateway.context import Gateway

Key = Annotated[str, typer.Argument(metavar="KEY", help="The campaign's key or id, from handbell campaign list.")]


def list_all(
    ctx: typer.Context,
    everything: Annotated[bool, typer.Option("--all", help="Those that are over, too.")] = False,
    json: options.Json = False,
) -> None:
    """List the campaigns, the one that fires next first."""
    from gateway.campaigns import views

    async def job(gateway: Gateway) -> None:
        async with gateway.database.read() as session:
            found = await views.listed(session, gateway, everything=everything)
        if json:
            showing.data([_plain(one) for one in found])
            return
        showing.table(
            ("key", "title", "rule", "next", ""),
            ((one.notice.key, one.notice.title, one.rule, showing.when(one.next_at, gateway.timezone),
              one.standing) for one in found),
        )  # fmt: skip

    opening.work(ctx, job)


def _plain(one: Seen) -> dict[str, Any]:
    paused = one.campaign
    return {
        "key": one.notice.key,
        "title": one.notice.title,
        "state": one.notice.state,
        "rule": one.rule,
        "school": one.school,
        "next_fire_at": one.next_at,
        "paused_at": paused.paused_at if paused else None,
        "paused_until": paused.paused_until if paused else None,
        "standing": one.standing,
    }


def coming(
    ctx: typer.Context,
    key: Annotated[str, typer.Argument(metavar="[KEY]", help="One campaign; else all of them.")] = "",
    limit: Annotated[int, typer.Option("--count", min=1, max=500, help="How many firings.")] = 10,
    days: Annotated[int, typer.Option("--days", min=1, max=400, help="Of all campaigns: how far ahead.")] = 14,
    json: options.Json = False,
) -> None:
    """Show the coming firings with their dates, and the days that are left out or moved, with the reason."""
    from gateway.campaigns import deeds, views

    async def job(gateway: Gateway) -> None:
        async with gateway.database.read() as session:
            if key:
                notice = await deeds.find(session, key)
                found = await views.coming(session, gateway, notice, limit=limit)
                resting = [await views.one(session, gateway, notice)]
            else:
                until = gateway.now() + timedelta(days=days)
                found = await views.all_coming(session, gateway, until=until, limit=max(limit, 200))
                resting = await views.listed(session, gateway)
        if json:
            showing.data([_fields(one) for one in found])
            return
        showing.table(("when", "campaign", "why"), (_row(one, gateway) for one in found))
        for one in resting:
            if one.standing:
                showing.say(f"{one.notice.key}: {one.standing}")

    opening.work(ctx, job)


def _fields(one: Coming) -> dict[str, Any]:
    return {"key": one.campaign, "at": one.at, "wanted": one.wanted, "why": one.why}


def _row(one: Coming, gateway: Gateway) -> tuple[str, str, str]:
    if one.at is None:
        return f"({one.wanted:%a %d %b %Y %H:%M})", one.campaign, f"left out: {one.why}"
    return f"{one.at.astimezone(gateway.timezone):%a %d %b %Y %H:%M}", one.campaign, one.why


def explain(
    ctx: typer.Context,
    key: Key,
    day: marks.Day = "",
) -> None:
    """Say why a campaign goes out on a day, or does not, or what became of it."""
    from gateway.campaigns import deeds, views

    async def job(gateway: Gateway) -> None:
        wanted = datetime.combine(marks.day_of(day, gateway.today()), time())
        async with gateway.database.read() as session:
            notice = await deeds.find(session, key)
            seen = await views.one(session, gateway, notice)
            said = await views.explain(session, gateway, notice, wanted)
        showing.say(f"{notice.title} ({notice.key}): {seen.rule}.")
        for sentence in said:
            showing.say(sentence)
        if following := seen.next_at:
            showing.say(f"It fires next: {showing.when(following, gateway.timezone)}.")

    opening.work(ctx, job)


def pause(
    ctx: typer.Context,
    key: Key,
    actor: options.As,
    until: Annotated[str, typer.Option("--until", metavar="DATE", help="Goes on by itself on this day.")] = "",
) -> None:
    """Let a campaign rest, until a day or until somebody resumes it. What falls into the pause is not made up."""
    from gateway.campaigns import deeds
    from scheduler import calendar

    async def job(gateway: Gateway) -> None:
        ends = None
        if until:
            ends = calendar.to_utc(datetime.combine(marks.day_of(until, gateway.today()), time()), gateway.timezone)
        async with gateway.database.write() as session:
            notice = await deeds.pause(session, gateway, key, until=ends, by=actor)
        rest = f"until {showing.when(ends, gateway.timezone)}" if ends else f"until: handbell campaign resume {key}"
        showing.say(f"“{notice.title}” rests {rest}.")

    opening.work(ctx, job)


def resume(ctx: typer.Context, key: Key, actor: options.As) -> None:
    """Let a campaign go on that is paused, or that could not be planned."""
    from gateway.campaigns import deeds

    async def job(gateway: Gateway) -> None:
        async with gateway.database.write() as session:
            notice = await deeds.resume(session, gateway, key, by=actor)
        following = showing.when(notice.next_fire_at, gateway.timezone) or "when the calendar has a day for it"
        showing.say(f"“{notice.title}” goes on. It fires next: {following}.")

    opening.work(ctx, job)


def run_now(ctx: typer.Context, key: Key, actor: options.As) -> None:
    """Have a campaign go out now, beside its own firings, which stay as they are."""
    from gateway.campaigns import deeds

    async def job(gateway: Gateway) -> None:
        async with gateway.database.write() as session:
            notice = await deeds.run_now(session, gateway, key, by=actor)
        showing.say(f"“{notice.title}” goes out now, if handbell run is running.")

    opening.work(ctx, job)
