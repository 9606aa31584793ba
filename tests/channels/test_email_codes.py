"""What a mail server's refusal means, by step and code (domain notes, section 3.8)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels import base, email_codes

Step, R, Out = email_codes.Step, base.Reason, base.Outcome

REPLIES = [
    (Step.RECIPIENT, 550, "5.1.1 no such user", Out.REFUSED, R.BAD_ADDRESS, False),
    (Step.RECIPIENT, 550, "5.1.2 x", Out.REFUSED, R.BAD_ADDRESS, False),
    (Step.RECIPIENT, 501, "5.1.3 x", Out.REFUSED, R.BAD_ADDRESS, False),
    (Step.RECIPIENT, 551, "5.1.6 x", Out.REFUSED, R.BAD_ADDRESS, False),
    (Step.RECIPIENT, 556, "5.1.10 x", Out.REFUSED, R.BAD_ADDRESS, False),
    (Step.RECIPIENT, 553, "5.6.7 x", Out.REFUSED, R.BAD_ADDRESS, False),
    (Step.RECIPIENT, 550, "5.2.1 x", Out.REFUSED, R.GONE, False),
    (Step.RECIPIENT, 552, "5.2.2 x", Out.REFUSED, R.FULL, False),
    (Step.RECIPIENT, 452, "4.2.2 x", Out.RETRY, R.FULL, False),
    (Step.RECIPIENT, 450, "4.2.1 x", Out.RETRY, R.TEMPORARY, False),
    (Step.RECIPIENT, 552, "5.2.3 x", Out.REFUSED, R.CONTENT, False),
    (Step.RECIPIENT, 450, "4.7.1 greylisted", Out.RETRY, R.TEMPORARY, False),
    (Step.RECIPIENT, 451, "x", Out.RETRY, R.TEMPORARY, False),
    (Step.RECIPIENT, 550, "5.4.1 x", Out.RETRY, R.TEMPORARY, False),
    (Step.RECIPIENT, 554, "5.3.0 x", Out.RETRY, R.TEMPORARY, False),
    (Step.RECIPIENT, 554, "5.7.1 relaying denied", Out.REFUSED, R.CONFIG, False),
    (Step.RECIPIENT, 550, "5.7.25 x", Out.REFUSED, R.CONFIG, False),
    (Step.RECIPIENT, 550, "no such user", Out.REFUSED, R.OTHER, False),
    (Step.RECIPIENT, 550, "5.0.0 x", Out.REFUSED, R.OTHER, False),
    (Step.SENDER, 550, "5.1.8 x", Out.RETRY, R.CONFIG, True),
    (Step.SENDER, 550, "5.1.1 x", Out.RETRY, R.CONFIG, True),
    (Step.SENDER, 550, "5.7.1 x", Out.RETRY, R.CONFIG, True),
    (Step.SENDER, 553, "x", Out.RETRY, R.CONFIG, True),
    (Step.SENDER, 530, "5.7.0 authenticate first", Out.RETRY, R.AUTH, True),
    (Step.SENDER, 552, "5.3.4 too big", Out.REFUSED, R.CONTENT, False),
    (Step.SENDER, 451, "4.3.0 x", Out.RETRY, R.TEMPORARY, True),
    (Step.SENDER, 554, "5.3.2 x", Out.RETRY, R.TEMPORARY, False),
    (Step.START, 451, "x", Out.RETRY, R.TEMPORARY, False),
    (Step.START, 554, "x", Out.REFUSED, R.OTHER, False),
    (Step.START, 250, "what?", Out.RETRY, R.TEMPORARY, False),
    (Step.TEXT, 451, "4.3.0 x", Out.RETRY, R.TEMPORARY, False),
    (Step.TEXT, 552, "5.3.4 too big", Out.REFUSED, R.CONTENT, False),
    (Step.TEXT, 550, "5.7.1 spam", Out.REFUSED, R.CONTENT, False),
    (Step.TEXT, 554, "5.4.0 x", Out.REFUSED, R.TEMPORARY, False),
    (Step.TEXT, 554, "x", Out.REFUSED, R.OTHER, False),
    (Step.TEXT, 421, "4.3.2 closing", Out.RETRY, R.TEMPORARY, False),
    (Step.TEXT, 354, "go on", Out.UNKNOWN, R.TEMPORARY, False),
    (Step.TEXT, 150, "x", Out.UNKNOWN, R.TEMPORARY, False),
    (Step.TEXT, 650, "5.1.1 x", Out.UNKNOWN, R.TEMPORARY, False),
]  # fmt: skip


@pytest.mark.parametrize(("step", "reply", "text", "outcome", "reason", "lane_wide"), REPLIES)
def test_a_reply(
    step: email_codes.Step, reply: int, text: str, outcome: base.Outcome, reason: base.Reason, lane_wide: bool
) -> None:
    result = email_codes.result(step, reply=reply, text=text)
    assert (result.outcome, result.reason, result.lane_wide) == (outcome, reason, lane_wide)
    assert result.code.startswith(str(reply))


@settings(deadline=None)
@given(st.sampled_from(Step), st.integers(400, 599), st.text())
def test_any_reply_means_something_and_the_servers_words_stay_out(
    step: email_codes.Step, reply: int, text: str
) -> None:
    result = email_codes.result(step, reply=reply, text=f"5.1.1 <parent@example.com> {text}")
    assert "parent@example.com" not in result.text + result.code
    assert result.text
    assert result.outcome in (base.Outcome.REFUSED, base.Outcome.RETRY)
    if 400 <= reply < 500:
        assert result.outcome is base.Outcome.RETRY


@pytest.mark.parametrize("step", Step)
def test_policy_never_blames_the_parent(step: email_codes.Step) -> None:
    for detail in range(30):
        result = email_codes.result(step, reply=550, text=f"5.7.{detail} x")
        assert result.reason in (base.Reason.CONFIG, base.Reason.CONTENT)


def test_the_code_is_kept() -> None:
    assert email_codes.result(Step.RECIPIENT, reply=550, text="5.1.1 gone").code == "550 5.1.1"
    assert email_codes.result(Step.RECIPIENT, reply=550, text="gone").code == "550"
    assert email_codes.result(Step.RECIPIENT, reply=550, text="5.1.1234 odd").code == "550"


BOUNCES = [
    # domain notes, section 3.8: status, what the bounce's words alone would say, what it is taken for
    ("5.1.1 5.1.2 5.1.3 5.1.6 5.1.10", None, R.BAD_ADDRESS),
    ("5.1.1", R.OTHER, R.BAD_ADDRESS),
    ("5.1.1 5.2.1 4.4.1", R.TEMPORARY, R.TEMPORARY),
    ("5.1.1 5.2.1 5.7.1 4.4.1 5.0.0 -", R.CONFIG, R.CONFIG),
    ("4.2.2 5.2.2", R.TEMPORARY, R.FULL),
    ("5.2.1", R.BAD_ADDRESS, R.GONE),
    ("4.2.2 5.2.2", R.BAD_ADDRESS, R.FULL),
    ("5.2.3 5.3.4", R.BAD_ADDRESS, R.CONTENT),
    ("4.0.0 4.1.1 4.2.1 4.2.3 4.3.2 4.4.1 4.4.7 4.7.1 5.3.0 5.3.2 5.4.1 5.4.4", R.BAD_ADDRESS, R.TEMPORARY),
    ("5.7.0 5.7.1 5.7.26 5.7.509 5.1.7 5.1.8", R.BAD_ADDRESS, R.CONFIG),
    ("5.0.0 5.1.0 5.5.0 - 550 2.0.0", None, R.OTHER),
    ("5.0.0 - 550", R.OTHER, R.OTHER),
    ("5.0.0 - 550", R.BAD_ADDRESS, R.GONE),
    ("5.0.0 - 550", R.TEMPORARY, R.TEMPORARY),
    ("- 550", R.CONFIG, R.CONFIG),
]


@pytest.mark.parametrize(("codes", "said", "taken"), BOUNCES)
def test_a_bounce(codes: str, said: base.Reason | None, taken: base.Reason) -> None:
    for code in codes.split():
        given = code.replace("-", "")
        assert email_codes.reason(given, said=said) is taken
        assert email_codes.reason(f"550 {given}", said=said) is taken


@settings(deadline=None)
@given(st.integers(0, 999), st.integers(0, 999), st.sampled_from([None, *base.Reason]))
def test_no_temporary_and_no_policy_status_is_the_mailboxs_death(
    subject: int, detail: int, said: base.Reason | None
) -> None:
    ours = {R.CONFIG, R.CONTENT, R.FILTERED, R.AUTH}
    assert email_codes.reason(f"4.{subject}.{detail}", said=said) in {R.TEMPORARY, R.FULL} | ours
    assert email_codes.reason(f"5.7.{detail}", said=said) in ours


@given(st.text(), st.sampled_from([None, *base.Reason]))
def test_any_code_of_a_bounce_means_something(code: str, said: base.Reason | None) -> None:
    assert email_codes.reason(code, said=said) in base.Reason
