"""What the school holds of somebody is put right (UK GDPR article 16), by a person, with a line that says so."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from gateway import audit, context, errors
from gateway.database import Session
from gateway.models import Pupil
from gateway.privacy import belongings
from gateway.privacy.belongings import Person

CORRECTED: Final = "person.corrected"
FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    belongings.CONTACT: ("title", "forename", "surname", "postal_address"),
    belongings.PUPIL: ("forename", "surname", "known_as", "born", "home_language"),
}
_LONGEST: Final = 200


async def correct(
    session: Session, gateway: context.Gateway, person: Person, values: Mapping[str, str], *, by: str
) -> list[str]:
    """Set fields of somebody; gives those that changed. The audit log names the fields, not what they hold.

    Raises :class:`errors.NotFound`, and :class:`errors.BadInput` for a field or value that makes no sense.
    """
    own = await belongings.load(session, person, lock=True)
    changed = list[str]()
    for name, text in values.items():
        value = _value(person, name, text)
        if getattr(own, name) != value:
            setattr(own, name, value)
            changed.append(name)
    if changed:
        if isinstance(own, Pupil) and not own.forename:
            raise errors.BadInput([errors.Problem("a child needs a forename", field="forename")])
        session.add(own)
        line = audit.Line(CORRECTED, person.subject, {"fields": sorted(changed)}, by)
        await gateway.log.record(session, line, now=gateway.now())
    return changed


def _value(person: Person, name: str, text: str) -> Any:
    if name not in FIELDS[person.kind]:
        known = ", ".join(FIELDS[person.kind])
        cure = "Languages, phones and mailboxes, bars: handbell contact."
        raise errors.BadInput([errors.Problem(f"there is no such field, but {known}", cure, field=name)])
    text = "\n".join(" ".join(line.split()) for line in text.strip().splitlines())
    if len(text) > _LONGEST or not text.replace("\n", "").isprintable():
        raise errors.BadInput([errors.Problem(f"that is no {name}", field=name)])
    if name != "born":
        return text
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise errors.BadInput([errors.Problem("a date is as 2015-03-31", field=name)]) from None
