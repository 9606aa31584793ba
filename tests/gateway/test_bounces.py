"""What a mail that comes back changes: domain notes, section 3.8. Never more than the mailbox it was sent to."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select
from support import school
from support.desk import LOG, NOW

from channels import email_codes
from channels.base import Medium, Reason, Receipt, ReceiptState
from gateway import ids, intake, receipts, tasks
from gateway.database import Database
from gateway.models import ContactPoint, Inbound, Message, MessageState, OptOut, PointKind, PointState

S, P, R = MessageState, PointState, Reason
MARIA, OTHER = "maria@example.com", "grandmother@example.org"


async def mail(database: Database, address: str = MARIA, **fields: Any) -> str:
    """A mail that the server took; the mailbox is on file from the first one on."""
    point = await point_of(database, address)
    if point is None:
        contact = await school.contact(database)
        await school.point(database, contact, address, kind=PointKind.EMAIL)
    sender = await school.sender(database, medium=Medium.EMAIL, channel="smtp")
    values: dict[str, Any] = {
        "id": ids.new_id(), "sender_id": sender, "medium": Medium.EMAIL, "address": address, "slot": ids.new_id(),
        "purpose": school.Purpose.STATUTORY, "state": S.ACCEPTED, "attempt": 1, "due_at": NOW, "created_at": NOW,
        "changed_at": NOW,
    }  # fmt: skip
    row = Message(**(values | fields))
    await school.add(database, row)
    return row.id


async def point_of(database: Database, address: str = MARIA) -> ContactPoint | None:
    async with database.read() as session:
        return (await session.scalars(select(ContactPoint).where(ContactPoint.address == address))).one_or_none()


async def bounce(
    database: Database, message_id: str, code: str, *, day: float = 0, reason: Reason | None = R.BAD_ADDRESS,
    state: ReceiptState = ReceiptState.FAILED, address: str = MARIA, attempt: int = 0,
) -> str:  # fmt: skip
    # As whoever reads mail gives it: of status and words together.
    read = email_codes.reason(code, said=reason) if state is ReceiptState.FAILED and code != "complaint" else reason
    given = Receipt(message_id, "", state, ids.new_id(), NOW, read, code, attempt, address=address)
    async with database.write() as session:
        return await receipts.apply(session, given, log=LOG, now=NOW + timedelta(days=day))


async def state_of(database: Database, address: str = MARIA) -> tuple[PointState, int]:
    point = await point_of(database, address)
    assert point is not None
    return point.state, point.strikes


async def kinds(database: Database) -> list[str]:
    async with database.read() as session:
        return [task.kind for task in await tasks.listed(session)]


async def message(database: Database, message_id: str) -> Message:
    async with database.read() as session:
        return await session.get_one(Message, message_id)


@pytest.mark.parametrize("code", ["5.1.1", "550 5.1.1", "5.1.2", "5.1.3", "5.1.6", "556 5.1.10"])
async def test_no_such_mailbox_is_dead_at_once(sqlite_database: Database, code: str) -> None:
    message_id = await mail(sqlite_database)
    assert await bounce(sqlite_database, message_id, code) == "changed"
    assert (await message(sqlite_database, message_id)).state is S.FAILED
    assert (await state_of(sqlite_database))[0] is P.DEAD
    assert await kinds(sqlite_database) == ["address"]


@pytest.mark.parametrize(
    ("code", "said", "days", "states"),
    [
        ("5.2.1", R.BAD_ADDRESS, [0, 3], [P.UNPROVEN, P.DEAD]),
        ("5.2.1", R.BAD_ADDRESS, [0, 0, 0], [P.UNPROVEN] * 3),
        ("5.2.1", R.BAD_ADDRESS, [0, 14, 28], [P.UNPROVEN] * 3),
        ("5.2.2", R.UNREACHABLE, [0, 14, 28], [P.UNPROVEN, P.UNPROVEN, P.DOUBTFUL]),
        ("552 4.2.2", R.TEMPORARY, [0, 16, 31, 46], [P.UNPROVEN] * 4),
        ("5.0.0", R.OTHER, [0, 1], [P.UNPROVEN, P.DOUBTFUL]),
        ("", None, [0, 1], [P.UNPROVEN, P.DOUBTFUL]),
        ("", R.BAD_ADDRESS, [0, 1], [P.UNPROVEN, P.DEAD]),
        ("4.4.7", R.BAD_ADDRESS, [0, 1, 2, 3, 4], [P.UNPROVEN, P.UNPROVEN, P.DOUBTFUL, P.DOUBTFUL, P.DOUBTFUL]),
        ("5.4.1", R.BAD_ADDRESS, [0, 1, 2], [P.UNPROVEN, P.UNPROVEN, P.DOUBTFUL]),
    ],
)
async def test_strikes(
    sqlite_database: Database, code: str, said: Reason | None, days: list[float], states: list[PointState]
) -> None:
    seen = []
    for day in days:
        await bounce(sqlite_database, await mail(sqlite_database), code, reason=said, day=day)
        seen.append((await state_of(sqlite_database))[0])
    assert seen == states


@pytest.mark.parametrize("code", ["5.7.1", "550 5.7.26", "5.7.509", "5.1.8"])
async def test_our_own_fault_is_the_admins_to_mend(sqlite_database: Database, code: str) -> None:
    for day in range(4):
        message_id = await mail(sqlite_database)
        await bounce(sqlite_database, message_id, code, day=day)
    assert (await message(sqlite_database, message_id)).reason == "config"
    assert await state_of(sqlite_database) == (P.UNPROVEN, 0)
    assert set(await kinds(sqlite_database)) == {"settings"}


async def test_a_delayed_warning_changes_nothing(sqlite_database: Database) -> None:
    message_id = await mail(sqlite_database)
    given = {"reason": R.TEMPORARY, "state": ReceiptState.ACCEPTED}
    assert await bounce(sqlite_database, message_id, "4.4.1", **given) == "stale"
    assert (await message(sqlite_database, message_id)).state is S.ACCEPTED
    assert await state_of(sqlite_database) == (P.UNPROVEN, 0)
    assert await kinds(sqlite_database) == []


@pytest.mark.parametrize("word", list(ReceiptState))
async def test_a_complaint_is_an_unsubscribe_of_mail_that_arrived(
    sqlite_database: Database, word: ReceiptState
) -> None:
    message_id = await mail(sqlite_database)
    for _ in range(2):
        await bounce(sqlite_database, message_id, "complaint", reason=R.OPTED_OUT, state=word)
    assert (await message(sqlite_database, message_id)).state is S.DELIVERED
    async with sqlite_database.read() as session:
        [stop] = await session.scalars(select(OptOut))
    assert (stop.medium, stop.address, stop.mandatory_too, stop.how) == (Medium.EMAIL, MARIA, False, "complaint")
    assert (await state_of(sqlite_database))[0] is P.WORKING
    assert await kinds(sqlite_database) == []


async def test_a_late_bounce_and_the_same_again(database: Database) -> None:
    message_id = await mail(database, state=S.DELIVERED)
    assert await bounce(database, message_id, "5.2.1") == "changed"
    assert await bounce(database, message_id, "5.2.1", day=1) == "stale"
    assert await state_of(database) == (P.UNPROVEN, 1)


async def test_of_a_forwarded_mail_only_our_own_mailbox_is_judged(sqlite_database: Database) -> None:
    await mail(sqlite_database, OTHER)
    await bounce(sqlite_database, await mail(sqlite_database), "5.1.1", address=OTHER)
    assert await state_of(sqlite_database, OTHER) == (P.UNPROVEN, 0)
    assert (await state_of(sqlite_database))[0] is P.DEAD


async def test_of_a_try_that_another_has_followed_only_the_mailbox_learns(database: Database) -> None:
    message_id = await mail(database, state=S.SENDING, attempt=2)
    assert await bounce(database, message_id, "5.2.1", attempt=1) == "stale"
    assert await bounce(database, message_id, "5.2.1", attempt=1, day=1) == "stale"
    assert (await message(database, message_id)).state is S.SENDING
    assert await state_of(database) == (P.UNPROVEN, 1), "the same message strikes once"


@pytest.mark.parametrize("message_id", ["", "01FORGED00000000000000000"])
@pytest.mark.parametrize("code", ["5.1.1", "complaint"])
async def test_a_bounce_of_no_mail_of_ours_has_no_effect(sqlite_database: Database, message_id: str, code: str) -> None:
    """Anybody can write one: it must not kill a mailbox."""
    await mail(sqlite_database)
    reason = R.OPTED_OUT if code == "complaint" else R.BAD_ADDRESS
    given = Receipt(message_id, "", ReceiptState.FAILED, "forged", NOW, reason, code, address=MARIA)
    async with sqlite_database.write() as session:
        await intake.store(session, "mail-in", [given], now=NOW)
    for minutes in (0, 1, 6):
        await intake.handle_waiting(sqlite_database, log=LOG, now=NOW + timedelta(minutes=minutes))
    async with sqlite_database.read() as session:
        [inbound] = await session.scalars(select(Inbound))
        assert (await session.scalars(select(OptOut))).all() == []
    assert inbound.outcome == "orphan"
    assert await state_of(sqlite_database) == (P.UNPROVEN, 0)
