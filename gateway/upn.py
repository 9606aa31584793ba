"""Unique pupil numbers (DfE, «Unique pupil numbers (UPNs): a guide for schools and local authorities»)."""

from __future__ import annotations

import re

from gateway.errors import Problem

# The letters of the check, in the order of their values: I, O and S are left out, as they look like figures.
LETTERS = "ABCDEFGHJKLMNPQRTUVWXYZ"


def read(raw: str) -> str | Problem:
    """Read a unique pupil number: a check letter and twelve figures; in a temporary number the last is a letter."""
    number = re.sub(r"\s", "", raw).upper()
    if not re.fullmatch(r"[A-Z][0-9]{11}[0-9A-HJ-NP-RT-Z]", number):
        return Problem("This UPN is not a letter followed by twelve figures.", "Correct it in the school's records.")
    if number[0] != check_letter(number[1:]):
        return Problem("The first letter of this UPN does not fit its figures.", "Correct it in the school's records.")
    return number


def check_letter(figures: str) -> str:
    """The letter that a UPN begins with: the sum of figure times weight, weights 2 to 13, modulo 23, as a letter."""
    values = (int(c) if c.isdigit() else LETTERS.index(c) for c in figures)
    return LETTERS[sum(weight * value for weight, value in enumerate(values, start=2)) % len(LETTERS)]
