"""One telephone number as people write it, made into E.164, or refused with a cure.

Refusing is safe, guessing is not: a wrong guess tells a stranger about a child. So no digit is ever added, left out or
changed but those that say *from abroad* or *within the country*, and what cannot be read gives a
:class:`~gateway.errors.Problem` that never quotes the number. Cells of several numbers and notes:
:mod:`gateway.phone_cells`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberFormat, PhoneNumberType, ValidationResult

from gateway.errors import Problem
from gateway.models.types import LineType

# Ofcom's numbers for drama belong to nobody, so that practice schools and tests may use them.
# https://www.ofcom.org.uk/phones-and-broadband/phone-numbers/numbers-for-drama
# These are the ranges that the library calls invalid; the others are ordinary landlines to it.
DRAMA = (
    (re.compile(r"\+447700900\d{3}"), LineType.MOBILE),
    (re.compile(r"\+441154960\d{3}"), LineType.LANDLINE),
    (re.compile(r"\+441632960\d{3}"), LineType.LANDLINE),
)

LINE_TYPES = {
    PhoneNumberType.MOBILE: LineType.MOBILE,
    # North America does not tell the two apart; a text is worth trying.
    PhoneNumberType.FIXED_LINE_OR_MOBILE: LineType.MOBILE,
    PhoneNumberType.FIXED_LINE: LineType.LANDLINE,
    # 03 numbers: switchboards at the price of a landline, deaf to texts like one.
    PhoneNumberType.UAN: LineType.LANDLINE,
}

HOME = "GB"
HOME_CODE = 44
DEAR = frozenset({PhoneNumberType.PREMIUM_RATE, PhoneNumberType.SHARED_COST})

SHORTEST_HOME = 10  #: fewer digits than any number in the United Kingdom has
FULL_HOME = 10  #: digits of nearly every number in the United Kingdom, without its 0

_WRITTEN = re.compile(r"[+(]*\d(?:[\s().\-]*\d)*\)?")
_TRUNK_SLIP = re.compile(r"(?:\+|00)?0*(?:44)?0*")


@dataclass(frozen=True, slots=True)
class Number:
    """A number that can be called. ``label`` is the note that stood beside it in the cell, such as ``mum work``.

    ``plain`` when it stood there with all that belongs to it: with its 0 or its country code, and of full length.
    """

    e164: str
    line_type: LineType
    label: str = ""
    plain: bool = field(default=True, compare=False)

    @property
    def sms(self) -> bool:
        """Whether it may be texted. Texts to landlines are read aloud, to whoever picks up."""
        return self.line_type is LineType.MOBILE


def read(written: str, *, region: str = HOME) -> Number | Problem:
    """Read one number, written with spaces, brackets, dots and dashes but without a note.

    ``region`` is where a number without a country code belongs (ISO 3166). Gives a problem for what is no number, no
    complete number, or costs the school dearly (premium and shared-cost rates).
    """
    digits = written.strip()
    if not _WRITTEN.fullmatch(digits):
        return Problem("There is no telephone number here.", "Write one number, with digits only.")
    if region == HOME and (plain := _plain_home(digits)):
        return _unless_filler(Number(*plain))
    last = None
    bare = re.sub(r"\D", "", digits)
    for candidate in _candidates(digits):
        try:
            number = phonenumbers.parse(candidate, region)
        except phonenumbers.NumberParseException:
            continue
        national = phonenumbers.national_significant_number(number)
        if not bare.endswith(national):
            continue  # some countries' rules for numbers from abroad would put a digit in
        kind = phonenumbers.number_type(number)
        if kind in DEAR:
            return Problem(
                "This is a premium or shared-cost number, and calling it would cost the school dearly.",
                "Ask the contact for an ordinary number.",
            )
        e164 = f"+{number.country_code}{national}"
        line_type = next((line_type for pattern, line_type in DRAMA if pattern.fullmatch(e164)), None)
        if line_type or kind != PhoneNumberType.UNKNOWN:
            line_type = line_type or LINE_TYPES.get(kind, LineType.OTHER)
            whole = number.country_code != HOME_CODE or len(national) == FULL_HOME
            begun = bare != national or digits.lstrip("(").startswith("+")
            return _unless_filler(Number(e164, line_type, plain=whole and begun))
        last = last or number
    return _refuse(digits, last, region)


def is_phone(address: str) -> bool:
    """Whether an address is a telephone number in E.164 (and not an email address)."""
    return re.fullmatch(r"\+[1-9]\d{6,14}", address) is not None


def at_home(e164: str) -> str:
    """A number as people write it here: ``07700 900123``; one of another country with its code."""
    number = phonenumbers.parse(e164)
    style = PhoneNumberFormat.NATIONAL if number.country_code == HOME_CODE else PhoneNumberFormat.INTERNATIONAL
    return phonenumbers.format_number(number, style)


def masked(e164: str) -> str:
    """The number with only its last three digits left, for reports and logs."""
    return f"…{e164[-3:]}"


def _unless_filler(number: Number) -> Number | Problem:
    """Refuse one digit over and over: typed to fill a field, and somebody's all the same."""
    if len(set(number.e164[3:])) == 1:
        return Problem(
            "This is one digit over and over, as typed to fill a field.", "Ask the contact for the number, or empty it."
        )
    return number


