"""Each row of the tables, written out a second time from the domain notes, section 3.9."""

from __future__ import annotations

from importlib import resources

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twilio.rest.api.v2010.account.call import CallInstance
from twilio.rest.api.v2010.account.message import MessageInstance

from channels import base, twilio_codes

R, Refused, Retry = base.Reason, base.Outcome.REFUSED, base.Outcome.RETRY
ROWS = [
    ("bad number", "21211 21217 21401 21421", R.BAD_ADDRESS, Refused, False),
    ("bad number", "30005", R.GONE, Refused, False),
    ("bad for texts", "21614 21635 30006", R.NO_TEXTS, Refused, False),
    ("soft", "30003", R.UNREACHABLE, Refused, False),
    ("blocked", "30004", R.BLOCKED, Refused, False),
    ("opted out", "21610", R.OPTED_OUT, Refused, False),
    ("ours", "30007", R.FILTERED, Refused, False),
    ("transient", "30008 30009 30017 30410", R.TEMPORARY, Retry, False),
    ("transient", "408", R.TEMPORARY, base.Outcome.UNKNOWN, False),
    ("capacity", "30001 21611 30022 20429 63038 429", R.RATE, Retry, True),
    ("capacity", "14107", R.RATE, Retry, False),
    ("expired", "30036", R.EXPIRED, Refused, False),
    ("config", "21606 21212 21703 21704 401 403 404 407", R.CONFIG, Retry, True),
    ("config", "21408 21612 30018 30024", R.CONFIG, Refused, False),
    ("template", "21617 21602 21654", R.CONTENT, Refused, False),
    ("account", "30002 20003 10001 20404", R.AUTH, Retry, True),
    ("voice", "13224", R.GONE, Refused, False),
    ("voice", "13225 21216", R.BLOCKED, Refused, False),
    ("voice", "21214", R.UNREACHABLE, Refused, False),
    ("voice", "13227 21215", R.CONFIG, Refused, False),
]
SPREAD = [(code, kind, *rest) for kind, codes, *rest in ROWS for code in codes.split()]


@pytest.mark.parametrize(("code", "kind", "reason", "outcome", "lane_wide"), SPREAD)
def test_a_row(code: str, kind: str, reason: base.Reason, outcome: base.Outcome, lane_wide: bool) -> None:
    for given_as in (code, int(code)):
        meaning = twilio_codes.meaning(given_as)
        assert meaning[1:] == (kind, reason, outcome, lane_wide)
        assert meaning.text
    assert code in twilio_codes.sentence(code)


def test_no_row_is_untested_and_none_stands_twice() -> None:
    assert {code for code, *_ in SPREAD} == set(twilio_codes.meanings())
    lines = (resources.files("channels") / "twilio_codes.csv").read_text("utf-8").splitlines()
    assert len(lines) == 1 + len(SPREAD)


@settings(deadline=None)
@given(st.one_of(st.text(), st.integers(), st.none(), st.lists(st.integers())))
def test_an_unknown_code_is_other_and_never_an_error(code: object) -> None:
    if str(code) not in twilio_codes.meanings():
        assert twilio_codes.meaning(code) is twilio_codes.UNKNOWN
        assert twilio_codes.UNKNOWN.reason is base.Reason.OTHER
        assert twilio_codes.sentence(code)


def test_every_status_of_the_library_has_a_row() -> None:
    inbound = {"receiving", "received"}
    messages = {word for name, word in vars(MessageInstance.Status).items() if name.isupper()}
    calls = {word for name, word in vars(CallInstance.Status).items() if name.isupper()}
    assert messages - inbound == set(twilio_codes.MESSAGE_STATES)
    assert calls <= set(twilio_codes.CALL_STATES)


def test_the_states() -> None:
    states = base.ReceiptState
    delivered = {word for word, state in twilio_codes.MESSAGE_STATES.items() if state is states.DELIVERED}
    failed = {word for word, state in twilio_codes.MESSAGE_STATES.items() if state is states.FAILED}
    assert delivered == {"delivered", "read"}
    assert failed == {"undelivered", "failed", "canceled"}
    assert not any(state is states.DELIVERED for state, _ in twilio_codes.CALL_STATES.values()), "only a key is proof"
    assert twilio_codes.CALL_STATES["busy"] == (states.FAILED, base.Reason.BUSY)
    assert twilio_codes.CALL_STATES["no-answer"] == (states.FAILED, base.Reason.NO_ANSWER)
