"""People in memory, for rules that need no database: pupils, contacts, ties and phones by name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from channels.base import Medium
from gateway import audience, people
from gateway.definitions import model
from gateway.models import Contact, ContactPoint, Guardianship, LineType, PointKind, Pupil


@dataclass
class Village:
    """Every one of ``add``'s answers is an id; ``people`` and ``audience`` are what the gateway would make of it."""

    today: date
    pupils: dict[int, Pupil] = field(default_factory=dict)
    contacts: dict[int, Contact] = field(default_factory=dict)
    ties: list[Guardianship] = field(default_factory=list)
    points: list[ContactPoint] = field(default_factory=list)
    opted_out: dict[tuple[Medium, str], bool] = field(default_factory=dict)

    def pupil(self, name: str, **fields: Any) -> int:
        number = len(self.pupils) + 1
        self.pupils[number] = Pupil(id=number, source_id=f"p{number}", forename=name, surname="Example", **fields)
        return number

    def contact(self, name: str, *children: int, **fields: Any) -> int:
        """A contact with parental responsibility for these children."""
        number = len(self.contacts) + 1
        self.contacts[number] = Contact(id=number, source_id=f"c{number}", forename=name, **fields)
        for child in children:
            self.tie(child, number, parental_responsibility=True)
        return number

    def tie(self, pupil_id: int, contact_id: int, **fields: Any) -> None:
        number = len(self.ties) + 1
        values: dict[str, Any] = {"priority": number} | fields
        self.ties.append(Guardianship(id=number, pupil_id=pupil_id, contact_id=contact_id, **values))

    def phone(self, contact_id: int, address: str, line_type: LineType = LineType.MOBILE, **fields: Any) -> None:
        self._point(contact_id, address, PointKind.PHONE, line_type=line_type, **fields)

    def mailbox(self, contact_id: int, address: str, **fields: Any) -> None:
        self._point(contact_id, address, PointKind.EMAIL, **fields)

    def _point(self, contact_id: int, address: str, kind: PointKind, **fields: Any) -> None:
        number = len(self.points) + 1
        rank = sum(point.contact_id == contact_id for point in self.points) + 1
        values: dict[str, Any] = {"rank": rank} | fields
        self.points.append(ContactPoint(id=number, contact_id=contact_id, kind=kind, address=address, **values))

    def people(self) -> people.People:
        ties = {p: sorted((t for t in self.ties if t.pupil_id == p), key=_by_priority) for p in self.pupils}
        points = {c: [point for point in self.points if point.contact_id == c] for c in self.contacts}
        barred = people.barred_addresses(ties, points, self.today)
        return people.People(self.pupils, ties, self.contacts, points, self.opted_out, barred)

    def audience(self, wanted: model.Audience, pupil_ids: Iterable[int] | None = None) -> audience.Audience:
        known = self.people()
        chosen = list(self.pupils if pupil_ids is None else pupil_ids)
        rows = audience.listeners_of(known, chosen, wanted, today=self.today, default_language="en")
        return audience.Audience(known, rows, [])


def _by_priority(tie: Guardianship) -> tuple[int, int]:
    return tie.priority, tie.id or 0
