"""``handbell letter`` on a real database, with addresses from a file."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from support import programs

from gateway import context, notices
from gateway.definitions import reading

if TYPE_CHECKING:
    from conftest import Office

    from gateway.database import Database

HEADINGS = "Pupil ID,Forename,Surname,Form,Contact ID,Contact Forename,Contact Surname,PR,Reads"
PEOPLE = f"""{HEADINGS},House Number,Street,Town,Postcode
P7,Yusuf,Khan,3A,C7,Amina,Khan,yes,Urdu,12,Mill Lane,Leeds,LS1 1AA
P8,Cem,Kaya,3A,C8,Elif,Kaya,yes,Turkish,,,,
"""
PHOTO = {
    "key": "photo", "title": "Photos", "purpose": "service", "template": "closure", "media": ["sms"],
    "values": {"date": "2026-12-01", "reason": "the boiler has failed"}, "audience": {"forms": ["3A"]},
}  # fmt: skip


def announced(office: Office) -> None:
    async def job(database: Database) -> None:
        from support import desk

        gateway = desk.gateway(database, drafts=True)
        gateway = context.Gateway(
            settings=gateway.settings, database=database, log=office.log, secret=b"s" * 32, channels={}
        )
        async with database.write() as session:
            await notices.submit(session, gateway, reading.read(PHOTO), author="Mr Hill")
        async with database.write() as session:
            assert await notices.plan_due(session, gateway)

    office.do(job)


def test_from_a_file_to_the_post(school_office: Office) -> None:
    school_office.gives("import", "--source", "sims", school_office.write("people.csv", PEOPLE), "--yes")
    assert "Nobody needs a letter." in school_office.gives("letter", "print")
    announced(school_office)
    listed = school_office.data("letter", "list")
    assert [(one["name"], one["address"]) for one in listed["needed"]] == [
        ("Amina Khan", ["12 Mill Lane", "Leeds", "LS1 1AA"]),
        ("Elif Kaya", []),
    ]
    contact = listed["needed"][1]["contact"]
    assert "none on file" in school_office.gives("letter", "list")
    programs.need("fc-list")
    out = school_office.folder / "letters.pdf"
    printed = school_office.type("letter", "print", "--out", str(out))
    assert printed.exit_code == 0, printed.output
    assert f"1 letter: {out}. When they are posted: handbell letter posted " in printed.stdout
    assert f"Elif Kaya (contact {contact}) has no postal address on file" in printed.stderr
    assert out.read_bytes().startswith(b"%PDF")
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    (lying,) = school_office.data("letter", "list")["not_posted"]
    assert lying["name"] == "Amina Khan"
    assert "once more" in school_office.gives("letter", "print", "--batch", lying["batch"], "--out", str(out))

    assert "Elif Kaya: 1 High Street, York" in school_office.gives(
        "letter", "address", str(contact), "1 High Street", "York"
    )
    assert "1 letter: " in school_office.gives("letter", "print", "--notice", "photo", "--out", str(out))
    assert "1 letter noted as posted" in school_office.gives("letter", "posted", lying["batch"])
    assert "1 letter noted as posted" in school_office.gives("letter", "posted", "L2")
    assert "There is no batch" in school_office.refuses("letter", "posted", "tomorrow")
    assert "cannot be written" in school_office.refuses("letter", "print", "--batch", lying["batch"], "--out", "/no/x")
    listed = school_office.data("letter", "list")
    assert (listed["needed"], listed["not_posted"]) == ([], [])
    assert [one["name"] for one in listed["by_letter_alone"]] == ["Amina Khan", "Elif Kaya"]
    assert "Nothing was changed" in school_office.gives("audit", "verify")
