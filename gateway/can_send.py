"""Can we send? One answer, for ``/readyz``, the office's page, the API and ``handbell status``."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

import sqlalchemy as sa
import structlog
from sqlmodel import col, select

from channels.base import Reason, TellsTime
from gateway import circuits, context, failures, outbox, polling, senders, trial
from gateway.backup import copies
from gateway.doctor import Finding, books, keeping, machine
from gateway.models import Audit, Sender

logger = structlog.get_logger()

#: By priority, the most urgent first: what is due and has waited for longer does not leave as it should. A long queue
#: of announcements may take its hour at a slow sender's rate. ``config/monitoring/alerts.yml`` has the same figures.
LATE: Final[Mapping[int, timedelta]] = {
    0: timedelta(minutes=5), 1: timedelta(minutes=10), 2: timedelta(hours=1), 3: timedelta(hours=4),
}  # fmt: skip
SEALED_WITHIN: Final = timedelta(minutes=5)  #: the sealer works every second; a line this old and unsealed says no more
FAILING: Final = timedelta(minutes=15)  #: a provider that is away for longer is no passing trouble
APART: Final = timedelta(seconds=30)  #: providers refuse what is signed by a clock that is wrong by more
QUICK_LINES: Final = 100  #: of the audit log, looked at each time; ``handbell audit verify`` looks at all

_DATABASE_SECONDS: Final = 5.0
_KINDS: Final = ("An alarm", "A message about a missing child", "An announcement", "Good news or a question")


@dataclass(frozen=True, slots=True)
class Way:
    """One sender: how many messages wait for it, and since when the first of them has been due."""

    sender: Sender
    waiting: int
    oldest: datetime | None

    def state(self, now: datetime) -> Literal["sends", "held", "refused"]:
        """``sends``, ``held`` until a moment, or ``refused``: the provider will not have us."""
        if self.sender.open_since:
            return "refused"
        return "held" if self.sender.held_until and self.sender.held_until > now else "sends"


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether messages can leave and answers come in.

    ``reasons``  why not, each a sentence that says what to do where a person can; none where all is well
    ``queued``   by medium and priority: how many wait, and since when the first has been due
    ``trial``    only guests get anything
    ``copy``     whether the nights make copies of the database; it stands in no message's way. None: not asked
    ``copied_at``  when the last one was made
    """

    reasons: Sequence[str] = ()
    ways: Sequence[Way] = ()
    queued: Mapping[tuple[str, int], tuple[int, datetime | None]] = field(default_factory=dict)
    trial: bool = False
    copy: Finding | None = None
    copied_at: datetime | None = None


async def look(gateway: context.Gateway, *, stuck: Sequence[str] = (), failing: Sequence[str] = ()) -> Answer:
    """Look at everything that matters for that, in some seconds at most; never raises.

    ``stuck`` and ``failing`` are this process's loops that do not turn, and lanes that cannot write down what they do.
    """
    here = [f"The {loop} has not turned for a minute." for loop in stuck]
    here += [
        f"What {lane} does cannot be written down, so nothing leaves: look for a full disk or a locked database."
        for lane in failing
    ]
    here += [receiver.trouble for receiver in gateway.receivers if receiver.trouble]
    here += _bad(machine.disk(gateway))
    here += _provider_clocks(gateway)
    try:
        async with asyncio.timeout(_DATABASE_SECONDS):
            return await _with_database(gateway, here)
    except Exception as error:  # whatever the driver calls it; without its trace, as the next question comes in seconds
        logger.error("health.database_away", error=type(error).__name__)  # noqa: TRY400 - see above
        return Answer([*here, "The database does not answer."])


