"""What somebody typed about an alarm: its sentences, whom it is about, and where a mistake belongs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gateway import errors
from gateway.emergency import alarm
from gateway.web.office import door

_LONGEST: Final = 500  #: letters of a sentence
_MORE: Final = 4000
#: Where a mistake of a definition stands in the form.
_FIELDS: Final = {
    "values.what_happened": "what",
    "values.what_to_do": "do",
    "audience": "whom",
    "values.what_now": "now",
}


@dataclass(frozen=True, slots=True)
class Given:
    """What somebody typed, and whom they chose; the whole school must be ticked, so that nobody alarms it unmeant."""

    what: str = ""
    do: str = ""
    more: str = ""
    whole: bool = False
    years: Sequence[str] = ()
    forms: Sequence[str] = ()
    groups: Sequence[str] = ()
    another: bool = False

    @property
    def audience(self) -> dict[str, Any]:
        """Which children."""
        if self.whole:
            return {"whole_school": True}
        found = {"years": list(self.years), "forms": list(self.forms), "groups": list(self.groups)}
        return {name: values for name, values in found.items() if values}

    @property
    def whom(self) -> str:
        """The same in words."""
        years = [{"N": "Nursery", "R": "Reception"}.get(one.upper(), f"Year {one}") for one in self.years]
        return "the whole school" if self.whole else ", ".join([*years, *self.forms, *self.groups])


def of(form: door.Form) -> Given:
    """What a form has."""
    return Given(
        form.get("what", "").strip(),
        form.get("do", "").strip(),
        form.get("more", "").strip(),
        form.get("whole") == "yes",
        tuple(form.getlist("years")),
        tuple(form.getlist("forms")),
        tuple(form.getlist("groups")),
        form.get("another") == "yes",
    )


def asked(given: Given, key: str) -> alarm.Asked:
    """The alarm. Raises :class:`errors.BadInput`."""
    filled({"what": given.what, "do": given.do})
    if len(given.more) > _MORE:
        raise errors.BadInput([errors.Problem(f"Write {_MORE} letters at most.", field="more")])
    audience = given.audience
    if not audience or (given.whole and (given.years or given.forms or given.groups)):
        what = "Pick whom it is about." if not audience else "Tick the whole school, or pick some: not both."
        raise errors.BadInput([errors.Problem(what, field="whom")])
    what_happened, to_do = alarm.by_language(given.what, given.do, lines(given.more))
    return alarm.Asked(what_happened, to_do, audience, key, given.another)


def filled(given: Mapping[str, str]) -> None:
    """Raises :class:`errors.BadInput` for a sentence that is missing or too long."""
    problems = [
        errors.Problem("Write this sentence." if not words else f"Write {_LONGEST} letters at most.", field=name)
        for name, words in given.items()
        if not words or len(words) > _LONGEST
    ]
    if problems:
        raise errors.BadInput(problems)


def lines(text: str) -> list[str]:
    """The same in other languages, a line each."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def placed(error: errors.BadInput | errors.Conflict) -> list[tuple[str, str]]:
    """What is wrong, with the field that it belongs to."""
    if isinstance(error, errors.Conflict):
        return [("another", str(error))]
    found = list[tuple[str, str]]()
    for one in error.problems:
        place = next((name for begins, name in _FIELDS.items() if one.field.startswith(begins)), one.field)
        found.append(
            (place if place in ("what", "do", "more", "whom", "now") else "", f"{one.what} {one.cure}".strip())
        )
    return found