def _plain_home(digits: str) -> tuple[str, LineType] | None:
    """Recognise the commonest: a British mobile or landline with its 0. The library needs 60 us for it, this needs 3.

    The patterns are the library's own, and no British number fits two of them.
    """
    bare = re.sub(r"[\s\-]", "", digits)
    if len(bare) == 11 and bare.startswith("0"):
        for pattern, line_type in _home_patterns():
            if pattern.fullmatch(bare, 1):
                return f"+44{bare[1:]}", line_type
    return None


@cache
def _home_patterns() -> tuple[tuple[re.Pattern[str], LineType], ...]:
    home = phonenumbers.PhoneMetadata.metadata_for_region(HOME)
    kinds = ((home.mobile, LineType.MOBILE), (home.fixed_line, LineType.LANDLINE)) if home else ()
    return tuple(
        (re.compile(kind.national_number_pattern), line_type)
        for kind, line_type in kinds
        if kind and kind.national_number_pattern
    )


def _candidates(digits: str) -> Iterator[str]:
    """The number as it stands, then with a muddled start such as ``+07…``, ``0044 0…`` or ``044 07…`` put right.

    A number that lacks both + and 0 is never tried abroad: 7700 900123 with a digit too many is a telephone in
    Kazakhstan.
    """
    yield digits
    bare = re.sub(r"[^\d+]", "", digits)
    if bare.lstrip("+").startswith("0"):
        rest = _TRUNK_SLIP.sub("", bare, count=1)
        yield f"0{rest}"
        if bare.startswith(("+", "00")):
            yield f"+{rest}"


def _refuse(digits: str, number: PhoneNumber | None, region: str) -> Problem:
    cure = "Check it with the family and correct it in the school's records."
    length = number and phonenumbers.is_possible_number_with_reason(number)
    at_home = number and phonenumbers.country_code_for_region(region) == number.country_code
    if length == ValidationResult.TOO_LONG:
        # Most likely a slip of the finger, but digits may also be a number from abroad that lost its +.
        foreign = (
            "" if digits.startswith(("+", "0")) else " A number from abroad needs + and its country code in front."
        )
        return Problem("This telephone number has too many digits.", cure + foreign)
    if length == ValidationResult.TOO_SHORT or (at_home and _count(digits) < SHORTEST_HOME):
        return Problem("This telephone number has too few digits.", cure)
    return Problem("No telephone has this number: a digit is missing or wrong.", cure)


def _count(digits: str) -> int:
    return sum(c.isdigit() for c in digits)
