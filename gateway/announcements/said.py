"""An announcement in the office's words: to whom, how, when."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from channels.base import Medium
from gateway.definitions import model

NAMES: Final = {Medium.SMS: "text", Medium.EMAIL: "email", Medium.VOICE: "phone call"}
MANY: Final = {Medium.SMS: "Texts", Medium.EMAIL: "Emails", Medium.VOICE: "Calls"}
WHO: Final = {
    "first_contact": "the first contact of each child",
    "parental_responsibility": "everybody with parental responsibility",
    "lives_with": "everybody the children live with",
    "everyone": "everybody on file",
}


def to(audience: model.Audience) -> str:
    """To which children's families."""
    found = "the whole school" if audience.whole_school else _pupils(audience)
    left_out = "" if audience.but_not.empty() else f", without {_pupils(audience.but_not)}"
    said = f"{found}{left_out}"
    return said[:1].upper() + said[1:]


def _pupils(chosen: model.Pupils) -> str:
    parts = [_year(year) for year in chosen.years] + [*chosen.forms, *chosen.groups]
    if chosen.pupils:
        parts.append("1 child" if len(chosen.pupils) == 1 else f"{len(chosen.pupils)} children")
    return listed(parts)


def _year(year: str) -> str:
    return {"N": "Nursery", "R": "Reception"}.get(year.upper(), f"Year {year}")


def listed(parts: list[str]) -> str:
    """``a, b and c``."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}" if parts else "nobody"


def how(definition: model.Definition) -> str:
    """By which ways, one after another."""
    said = list[str]()
    for number, step in enumerate(definition.steps):
        ways = listed([NAMES[medium] for medium in step.media])
        said.append(
            f"then {ways} after {span(step.after)}" if number and step.after else f"then {ways}" if number else ways
        )
    words = ", ".join(said)
    missed = "whoever has not answered" if definition.stop_when == "answered" else "whoever has not been reached"
    return words[:1].upper() + words[1:] + (f", each only to {missed}." if len(said) > 1 else ".")


def span(of: timedelta) -> str:
    """``30 minutes``, ``2 hours``, ``1 day``."""
    for unit, size in (("day", timedelta(days=1)), ("hour", timedelta(hours=1)), ("minute", timedelta(minutes=1))):
        if of and not of % size:
            number = of // size
            return f"{number} {unit}{'' if number == 1 else 's'}"
    return f"{int(of.total_seconds())} seconds"
