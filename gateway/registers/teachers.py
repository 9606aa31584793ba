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
    names: dict[str, str] = {}  #: how families know whoever has a number or mailbox, such as Ms Green

    @field_validator("forms")
    @classmethod
    def _reachable(cls, forms: dict[str, list[str]]) -> dict[str, list[str]]:
        return {_key(form): [_address(one) for one in given] for form, given in forms.items()}

    @field_validator("names")
    @classmethod
    def _known(cls, names: dict[str, str]) -> dict[str, str]:
        return {_address(one): name for one, name in names.items()}

    def of(self, form: str) -> Sequence[str]:
        """Where the teacher of a form is reached; none where nobody is named."""
        return self.forms.get(_key(form), ())

    def called(self, address: str) -> str:
        """How families know whoever has this number or mailbox: by name, or else by form; ``""`` for a stranger."""
        of = [form.upper() for form, given in self.forms.items() if address in given]
        return self.names.get(address, ", ".join(of)) if of else ""

    def takes(self, address: str, form: str) -> bool:
        """Whether whoever has this number or mailbox takes the register of a form."""
        return address in self.of(form)

    @property
    def everywhere(self) -> frozenset[str]:
        """All their numbers and mailboxes."""
        return frozenset(address for given in self.forms.values() for address in given)


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
