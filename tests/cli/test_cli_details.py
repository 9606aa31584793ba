"""``handbell details``, ``contact evidence``, ``explain family``: a new number, and every import after it."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlmodel import select
from support import school

from channels.base import Medium
from gateway import ids
from gateway.database import Session
from gateway.models import (
    Contact,
    ContactPoint,
    DetailState,
    LineType,
    Message,
    NewDetail,
    PointKind,
    Sender,
)

if TYPE_CHECKING:
    from conftest import Office

HEAD = "Pupil ID,Student Forename,Student Surname,Reg,Contact ID,Contact Forename,Contact Surname,Mobile,Priority\n"
ROWS = "1,Kai,Shaw,5A,C1,Emma,Shaw,{mum},1\n1,Kai,Shaw,5A,C2,Lee,Shaw,07700 900102,2\n"
OLD, NEW = "07700 900101", "07700 900123"


def tell(office: Office, *, replaces: bool = True, state: DetailState = DetailState.PROVED) -> None:
    """Emma has told us of a new number, and a code has proved it."""

    async def job(session: Session) -> None:
        emma = (await session.scalars(select(Contact).where(Contact.forename == "Emma"))).one()
        old = (await session.scalars(select(ContactPoint).where(ContactPoint.contact_id == emma.id))).one()
        now = datetime(2026, 11, 23, 9, tzinfo=UTC)
        row = NewDetail(
            contact_id=emma.id or 0, old_point_id=old.id, old_address=old.address, replaces=replaces,
            kind=PointKind.PHONE, address="+447700900123", line_type=LineType.MOBILE, state=state,
            told_on=Medium.SMS, made_at=now, proved_at=now if state == "proved" else None, open_key=ids.new_id(),
        )  # fmt: skip
        session.add(row)

    office.change(job)


def points(office: Office) -> dict[str, str]:
    """Emma's phones in the order of their use, and their states."""
    shown = office.data("contact", "show", "1")
    return {way["address"]: way["state"] for way in shown["ways"]}


def test_approved_it_survives_every_file(small_office: Office) -> None:
    office = small_office
    sender = Sender(channel="twilio-sms", medium=Medium.SMS, address="+441134960001")
    office.do(lambda database: school.add(database, sender))
    everybody = office.write("all.csv", HEAD + ROWS.format(mum=OLD))
    office.gives("import", "--source", "sims", everybody)
    tell(office)
    assert "proved" in office.gives("details", "list")
    said = office.gives("details", "approve", "1", "--as", "Mrs Okafor")
    assert "no import undoes it" in said
    assert "The old one is told" in said
    after = {"+447700900123": "working", "+447700900101": "wrong"}
    assert points(office) == after
    office.gives("import", "--source", "sims", everybody)
    assert points(office) == after, "the MIS still has the old one"
    assert "telephone …123 that these files do not have" in office.gives("import", "conflicts")
    corrected = office.write("new.csv", HEAD + ROWS.format(mum=NEW))
    office.gives("import", "--source", "sims", corrected)
    assert points(office) == {"+447700900123": "working"}
    assert office.data("import", "conflicts") == []
    office.gives("import", "--source", "sims", everybody)  # put back from an old copy
    assert points(office)["+447700900123"] == "working"
    assert "900123" in office.gives("people", "list"), "it is still the one that is used"

    written = office.gives("details", "export")
    [line] = list(csv.DictReader(io.StringIO(written)))
    assert (line["Pupil IDs"], line["New"], line["Old"], line["Proved"]) == ("1", NEW, OLD, "by a code")
    assert list(csv.DictReader(io.StringIO(office.gives("details", "export")))) == [], "each once"
    assert len(list(csv.DictReader(io.StringIO(office.gives("details", "export", "--all"))))) == 1

    async def told(session: Session) -> list[str]:
        return [one.address for one in await session.scalars(select(Message))]

    assert office.change(told) == ["+447700900101"]


def test_kept_beside_the_old_one_it_comes_first_whatever_the_file_says(small_office: Office) -> None:
    office = small_office
    file = office.write("all.csv", HEAD + ROWS.format(mum=OLD))
    office.gives("import", "--source", "sims", file)
    tell(office, replaces=False)
    office.gives("details", "approve", "1")
    office.gives("import", "--source", "sims", file)
    found = office.data("people", "list")
    assert "900123" in str(found)
    assert points(office) == {"+447700900123": "working", "+447700900101": "unproven"}


def test_commands_say_what_to_do(small_office: Office) -> None:
    office = small_office
    office.gives("import", office.write("all.csv", HEAD + ROWS.format(mum=OLD)))
    assert "There are none" in office.gives("details", "list")
    assert json.loads(office.gives("details", "list", "--json")) == []
    assert "There is no new detail 7" in office.refuses("details", "approve", "7")
    tell(office, state=DetailState.WAITING)
    assert "Nothing proves 1 yet" in office.refuses("details", "approve", "1")
    assert "Refused" in office.gives("details", "refuse", "1", "--why", "not hers", "--as", "Mr Reilly")
    assert "already, by Mr Reilly" in office.refuses("details", "approve", "1", "--unproved")
    assert office.data("details", "list", "--all")[0]["why"] == "not hers"
    evidence = office.gives("contact", "evidence", "1")
    assert "+447700900101 (mobile) is unproven, red, 0.00" in evidence
    assert "Nothing is known of it yet" in evidence
    assert office.data("contact", "evidence", "1")[0]["colour"] == "red"
    assert "There is no contact 99" in office.refuses("contact", "evidence", "99")
    assert "nothing has been tried yet" in office.gives("explain", "family", "1")
    assert "There is no pupil 99" in office.refuses("explain", "family", "99")
    assert "Kai Shaw" in office.gives("details", "report", "few")
    assert office.data("details", "report", "few")[0]["independent"] == 0
    assert "1 line written" in office.gives("details", "report", "few", "--out", str(office.folder / "few.csv"))
    assert "Kai Shaw" in (office.folder / "few.csv").read_text()
    for which in ("one-way", "landline", "shared"):
        assert "There are none" in office.gives("details", "report", which)
