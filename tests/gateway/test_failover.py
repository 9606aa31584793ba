"""The second way out: what waits for a provider in trouble goes by another one; never what may have gone already."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from random import Random
from typing import Any

from sqlmodel import col, select
from support import desk, lanes, school
from support.desk import LOG, NOW

from channels.base import FindResult, Found, Medium, Outcome, Reason, SendResult
from gateway import context, failover, outbox, retry, senders, staff
from gateway.database import Database
from gateway.models import Attempt, Message, MessageState, Purpose, Sender

TWILIO, NOTIFY = "+441134960001", "+441134960002"
PENCE = 2.4
REFUSED_US = SendResult(Outcome.RETRY, code="20003", reason=Reason.AUTH, text="Refused.", lane_wide=True)
POLICY = retry.Policy({medium: retry.Backoff(5, 20, 6) for medium in Medium}, patience=timedelta(seconds=30))
FINAL = (MessageState.ACCEPTED, MessageState.FAILED)


async def two_ways(database: Database, *, texts: tuple[str, str] = (TWILIO, NOTIFY)) -> tuple[int, int]:
    """One sender of each of two providers."""
    wanted = [
        senders.Wanted("twilio-sms", Medium.SMS, texts[0], 100, 100, "twilio"),
        senders.Wanted("notify-sms", Medium.SMS, texts[1], 100, 100, "notify", 5000, PENCE),
    ]
    async with database.write() as session:
        await senders.sync(session, wanted, log=LOG, now=NOW)
        rows = await senders.listed(session)
    return rows[0].id or 0, rows[1].id or 0


def office(database: Database, clock: desk.Clock | None = None) -> context.Gateway:
    return desk.gateway(database, clock or desk.Clock())


async def move(gateway: context.Gateway) -> int:
    async with gateway.database.write() as session:
        return await failover.move(session, gateway)


async def row_of(database: Database, message_id: str) -> Message:
    async with database.read() as session:
        return await session.get_one(Message, message_id)


async def break_down(database: Database, sender_id: int, result: SendResult = REFUSED_US) -> str:
    """One text is tried, and this comes of it. Gives its id."""
    one = await school.message(database, sender_id, now=NOW)
    [claimed] = (await desk.claim(database, sender_id)).messages
    await desk.settle(database, [outbox.Sent(claimed, result)], policy=POLICY)
    return one


async def test_what_waits_for_a_provider_that_refuses_us_goes_by_the_other(database: Database) -> None:
    twilio, notify = await two_ways(database)
    tried = await break_down(database, twilio)
    others = [await school.message(database, twilio, now=NOW) for _ in range(3)]
    gateway = office(database, desk.Clock(NOW + timedelta(seconds=30)))
    assert await move(gateway) == 4
    for message_id in (tried, *others):
        row = await row_of(database, message_id)
        assert (row.sender_id, row.state) == (notify, MessageState.QUEUED)
        assert row.remark == "Moved from twilio-sms to notify-sms: its provider refuses us: Refused."
    assert len((await desk.claim(database, notify, now=NOW + timedelta(seconds=30))).messages) == 4
    assert await move(gateway) == 0


async def test_what_staff_must_hear_at_once_goes_by_the_one_in_order(database: Database) -> None:
    twilio, notify = await two_ways(database)
    await break_down(database, twilio)
    words, purpose = "A child may be missing.", Purpose.SAFEGUARDING
    async with database.write() as session:
        [alert] = await staff.write(
            session, office(database), ["+447700900990"], words, subject="", slot="x", purpose=purpose
        )
    row = await row_of(database, alert)
    assert (row.sender_id, row.pence) == (notify, 0), "within what that one sends for nothing"


async def test_a_moment_of_patience_moves_nothing(database: Database) -> None:
    twilio, _ = await two_ways(database)
    await break_down(database, twilio, SendResult(Outcome.RETRY, reason=Reason.RATE, wait=5.0, lane_wide=True))
    assert await move(office(database, desk.Clock(NOW + timedelta(seconds=1)))) == 0


async def test_where_both_are_in_trouble_everything_stays(database: Database) -> None:
    twilio, notify = await two_ways(database)
    await break_down(database, twilio)
    await break_down(database, notify)
    assert await move(office(database, desk.Clock(NOW + timedelta(seconds=30)))) == 0


async def test_with_no_line_at_all_nothing_goes_to_and_fro(database: Database) -> None:
    """Neither can be reached: each is held for a minute once it was tried, and the minute of the other one is over."""
    twilio, notify = await two_ways(database)
    away = SendResult(Outcome.RETRY, reason=Reason.TEMPORARY, text="No line.", lane_wide=True)
    clock = desk.Clock()
    gateway, went = office(database, clock), []
    await school.message(database, twilio, now=NOW)
    for _ in range(20):
        for sender_id in (twilio, notify):
            claimed = (await desk.claim(database, sender_id, now=clock())).messages
            sent = [outbox.Sent(message, away) for message in claimed]
            await desk.settle(database, sent, policy=POLICY, now=clock())
        went.append(await move(gateway))
        clock.pass_(seconds=40)
    assert sum(went) == 1


async def test_what_is_to_be_answered_never_moves_to_a_name(database: Database) -> None:
    twilio, notify = await two_ways(database, texts=(TWILIO, "Oakfield"))
    await break_down(database, twilio)
    question, remark = [await school.message(database, twilio, now=NOW) for _ in range(2)]
    async with database.write() as session:
        (await session.get_one(Message, question)).keys = "12"
    await move(office(database, desk.Clock(NOW + timedelta(seconds=30))))
    assert (await row_of(database, question)).sender_id == twilio
    assert (await row_of(database, remark)).sender_id == notify


async def test_what_is_in_doubt_stays_with_the_provider_that_knows(database: Database) -> None:
    """It goes again after a doubt that nobody could decide (it is about a child's safety): still by the same one."""
    twilio, notify = await two_ways(database)
    doubtful = await school.message(database, twilio, now=NOW, purpose=Purpose.SAFEGUARDING)
    [claimed] = (await desk.claim(database, twilio)).messages
    await desk.settle(database, [outbox.Sent(claimed, SendResult(Outcome.UNKNOWN))], policy=POLICY)
    now = NOW
    while (await row_of(database, doubtful)).state is MessageState.UNKNOWN:
        now += timedelta(minutes=1)
        async with database.write() as session:
            for doubt in await outbox.doubts(session, now=now):
                found = FindResult(Found.CANNOT_TELL)
                await outbox.resolve(session, doubt, found, policy=POLICY, log=LOG, now=now)
    async with database.write() as session:
        sender = await session.get_one(Sender, twilio)
        sender.open_since, sender.held_until = now, now + timedelta(minutes=5)
    clear = await school.message(database, twilio, now=NOW, purpose=Purpose.SAFEGUARDING)
    assert await move(office(database, desk.Clock(now))) == 1
    assert [(await row_of(database, one)).sender_id for one in (doubtful, clear)] == [twilio, notify]


class World:
    """Two providers that do what chance says, and phones that remember. ``calls``: by message, by whom and what of it.

    What came of a call is ``definite`` once the provider has said so, at once or by its list.
    """

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)
        self.got = defaultdict[str, list[int]](list)
        self.calls = defaultdict[str, list[dict[str, Any]]](list)

    def send(self, message: Any) -> outbox.Sent | None:
        """One call; None where the worker dies in it."""
        message_id, sender_id = message["id"], message["sender_id"]
        for earlier in self.calls[message_id]:
            assert earlier["by"] == sender_id or earlier["definite"], "another one, after nobody knew"
        fate = self.chance.choices(
            ["taken", "refused", "not left", "refuses us", "busy", "doubt", "doubt, taken", "dies", "dies, taken"],
            [8, 1, 3, 4, 2, 2, 2, 1, 1],
        )[0]
        taken, died = "taken" in fate, "dies" in fate
        call = {"by": sender_id, "definite": not died and "doubt" not in fate, "number": message["attempt"]}
        self.calls[message_id].append(call)
        if taken:
            self.got[message_id].append(sender_id)
        if died:
            return None
        lane_wide, temporary = fate == "not left" or self.chance.random() < 0.3, Reason.TEMPORARY
        results = {
            "taken": SendResult(Outcome.ACCEPTED, ref=f"ref-{message_id}-{message['attempt']}"),
            "refused": SendResult(Outcome.REFUSED, code="21211", reason=Reason.BAD_ADDRESS, text="No."),
            "not left": SendResult(Outcome.RETRY, reason=temporary, text="No line.", lane_wide=lane_wide),
            "refuses us": REFUSED_US,
            "busy": SendResult(Outcome.RETRY, code="429", reason=Reason.RATE, text="Busy."),
        }
        return outbox.Sent(message, results.get(fate) or SendResult(Outcome.UNKNOWN, reason=temporary, text="?"))

    def find(self, message: Any) -> FindResult:
        """The provider's own list, when it can be asked."""
        if self.chance.random() < 0.7:
            return FindResult(self.chance.choice([Found.NOT_NOW, Found.CANNOT_TELL]))
        mine = [call for call in self.calls[message["id"]] if call["by"] == message["sender_id"]]
        for call in mine:
            call["definite"] = True
        if message["sender_id"] in self.got[message["id"]]:
            return FindResult(Found.HERE, (f"ref-{message['id']}-{mine[-1]['number']}",))
        return FindResult(Found.ABSENT)


