"""Why a family was not reached, in the words of the page."""

from __future__ import annotations

from gateway.announcements import causes


def test_a_cause_claims_no_more_than_is_known() -> None:
    for reasons, cause in (
        (["no_number", "no_email"], causes.NOTHING),
        (["landline", "no_email"], causes.LANDLINE),
        (["no_number", "no_email", "landline"], causes.LANDLINE),
        (["landline", "dead"], causes.DEAD),
        (["no_email", "barred"], causes.NOTHING),
        (["no_email", "cancelled"], causes.TAKEN_BACK),
        (["no_email", "unreachable"], causes.OFF),
        (["unreachable", "dead"], causes.DEAD),
        (["barred"], causes.BARRED),
    ):
        assert causes.of(reasons) is cause, reasons
