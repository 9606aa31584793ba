"""Who takes the register of which form, and where they are reached: a file of the school's own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, field_validator

from gateway import addresses, errors, numbers
from gateway.registers import files


class Teachers(BaseModel):
    """Numbers and mailboxes by form, such as ``"3A" = ["a.green@oakfield.example", "07700 900123"]``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    forms: dict[str, list[str]] = {}

    @field_validator("forms")
    @classmethod
    def _reachable(cls, forms: dict[str, list[str]]) -> dict[str, list[str]]:
        return {_key(form): [_address(one) for one in given] for form, given in forms.items()}

    def of(self, form: str) -> Sequence[str]:
        """Where the teacher of a form is reached; none where nobody is named."""
        return self.forms.get(_key(form), ())


def load(path: Path | None) -> Teachers:
    """Read the school's file; without one nobody is known.

    Raises :class:`errors.BadInput` with the place and cure of every mistake.
    """
    return Teachers() if path is None else files.read(path, Teachers)


def _key(form: str) -> str:
    return "".join(form.split()).casefold()


def _address(written: str) -> str:
    read = addresses.read(written) if "@" in written else numbers.read(written)
    match read:
        case errors.Problem():
            raise ValueError(f"“{written}”: {read.what} — {read.cure}")
        case numbers.Number():
            return read.e164
        case _:
            return read
