"""What is to be answered comes from a number, and every text says whose it is."""

from __future__ import annotations

from support.desk import definition

from channels.base import Medium
from config import identity
from gateway import routing, wording
from gateway.models import Sender
from templates import library

NAME = Sender(id=1, channel="twilio-sms", medium=Medium.SMS, address="Oakfield")
NUMBER = Sender(id=2, channel="twilio-sms", medium=Medium.SMS, address="+441134960001")


def test_a_question_never_comes_from_a_name_where_there_is_a_number() -> None:
    assert routing.may_send([NAME, NUMBER], answered=True) == [NUMBER]
    assert routing.may_send([NAME, NUMBER], answered=False) == [NAME, NUMBER]
    assert routing.may_send([NAME], answered=True) == [NAME]


def test_a_family_always_hears_from_the_same_sender() -> None:
    families = [f"+4477009{number:05d}" for number in range(0, 999, 50)]
    told = [routing.same_for([NAME, NUMBER], one) for one in families]
    assert NAME in told
    assert NUMBER in told
    assert told == [routing.same_for([NAME, NUMBER], one) for one in families]
    assert routing.same_for([], families[0]) is None


def test_every_text_begins_with_the_schools_short_name() -> None:
    """The sender is a number: nobody would know who writes (domain notes, section 3.14)."""
    for notice in library.notices().values():
        if notice.sms is not None:
            assert notice.sms.text.lstrip().startswith("{school}"), notice.key


def test_so_does_a_free_text() -> None:
    composer = wording.Composer(definition(), wording.School("Oakfield Primary", "Oakfield", "0"), lambda _: True)
    assert composer.compose(Medium.SMS, "en", children=["Ana"]).text.startswith("Oakfield: ")


def test_names_and_numbers() -> None:
    assert identity.is_name("Oakfield")
    assert not any(map(identity.is_name, ["+441134960001", "MG0123456789abcdef0123456789abcdef", "60006"]))
