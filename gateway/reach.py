"""By which phones and mailboxes somebody can be reached about which pupils: for whoever plans, and whoever looks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from channels.base import Medium
from gateway import people, points
from gateway.models import LineType, PointState


class Ways(NamedTuple):
    """The phones or mailboxes by which one contact hears, each with its pupils; whoever is left out, and why."""

    found: Sequence[tuple[people.Point, Sequence[int]]]
    left_out: Sequence[int]
    reason: str  #: a key of ``guard.REASONS``


def ways(
    known: people.People, contact_id: int | None, pupil_ids: Sequence[int], *, medium: Medium, mandatory: bool
) -> Ways:
    """Each pupil by the first phone or mailbox that may hear of it: one that a barred person shares is passed over."""
    found: list[tuple[people.Point, Sequence[int]]] = []
    left_out = pupil_ids
    kind = points.kind_of(medium)
    reason = "no_email" if medium is Medium.EMAIL else "no_number"
    for point in known.points.get(contact_id or 0, ()):
        if point.kind is not kind or not left_out:
            continue
        if why := unfit(point, known, medium, mandatory=mandatory):
            weak = why in ("landline", "no_texts")  # says less than what stops a mobile
            reason = reason if weak and reason != "no_number" else why
            continue
        if known.barred.keys().isdisjoint(left_out):
            allowed, left_out = left_out, ()
        else:
            allowed = [p for p in left_out if p not in known.barred or point.address not in known.barred[p]]
            left_out = [p for p in left_out if p not in allowed]
        reason = "barred_address"
        if allowed:
            found.append((point, allowed))
    return Ways(found, left_out, reason)


def unfit(point: people.Point, known: people.People, medium: Medium, *, mandatory: bool) -> str:
    """Why a phone or mailbox cannot be used for a medium at all, or ``""``."""
    stopped = known.opted_out.get((medium, point.address))
    if medium is Medium.SMS and point.line_type is not LineType.MOBILE:
        return "landline" if point.line_type is LineType.LANDLINE else "no_texts"
    if stopped is not None and (stopped or not mandatory):
        return "opted_out"
    return {PointState.DEAD: "dead", PointState.WRONG: "wrong_number"}.get(point.state, "")
