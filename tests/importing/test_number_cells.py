"""One telephone number. Every one is one of Ofcom's for drama, an example of the library, or no number at all."""

import json
import os
import sys
from pathlib import Path

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phonenumbers import PhoneNumberType

from gateway import numbers, phone_cells
from gateway.errors import Problem
from gateway.models.types import LineType

M, L = LineType.MOBILE, LineType.LANDLINE


@settings(deadline=None)
@given(st.integers(0, 999), st.sampled_from(["07700900{}", "+447700900{}", "07700 900{}", "7700 900 {}"]))
def test_every_drama_mobile_is_a_mobile(tail: int, shape: str) -> None:
    found = numbers.read(shape.format(f"{tail:03}"))
    assert found == numbers.Number(f"+447700900{tail:03}", LineType.MOBILE)


@settings(deadline=None)
@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(raw: str) -> None:
    found = numbers.read(raw)
    assert isinstance(found, Problem) or numbers.is_phone(found.e164)


@settings(deadline=None)
@given(st.text(alphabet="0123456789+() -/", max_size=30))
def test_what_was_read_is_read_again_as_itself(raw: str) -> None:
    found = numbers.read(raw)
    if isinstance(found, numbers.Number):
        assert numbers.read(found.e164) == numbers.Number(found.e164, found.line_type)


def example(region: str, kind: int) -> tuple[str, str]:
    """A number of the region that the library itself gives as an example, as people write it and as digits."""
    number = phonenumbers.example_number_for_type(region, kind)
    assert number is not None
    written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)
    return written, f"+{number.country_code}{number.national_number}"


@pytest.mark.parametrize("region", ["JE", "GG", "IM"])
@pytest.mark.parametrize(("kind", "line_type"), [(PhoneNumberType.MOBILE, M), (PhoneNumberType.FIXED_LINE, L)])
def test_the_channel_islands_and_the_isle_of_man_are_read(region: str, kind: int, line_type: LineType) -> None:
    written, e164 = example(region, kind)
    assert numbers.read(written) == numbers.Number(e164, line_type)


def test_the_region_is_where_a_number_without_country_code_belongs() -> None:
    written, e164 = example("IE", PhoneNumberType.MOBILE)
    assert numbers.read(written, region="IE") == numbers.Number(e164, LineType.MOBILE)


@settings(deadline=None)
@given(st.from_regex(r"0[1-9]\d{9}", fullmatch=True).filter(str.isascii))
def test_the_short_way_says_what_the_library_says(raw: str) -> None:
    found = numbers.read(raw)
    kind = phonenumbers.number_type(phonenumbers.parse(raw, "GB"))
    if isinstance(found, numbers.Number) and not any(pattern.fullmatch(found.e164) for pattern, _ in numbers.DRAMA):
        assert found.line_type == numbers.LINE_TYPES.get(kind, LineType.OTHER)
    else:
        assert kind in {PhoneNumberType.UNKNOWN, *numbers.DEAR}


def test_masked_numbers_keep_three_digits() -> None:
    assert numbers.masked("+447700900123") == "…123"


def corpus() -> list[dict[str, object]]:
    default = Path(__file__).resolve().parents[2] / "../shared/corpora"
    file = Path(os.environ.get("HANDBELL_CORPORA", default)) / "phone_numbers/expected.jsonl"
    if not file.exists():
        pytest.skip("The corpus of phone numbers is not on this machine.")
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def test_corpus_of_phone_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    cases = corpus()
    wrong = {
        (case["level"], case["id"])
        for case in cases
        if not fits(phone_cells.read(str(case["raw"])), case["expect"]) and case["level"] != "either"
    }
    should = [case["id"] for case in cases if case["level"] == "should"]
    with capsys.disabled():
        sys.stdout.write(f"\nphone_numbers: {len(should) - len(wrong)} of {len(should)} that a good gateway reads\n")
    # Twelve digits without + are not sent abroad on a guess.
    assert wrong == {("should", "notify-foreign-2")}


def fits(cell: phone_cells.Cell, expected: object) -> bool:
    if not isinstance(expected, list):
        return not cell.numbers if expected == "invalid" else any(not n.e164.startswith("+44") for n in cell.numbers)
    found = [{"e164": n.e164, "kind": n.line_type.value, "sms": n.sms} for n in cell.numbers]
    return len(found) == len(expected) and all(
        {key: one[key] for key in wanted.keys() & one.keys()}
        == {key: wanted[key] for key in wanted.keys() & one.keys()}
        for one, wanted in zip(found, expected, strict=True)
    )