async def a_while(database: Database, world: World, both: Sequence[int], clock: desk.Clock) -> None:
    """Twelve seconds of a gateway's life."""
    gateway = office(database, clock)
    for sender_id in both:
        claimed = await desk.claim(database, sender_id, now=clock(), urgent=40, routine=40)
        sent = [one for message in claimed.messages if (one := world.send(message)) is not None]
        await desk.settle(database, sent, policy=POLICY, now=clock())
    async with database.write() as session:
        await outbox.expire_leases(session, policy=POLICY, log=LOG, now=clock())
        for doubt in await outbox.doubts(session, now=clock()):
            found = world.find(doubt.message)
            await outbox.resolve(session, doubt, found, policy=POLICY, log=LOG, now=clock())
    await move(gateway)
    clock.pass_(seconds=12)


async def test_whatever_two_providers_do_no_phone_gets_it_twice(database: Database) -> None:
    both, world, clock = await two_ways(database), World(0), desk.Clock()
    purposes, ids = (Purpose.SERVICE, Purpose.SAFEGUARDING), dict[str, Purpose]()
    states = set[MessageState]()
    for turn in range(400):
        if turn < 40:
            purpose, sender_id = purposes[turn % 2], both[turn % 4 // 2]
            ids[await school.message(database, sender_id, now=clock(), purpose=purpose)] = purpose
        await a_while(database, world, both, clock)
        async with database.read() as session:
            states = set(await session.scalars(select(Message.state)))
        if turn > 40 and states <= set(FINAL):
            break
    assert states <= set(FINAL), "it all comes to an end"
    for message_id, purpose in ids.items():
        assert len(world.got[message_id]) <= 1 or purpose.goes_again_in_doubt, "never twice"
        assert len(set(world.got[message_id])) <= 1, "and by two providers never, whatever it is about"
        if (await row_of(database, message_id)).state is MessageState.ACCEPTED:
            assert world.got[message_id], "what is called accepted was taken"
    by_both = [one for one in ids if len({call["by"] for call in world.calls[one]}) == 2]
    assert by_both, "something was moved, or this shows nothing"


async def test_what_was_handed_over_is_counted_and_what_was_not_taken_is_not(database: Database) -> None:
    _, notify = await two_ways(database)
    for _ in range(3):
        await school.message(database, notify, now=NOW)
    claimed = (await desk.claim(database, notify)).messages
    answers = [SendResult(Outcome.ACCEPTED, ref="r"), SendResult(Outcome.UNKNOWN), SendResult(Outcome.RETRY)]
    sent = [outbox.Sent(message, answer) for message, answer in zip(claimed, answers, strict=True)]
    await desk.settle(database, sent, policy=POLICY)
    async with database.read() as session:
        sender = await session.get_one(Sender, notify)
        attempts = (await session.scalars(select(Attempt).where(col(Attempt.outcome) != Outcome.RETRY))).all()
    assert (sender.year, sender.year_parts) == (2026, 2)
    assert len(attempts) == 2
    spring = NOW.replace(year=2027, month=4, day=1)
    await school.message(database, notify, now=spring)
    await desk.claim(database, notify, now=spring, urgent=1, routine=1)
    async with database.read() as session:
        sender = await session.get_one(Sender, notify)
    assert (sender.year, sender.year_parts) == (2027, 1), "a new year begins on 1 April"


class Plain(lanes.Wire):
    """A channel that has but the letters of ASCII."""

    def takes(self, to: str, body: str, *, files: bool) -> bool:
        return body.isascii()


async def test_what_a_provider_cannot_carry_goes_by_another_once_that_is_known(database: Database) -> None:
    """An answer in Urdu to a family that has written to the number of such a provider, say."""
    twilio, notify = await two_ways(database)
    urdu, english = [await school.message(database, notify, now=NOW, body=words) for words in ("شکریہ", "Thank you")]
    claimed = (await desk.claim(database, notify)).messages
    cannot = SendResult(Outcome.RETRY, reason=Reason.CONTENT, text="Letters.")
    busy = SendResult(Outcome.RETRY, code="429", reason=Reason.RATE, text="Busy.")
    results = {urdu: cannot, english: busy}
    await desk.settle(database, [outbox.Sent(one, results[one["id"]]) for one in claimed], policy=POLICY)
    gateway = desk.gateway(database, desk.Clock(NOW + timedelta(seconds=1)), channels={"notify-sms": Plain()})
    assert await move(gateway) == 1
    moved = await row_of(database, urdu)
    assert (moved.sender_id, moved.remark) == (
        twilio,
        "Moved from notify-sms to twilio-sms: it cannot carry it as it is.",
    )
    assert (await row_of(database, english)).sender_id == notify


async def test_what_a_person_holds_back_stays(database: Database) -> None:
    twilio, _ = await two_ways(database)
    await school.message(database, twilio, now=NOW)
    until = NOW + timedelta(hours=1)
    async with database.write() as session:
        await senders.hold(
            session, twilio, until=until, because="Mrs Okafor.", code="", log=LOG, now=NOW, by="office:okafor"
        )
    assert await move(office(database)) == 0