async def _with_database(gateway: context.Gateway, here: Sequence[str]) -> Answer:
    now = gateway.now()
    async with gateway.database.read() as session:
        unsealed = await session.scalar(select(sa.func.min(col(Audit.at))).where(col(Audit.link).is_(None)))
        newest = await session.scalar(select(col(Audit.at)).order_by(col(Audit.id).desc()).limit(1))
        active = [one for one in await senders.listed(session) if one.active]
        by_sender, queued = await outbox.by_sender(session), await outbox.waiting(session)
        late = _late(await outbox.overdue(session, now=now), gateway, now)
        # Where webhooks come too, a list that cannot be read keeps nothing out.
        deaf = [] if gateway.public_url else await polling.troubles(session, gateway)
        in_trial, copied_at = await trial.goes_on(session), await copies.last_made(session)
    chain = _bad(await books.chain(gateway, lines=QUICK_LINES))
    closed = [one.held_because for one in active if senders.is_closed(one)][:1]
    reasons = [*here, *closed, *_refused(active, gateway.timezone, now), *late]
    reasons += _set_back(newest, gateway.timezone, now)
    if unsealed is not None and unsealed < now - SEALED_WITHIN:
        reasons.append("The audit log has not been sealed for five minutes.")
    ways = [Way(one, *by_sender.get(one.id or 0, (0, None))) for one in active]
    copy = keeping.last_copy(gateway, copied_at)
    return Answer([*reasons, *chain, *deaf], ways, queued, in_trial, copy, copied_at)


def _bad(findings: Iterable[Finding]) -> list[str]:
    return [f"{one.sentence} {one.cure}" for one in findings if one.state == "bad"]


def _refused(active: Sequence[Sender], timezone: ZoneInfo, now: datetime) -> list[str]:
    """Whom the provider will not have: at once where a person must mend it, else once it does not pass."""
    found = []
    for one in active:
        if one.open_since is None:
            continue
        since = f"{one.open_since.astimezone(timezone):%d %B %H:%M}"
        who = f"Sender {one.id} ({one.channel})"
        if one.open_reason in {reason.value for reason in circuits.NEEDS_A_PERSON}:
            cure = failures.ERRANDS[Reason(one.open_reason)].cure
            found.append(f"{who} is held back since {since}: {one.held_because} {cure}")
        elif one.open_reason and now - one.open_since > FAILING:
            cure = "It goes on by itself once the provider does: look at its page of troubles, and use another medium."
            found.append(f"{who} has failed since {since}: {one.held_because} {cure}")
    return found


def _late(overdue: Mapping[tuple[str, int], datetime], gateway: context.Gateway, now: datetime) -> list[str]:
    """Lanes whose first message has waited too long; in quiet hours and just after them, only of what is urgent."""
    found = []
    for (medium, priority), since in sorted(overdue.items(), key=lambda one: one[0][1]):
        limit = LATE[priority]
        quiet = gateway.is_quiet(now) or gateway.is_quiet(now - limit)
        if now - since > limit and not (quiet and priority > outbox.URGENT):
            minutes = int((now - since).total_seconds() // 60)
            what = f"{_KINDS[priority]} by {medium} has been due for {minutes} minutes and has not left."
            found.append(f"{what} Is a process with the role sender running, and its rate high enough?")
    return found


def _provider_clocks(gateway: context.Gateway) -> list[str]:
    """Whether a provider's answers have another time than ours; one is enough, as it is our clock that is set."""
    for name, channel in gateway.channels.items():
        ahead = channel.ahead if isinstance(channel, TellsTime) else None
        if ahead is not None and abs(ahead) > APART:
            way = "behind" if ahead > timedelta(0) else "ahead of"
            sentence = f"The clock is {abs(ahead).total_seconds():.0f} seconds {way} that of {name}."
            return [f"{sentence} Let this machine set its clock by NTP."]
    return []


def _set_back(newest: datetime | None, timezone: ZoneInfo, now: datetime) -> list[str]:
    """Whether something was written down already at a time that is still to come."""
    if newest is None or newest - now < APART:
        return []
    until = f"{newest.astimezone(timezone):%d %B %H:%M}"
    return [f"The clock was set back: the log has a line of {until}. What waits for an hour waits until then."]
