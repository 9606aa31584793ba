"""People: pupils, the contacts who answer for them, and how each contact can be reached."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import JSON, Column
from sqlmodel import Field, UniqueConstraint

from channels.base import Medium
from gateway.models.types import LineType, PointKind, PointState, Table, UtcDateTime, words

#: For a column that joins a table with rows in it: what those rows hold.
NO, BLANK = {"server_default": "0"}, {"server_default": ""}


def joined(*parts: str) -> str:
    """A name from its parts, whichever are known."""
    return " ".join(part for part in parts if part)


def in_force(begins: date | None, ends: date | None, day: date) -> bool:
    """Whether a bar with these dates, both inclusive, is in force on ``day``."""
    return (begins is None or begins <= day) and (ends is None or ends >= day)


class Pupil(Table, table=True):
    """A child on roll. ``source_id`` is the MIS's own id; ``year`` is ``N``, ``R`` or ``1`` to ``13``."""

    id: int | None = Field(default=None, primary_key=True)
    source_id: str = Field(unique=True)
    upn: str = Field(default="", index=True)
    forename: str
    surname: str
    known_as: str = ""
    born: date | None = None
    year: str = Field(default="", index=True)
    form: str = Field(default="", index=True)
    home_language: str = ""
    left_on: date | None = None  #: the last day on roll
    deceased: bool = Field(default=False, sa_column_kwargs=NO)  #: nothing about this child ever leaves again

    @property
    def called(self) -> str:
        """The name that a message uses: the preferred forename where there is one."""
        return self.known_as or self.forename


class Contact(Table, table=True):
    """A grown-up in a child's life. Languages are BCP 47 tags, ``""`` when nobody has asked yet.

    ``languages_confirmed_at`` is when the family itself chose them: from then on no file changes them.
    ``further_languages`` are those that they understand beside these, the best first, parted by spaces.
    ``likely_language`` is what something suggests (``likely_because``) and nobody has said; it decides nothing.
    ``languages_asked_at`` is when we asked by text: once and never again, but where the question did not leave.
    """

    id: int | None = Field(default=None, primary_key=True)
    source_id: str = Field(unique=True)
    title: str = ""
    forename: str = ""
    surname: str = ""
    written_language: str = ""
    spoken_language: str = ""
    languages_confirmed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    further_languages: str = Field(default="", sa_column_kwargs=BLANK)
    likely_language: str = Field(default="", sa_column_kwargs=BLANK)
    likely_because: str = Field(default="", sa_column_kwargs=BLANK)
    languages_asked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    interpreter: bool = Field(default=False, sa_column_kwargs=NO)  #: somebody must interpret when they come to school
    deceased: bool = Field(default=False, sa_column_kwargs=NO)  #: nothing is sent to them ever again
    postal_address: str = Field(default="", sa_column_kwargs=BLANK)  #: its lines, the postcode last; for letters
    marketing_consent: bool = False  #: agreed to hear of fundraising and paid offers (PECR reg. 22)

    @property
    def full_name(self) -> str:
        """Title, forename and surname, whichever are known."""
        return joined(self.title, self.forename, self.surname)


class ContactAlias(Table, table=True):
    """Another id that a contact has in the school's records: that of one who was found to be the same person.

    ``was_id`` is the contact that it was until then. A row with that id may still say that the person has died, or has
    not agreed to hear of fundraising; that holds, whatever the other row says.
    """

    source_id: str = Field(primary_key=True)
    contact_id: int = Field(foreign_key="contact.id", ondelete="CASCADE", index=True)
    was_id: int
    deceased: bool = False
    marketing_consent: bool = False
    since: datetime = Field(sa_type=UtcDateTime)
    by: str


class Guardianship(Table, table=True):
    """What one contact is to one pupil.

    ``priority`` 1 is asked first. ``no_contact`` bars the contact from anything about this pupil, from and until the
    given dates where they are given (both inclusive); it beats everything else. ``bar_confirmed_at`` is when a person
    of the school set or lifted it in Handbell: from then on no file lifts it.
    """

    __table_args__ = (UniqueConstraint("pupil_id", "contact_id"),)

    id: int | None = Field(default=None, primary_key=True)
    pupil_id: int = Field(foreign_key="pupil.id", ondelete="CASCADE", index=True)
    contact_id: int = Field(foreign_key="contact.id", ondelete="CASCADE", index=True)
    relation: str = ""
    priority: int = 99
    parental_responsibility: bool = False
    lives_with: bool = False
    no_contact: bool = False
    no_contact_from: date | None = None
    no_contact_until: date | None = None
    bar_confirmed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)

    def barred_on(self, day: date) -> bool:
        """Whether the bar is in force on ``day``."""
        return self.no_contact and in_force(self.no_contact_from, self.no_contact_until, day)


class ContactPoint(Table, table=True):
    """One way to reach one contact: a phone (texts and calls) or an email address.

    ``address`` is E.164 or a lower-cased email address. ``rank`` 1 is preferred. Two contacts may share an address.
    ``bad_days`` are its failures since the last good sign, each with ``on`` (a date), ``why`` and ``message``; what
    they amount to is ``gateway/points.py``'s to say, and ``strikes`` how many of the last kind counted then.
    """

    __table_args__ = (UniqueConstraint("contact_id", "kind", "address"),)

    id: int | None = Field(default=None, primary_key=True)
    contact_id: int = Field(foreign_key="contact.id", ondelete="CASCADE", index=True)
    kind: PointKind = Field(sa_type=words(PointKind))
    address: str = Field(index=True)
    line_type: LineType = Field(default=LineType.NONE, sa_type=words(LineType))
    label: str = ""
    rank: int = 1
    state: PointState = Field(default=PointState.UNPROVEN, sa_type=words(PointState))
    strikes: int = 0
    bad_days: list[dict[str, str]] = Field(
        default_factory=list, sa_column=Column(JSON, nullable=False, server_default="[]")
    )
    confirmed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    last_good_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    last_bad_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    last_bad_reason: str = ""


class OptOut(Table, table=True):
    """An address that told us to stop, by medium. It belongs to the address, so no import can undo it."""

    __table_args__ = (UniqueConstraint("medium", "address"),)

    id: int | None = Field(default=None, primary_key=True)
    medium: Medium = Field(sa_type=words(Medium))
    address: str = Field(index=True)
    since: datetime = Field(sa_type=UtcDateTime)
    how: str = ""
    mandatory_too: bool = True  #: an email unsubscribe leaves mandatory mail alone; STOP by text stops everything


class PupilGroup(Table, table=True):
    """A club, set or list that a pupil may be in. Forms and years are fields of the pupil.

    ``listed_by`` is the import's source that lists it, or else the format: what another lists takes nobody out of it.
    """

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    listed_by: str = Field(default="", sa_column_kwargs={"server_default": ""})


class Membership(Table, table=True):
    """A pupil in a group."""

    pupil_id: int = Field(foreign_key="pupil.id", ondelete="CASCADE", primary_key=True)
    group_id: int = Field(foreign_key="pupil_group.id", ondelete="CASCADE", primary_key=True, index=True)
