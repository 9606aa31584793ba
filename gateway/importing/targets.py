"""The tables that files are taken over into, and which of their columns a file may set."""

from __future__ import annotations

from gateway.importing.settling import Target
from gateway.models import Contact, ContactPoint, Guardianship, Membership, Pupil, PupilGroup
from gateway.models.types import LineType, PointKind, PointState, core

PUPIL = Target(
    core(Pupil),
    ["source_id"],
    {
        "source_id": "", "upn": "", "forename": "", "surname": "", "known_as": "", "born": None,
        "year": "", "form": "", "home_language": "", "left_on": None, "deceased": False,
    },
)  # fmt: skip
CONTACT = Target(
    core(Contact),
    ["source_id"],
    {
        "source_id": "", "title": "", "forename": "", "surname": "", "written_language": "", "spoken_language": "",
        "interpreter": False, "marketing_consent": False, "deceased": False, "postal_address": "",
    },
)  # fmt: skip
LINK = Target(
    core(Guardianship),
    ["pupil_id", "contact_id"],
    {
        "pupil_id": 0, "contact_id": 0, "relation": "", "priority": 99, "parental_responsibility": False,
        "lives_with": False, "no_contact": False, "no_contact_from": None, "no_contact_until": None,
    },
)  # fmt: skip
# The evidence about a point (state, strikes, confirmed) is no file's to change.
POINT = Target(
    core(ContactPoint),
    ["contact_id", "kind", "address"],
    {"contact_id": 0, "kind": PointKind.PHONE, "address": "", "line_type": LineType.NONE, "label": "", "rank": 1},
    born_with={"state": PointState.UNPROVEN, "strikes": 0, "last_bad_reason": ""},
)

GROUPS, MEMBERSHIPS = core(PupilGroup), core(Membership)
