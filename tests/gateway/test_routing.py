"""By which provider a message goes: rules in order, over them what can be carried, and who is in order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pytest
from support.desk import NOW

from channels.base import Medium
from gateway import allowance, routing
from gateway.models import Sender

GSM, POLISH, URDU = "Oakfield: Ana is ill", "Oakfield: Ania ma gorączkę", "آنا آج اسکول میں نہیں ہے"
UK, FRENCH = "+447700900123", "+33612345678"
WISHED = ["notify if gsm and free", "twilio"]
TODAY = NOW.date()


class Plain:
    """A channel that carries texts of a British alphabet to British phones, and no files."""

    def takes(self, to: str, body: str, *, files: bool) -> bool:
        return to.startswith("+44") and body.isascii() and not files


def twilio(**more: Any) -> Sender:
    given = {"id": 1, "channel": "twilio-sms", "address": "+441134960001", "account": "twilio", "medium": Medium.SMS}
    return Sender(**given | more)


def notify(**more: Any) -> Sender:
    given = {"id": 2, "channel": "notify-sms", "address": "+441134960002", "account": "notify", "medium": Medium.SMS}
    return Sender(**given | {"free_parts": 5000, "pence": 2.4, "year": 2026} | more)


def router(
    *senders: Sender, rules: Sequence[str] = WISHED, today: date = TODAY, queued: int = 0, part: float = 4.0
) -> routing.Router:
    around = routing.Surroundings(
        {Medium.SMS: routing.rules(rules)},
        {"notify-sms": Plain()},
        {Medium.SMS: part},
    )
    known = {Medium.SMS: senders or (twilio(), notify())}
    return routing.Router(known, around, today=today, now=NOW, queued={2: queued})


def ask(words: str = GSM, **more: Any) -> routing.Ask:
    return routing.Ask(Medium.SMS, words, **more)


def by(choice: routing.Choice) -> str:
    [account] = {sender.account for sender in choice.senders}
    return account


@pytest.mark.parametrize(
    ("asked", "to", "account"),
    [
        (ask(), UK, "notify"),
        (ask(POLISH), UK, "twilio"),
        (ask(URDU), UK, "twilio"),
        (ask(), FRENCH, "twilio"),
        (ask(parts=3, urgent=True, answered=True), UK, "notify"),
    ],
)
def test_the_first_rule_that_fits(asked: routing.Ask, to: str, account: str) -> None:
    assert by(router().choose(asked, to)) == account


def test_the_primary_is_the_first_where_nobody_wishes_otherwise() -> None:
    plain = router(rules=["twilio", "notify"])
    assert by(plain.choose(ask(), UK)) == "twilio"
    assert by(router(notify(), rules=[]).choose(ask(), UK)) == "notify", "what no rule names is used all the same"


@pytest.mark.parametrize(
    ("rule", "asked", "account"),
    [
        ("notify if one_way", ask(answered=True), "twilio"),
        ("notify if one_way", ask(), "notify"),
        ("notify if can_wait", ask(urgent=True), "twilio"),
        ("notify if can_wait", ask(), "notify"),
        ("notify if cheapest", ask(), "notify"),
    ],
)
def test_conditions(rule: str, asked: routing.Ask, account: str) -> None:
    assert by(router(rules=[rule, "twilio"]).choose(asked, UK)) == account


def test_the_cheapest_is_asked_for_what_each_would_take() -> None:
    used_up = notify(year_parts=5000)
    dear, cheap = (router(twilio(), used_up, rules=["notify if cheapest", "twilio"], part=part) for part in (4.0, 2.0))
    assert (by(dear.choose(ask(), UK)), dear.choose(ask(parts=2), UK).pence) == ("notify", 4.8)
    assert (by(cheap.choose(ask(), UK)), cheap.choose(ask(), UK).pence) == ("twilio", None)


def test_what_is_free_is_free_to_the_last_part_and_no_further() -> None:
    """4,990 were handed over, 6 wait; of three texts with two parts each the third one costs something."""
    here = router(twilio(), notify(year_parts=4990), queued=6)
    went = []
    for _ in range(3):
        choice = here.choose(ask(parts=2), UK)
        went.append((by(choice), choice.pence))
        here.take(choice.senders[0], 2)
    assert went == [("notify", 0.0), ("notify", 0.0), ("twilio", None)]


def test_a_year_begins_on_1_april() -> None:
    assert [allowance.year(date(2027, month, day)) for month, day in ((1, 1), (3, 31), (4, 1), (12, 31))] == [
        2026, 2026, 2027, 2027,
    ]  # fmt: skip
    spent = notify(year_parts=5000)
    assert by(router(twilio(), spent).choose(ask(), UK)) == "twilio"
    assert by(router(twilio(), spent, today=date(2027, 4, 1)).choose(ask(), UK)) == "notify"


HELD = NOW + timedelta(minutes=1)


@pytest.mark.parametrize(
    ("trouble", "urgent", "account"),
    [
        ({"held_until": NOW + timedelta(seconds=5)}, False, "notify"),  # a moment
        ({"held_until": HELD}, False, "twilio"),
        ({"open_since": NOW, "held_until": HELD}, False, "twilio"),
        ({"open_since": NOW, "held_until": NOW}, False, "notify"),  # somebody must try it
        ({"open_since": NOW, "held_until": NOW}, True, "twilio"),  # but not what is urgent
    ],
)
def test_a_provider_in_trouble_is_passed_over(trouble: dict[str, Any], urgent: bool, account: str) -> None:
    assert by(router(twilio(), notify(**trouble)).choose(ask(urgent=urgent), UK)) == account


def test_trouble_is_worse_than_what_a_rule_does_not_want() -> None:
    """Free is used up, but Twilio is away: it costs something, and it goes."""
    here = router(twilio(held_until=HELD, held_because="No line."), notify(year_parts=5000))
    choice = here.choose(ask(), UK)
    assert (by(choice), choice.pence) == ("notify", 2.4)
    assert choice.because == "By notify: “notify if gsm and free”, although what is free this year is used up."


def test_nothing_is_given_to_a_provider_that_would_spoil_it() -> None:
    """Better late by Twilio than question marks by Notify."""
    here = router(twilio(held_until=HELD), notify())
    assert by(here.choose(ask(URDU), UK)) == "twilio"


def test_what_is_to_be_answered_comes_from_a_number() -> None:
    """The free provider has but a name: nobody could answer it."""
    here = router(twilio(), notify(address="Oakfield"))
    assert by(here.choose(ask(answered=True), UK)) == "twilio"
    assert by(here.choose(ask(), UK)) == "notify"


def test_one_of_two_numbers_in_trouble_is_passed_over() -> None:
    here = router(twilio(held_until=HELD), twilio(id=3, address="+441134960003"), rules=["twilio"])
    assert [one.id for one in here.choose(ask(), UK).senders] == [3]


def test_it_says_why() -> None:
    assert router().choose(ask(), UK).because == "By notify: “notify if gsm and free”."
    assert (
        router().choose(ask(POLISH), UK).because == "By twilio: “twilio” (not by notify: it cannot carry it as it is)."
    )


def test_no_sender_at_all() -> None:
    empty = routing.Router({}, routing.Surroundings({}, {}, {}), today=TODAY, now=NOW)
    assert empty.choose(ask(), UK).senders == ()


@pytest.mark.parametrize(
    "sender", [twilio(), notify(), notify(year_parts=5000), twilio(open_since=NOW, open_reason="x")]
)
@pytest.mark.parametrize("asked", [ask(), ask(URDU), ask(parts=3, urgent=True), ask(answered=True)])
def test_where_there_is_one_sender_nothing_is_weighed(sender: Sender, asked: routing.Ask) -> None:
    lone, chosen = router(sender).lone(asked), router(sender).choose(asked, UK)
    assert lone is not None
    assert (lone.senders, lone.pence) == (tuple(chosen.senders), chosen.pence)
    assert router().lone(asked) is None
    assert router().lone(routing.Ask(Medium.EMAIL, GSM)) is None
