"""What a failure changes beside its own message: phone or mailbox, lane, and what staff are asked to see to.

Whether a provider says it in its answer or in a later receipt makes no difference. The same table serves every
provider: channels have put their codes into one vocabulary of reasons (domain notes, sections 3.8 and 3.9).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from channels.base import Medium, Reason
from gateway import audit, circuits, points, retry, senders, tasks
from gateway.database import Session

#: Reasons for which a receipt holds a lane, where the provider's table says too that the trouble is lane-wide: others
#: (a country that is not allowed) are known only too late to spare the rest. Mail is sent back for what is the
#: message's: whoever forges a bounce must not stop a lane.
_LANE_WIDE = frozenset({Reason.AUTH, Reason.RATE})


@dataclass(frozen=True, slots=True)
class Errand:
    """What staff are asked: once for each sender, or for each run of a notice."""

    kind: str
    of_run: bool
    what: str
    cure: str
    urgent: bool = False


ERRANDS: Final = MappingProxyType(
    {
        Reason.AUTH: Errand(
            "account",
            False,
            "The provider does not accept our account: nothing goes out by any of its senders until that is mended.",
            "Log in to the provider's console, see whether the account is suspended or its password was changed, "
            "correct the settings and restart, or run handbell sender release.",
            urgent=True,
        ),
        Reason.CONFIG: Errand(
            "settings",
            False,
            "The provider does not send from this sender, or not to some of our families.",
            "See handbell doctor. For texts: is the sender registered, and are the countries allowed in the console? "
            "For mail: do SPF, DKIM and DMARC fit the From address?",
        ),
        Reason.FILTERED: Errand(
            "wording",
            True,
            "The networks took this notice for spam.",
            "Leave out links, capitals and words of selling, then send it again. If it goes on, ask the provider why.",
        ),
        Reason.CONTENT: Errand(
            "wording",
            True,
            "The words of this notice were refused: too long, empty, or taken for spam.",
            "Change the wording, then send it again.",
        ),
        Reason.RATE: Errand(
            "capacity",
            False,
            "The provider cannot keep up: an emergency message has to wait.",
            "Reach the families by another medium too, and ask the provider for a higher rate.",
            urgent=True,
        ),
    }
)


async def learn(
    session: Session,
    message: Mapping[str, Any],
    reason: Reason | None,
    *,
    code: str,
    log: audit.Log,
    now: datetime,
) -> None:
    """Let a failure have its effects on the contact point, and ask staff where there is something to do.

    ``message`` is a row with ``id``, ``medium``, ``address``, ``sender_id``, ``run_id`` and ``priority``.
    """
    await points.failed(session, message, reason, code=code, log=log, now=now)
    await ask_staff(session, message, reason, code=code, log=log, now=now)


async def ask_staff(
    session: Session, message: Mapping[str, Any], reason: Reason | None, *, code: str, log: audit.Log, now: datetime
) -> None:
    """Ask staff alone: the message is not given up yet, so nothing is said of its phone or mailbox."""
    if ask := _ask(message, reason, code):
        if reason is Reason.AUTH and (account := await circuits.account(session, message["sender_id"])):
            ask = dataclasses.replace(ask, subject=f"account:{account}")  # told once, whichever sender noticed
        await tasks.ask(session, ask, log=log, now=now)


async def hold_lane(
    session: Session, message: Mapping[str, Any], reason: Reason | None, *, code: str, log: audit.Log, now: datetime
) -> None:
    """Open the circuit where a receipt speaks of the account; hold the lane of a provider that cannot keep up."""
    sender_id = message["sender_id"]
    if reason not in _LANE_WIDE or message["medium"] is Medium.EMAIL or sender_id is None:
        return
    if reason is Reason.AUTH:
        because = "The provider does not accept our account."
        await circuits.trip(session, sender_id, reason, because=because, code=code, log=log, now=now)
        return
    until, because = now + retry.Policy().lane_hold(None), "The provider cannot keep up."
    await senders.hold(session, sender_id, until=until, because=because, code=code, log=log, now=now)


def _ask(message: Mapping[str, Any], reason: Reason | None, code: str) -> tasks.Ask | None:
    if reason is Reason.OTHER and code and message["medium"] is not Medium.EMAIL:
        what = f"The provider gave the code {code}, which is not in our list; nobody's number is blamed for it."
        return tasks.Ask("unclassified", f"code:{code}", what, "Look it up in the provider's documentation.")
    errand = ERRANDS.get(reason) if reason else None
    if errand is None or (reason is Reason.RATE and message["priority"] > 0):
        return None
    run_id = message["run_id"]
    subject = f"sender:{message['sender_id']}"
    if errand.of_run:
        subject = f"run:{run_id}" if run_id is not None else f"message:{message['id']}"
    said = f"{errand.what} (code {code})" if code else errand.what
    return tasks.Ask(errand.kind, subject, said, errand.cure, errand.urgent)
