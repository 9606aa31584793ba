"""Telephone cells as offices really type them. Every number is one of Ofcom's for drama, or no number at all."""

import json
import os
from pathlib import Path

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phonenumbers import PhoneNumberType

from gateway import numbers
from gateway.errors import Problem
from gateway.models.types import LineType

MOBILE, HOME, LONDON = "+447700900123", "+441134960123", "+442079460123"
M, L, O = LineType.MOBILE, LineType.LANDLINE, LineType.OTHER  # noqa: E741

READ = [
    ("07700 900123", MOBILE, M, ""),
    ("07700900123", MOBILE, M, ""),
    ("07700-900-123", MOBILE, M, ""),
    ("07700.900.123", MOBILE, M, ""),
    ("(07700) 900123", MOBILE, M, ""),
    ("+44 7700 900123", MOBILE, M, ""),
    ("+447700900123", MOBILE, M, ""),
    ("+44 (0)7700 900123", MOBILE, M, ""),
    ("+44(0) 7700 900 123", MOBILE, M, ""),
    ("(+44) 7700 900123", MOBILE, M, ""),
    ("+(44) 7700 900123", MOBILE, M, ""),
    ("0044 7700 900123", MOBILE, M, ""),
    ("0044 (0) 7700 900123", MOBILE, M, ""),
    ("447700900123", MOBILE, M, ""),
    ("04407700900123", MOBILE, M, ""),
    ("+07700900123", MOBILE, M, ""),
    ("7700900123", MOBILE, M, ""),
    ("7700 900123", MOBILE, M, ""),
    ("7700900123.0", MOBILE, M, ""),
    ("'07700900123", MOBILE, M, ""),
    ('="07700900123"', MOBILE, M, ""),
    ("tel:07700900123", MOBILE, M, ""),
    ("  07700 900123\t", MOBILE, M, ""),
    ("07700\u00a0900123", MOBILE, M, ""),
    ("\u202a+44 7700 900123\u202c", MOBILE, M, ""),
    ("07700\u2011900\u2013123", MOBILE, M, ""),
    ("+44 7700 900123", MOBILE, M, ""),
    ("٠٧٧٠٠٩٠٠١٢٣", MOBILE, M, ""),
    ("07700 900123 (mum work)", MOBILE, M, "mum work"),
    ("07700 900123 mum", MOBILE, M, "mum"),
    ("Mum: 07700 900123", MOBILE, M, "Mum"),
    ("07700 900123 after 6pm", MOBILE, M, "after 6pm"),
    ("07700 900123 - text only", MOBILE, M, "text only"),
    ("07700 900000", "+447700900000", M, ""),
    ("07700 900999", "+447700900999", M, ""),
    ("020 7946 0123", LONDON, L, ""),
    ("0207 946 0123", LONDON, L, ""),
    ("(020) 7946 0123", LONDON, L, ""),
    ("20 7946 0123", LONDON, L, ""),
    ("0113 496 0123", HOME, L, ""),
    ("1134960123", HOME, L, ""),
    ("0113 496 0123 ext 12", HOME, L, "ext 12"),
    ("0115 496 0123", "+441154960123", L, ""),
    ("0191 498 0123", "+441914980123", L, ""),
    ("01632 960123", "+441632960123", L, ""),
    ("028 9649 6123", "+442896496123", L, ""),
    ("029 2018 0123", "+442920180123", L, ""),
    ("0306 999 0123", "+443069990123", L, ""),
    ("0808 157 0123", "+448081570123", O, ""),
    ("+1 202 555 0123", "+12025550123", M, ""),
    ("00 1 202 555 0123", "+12025550123", M, ""),
    ("+0012025550123", "+12025550123", M, ""),
]

REFUSED = [
    ("", "no telephone number"),
    ("   ", "no telephone number"),
    ("ask grandma", "no telephone number"),
    ("7.7009E+09", "spreadsheet"),
    ("7.70E+09", "spreadsheet"),
    ("4.47701E+11", "spreadsheet"),
    ("7,7009e9", "spreadsheet"),
    ("07700 90012", "missing or wrong"),
    ("07700", "too few"),
    ("999", "too few"),
    ("496 0123", "too few"),
    ("07700 9001234", "too many"),
    ("+44 (0)7700 900 123 4", "too many"),
    ("77009001234", "too many"),  # with a + it would ring in Kazakhstan
    ("+7700900123", "too few"),
    ("06700 900123", "No telephone"),
    ("00000 000000", ""),
    ("07700 900123 / 07700 900124", "more than one"),
    ("07700 900123, 07700 900124", "more than one"),
    ("07700 900123 07700 900124", "more than one"),
    ("07700900123;0113 496 0123", "more than one"),
    ("07700 900123 or 900124", "more than one"),
    ("mum 07700 900123 dad 07700 900124", "more than one"),
    ("0113 496 0123/4", "more than one"),
    ("0909 879 0123", "premium"),
    ("09098 790 123", "premium"),
]


@pytest.mark.parametrize(("raw", "e164", "line_type", "label"), READ)
def test_reads(raw: str, e164: str, line_type: LineType, label: str) -> None:
    assert numbers.read(raw) == numbers.Number(e164, line_type, label)


@pytest.mark.parametrize(("raw", "words"), REFUSED)
def test_refuses_with_a_cure_and_without_quoting_the_number(raw: str, words: str) -> None:
    problem = numbers.read(raw)
    assert isinstance(problem, Problem)
    assert words in problem.what
    assert problem.cure
    assert not any(c.isdigit() for c in str(problem))


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
    assert numbers.masked(MOBILE) == "…123"


def corpus() -> list[dict[str, object]]:
    default = Path(__file__).resolve().parents[2] / "../shared/corpora"
    file = Path(os.environ.get("HANDBELL_CORPORA", default)) / "phone_numbers/expected.jsonl"
    if not file.exists():
        pytest.skip("The corpus of phone numbers is not on this machine.")
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def test_corpus_of_phone_numbers() -> None:
    wrong = {
        (case["level"], case["id"])
        for case in corpus()
        if not fits(numbers.read(str(case["raw"])), case["expect"]) and case["level"] != "either"
    }
    # 784951234567: twelve digits without + are not sent abroad on a guess.
    assert wrong == {("should", "notify-foreign-2")}


def fits(found: numbers.Number | Problem, expected: object) -> bool:
    if expected == "invalid":
        return isinstance(found, Problem)
    if isinstance(found, Problem):
        return False
    if not isinstance(expected, list):
        return not found.e164.startswith("+44")
    wanted = expected[0]
    return (found.e164, found.line_type) == (wanted["e164"], wanted.get("kind", found.line_type))
