"""``handbell report`` on a real database: shown, written as page and CSV, and packed for an inspector."""

from __future__ import annotations

import csv
import hashlib
import io
import re
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sqlmodel import select

from channels.base import Medium
from gateway import ids
from gateway.database import Session
from gateway.models import About, Message, MessageState, Pupil, Purpose

if TYPE_CHECKING:
    from conftest import Office

DAYS = ("--from", "01/09/2026", "--until", "30/11/2026")


def told(office: Office) -> None:
    """One message about every child; both are in one form, of few children."""

    async def job(session: Session) -> None:
        now = datetime(2026, 11, 20, 9, tzinfo=UTC)
        for pupil in list(await session.scalars(select(Pupil))):
            pupil.form = "3A"
            message = Message(
                id=ids.new_id(), medium=Medium.SMS, address="+447700900001", slot=ids.new_id(), purpose=Purpose.SERVICE,
                body="Oakfield: hello", language="en", pence=4, state=MessageState.DELIVERED, due_at=now,
                created_at=now, changed_at=now,
            )  # fmt: skip
            session.add(message)
            await session.flush()
            session.add(About(message_id=message.id, pupil_id=pupil.id or 0))

    office.change(job)
    office.gives("token", "create", "office")  # something for the audit log
    office.change(lambda session: office.log.seal(session))


def test_a_report_is_shown_and_written(school_office: Office, tmp_path: Path) -> None:
    told(school_office)
    said = school_office.gives("report", "show", "reach", *DAYS)
    assert re.search(r"News of (\d+) of \1 children reached somebody", said)
    page, sheet = tmp_path / "reach.html", tmp_path / "reach.csv"
    school_office.gives("report", "show", "reach", *DAYS, "--html", str(page), "--csv", str(sheet))
    assert "<svg " in page.read_text()
    assert "<script" not in page.read_text()
    assert '"others, fewer than five each",2,2' in sheet.read_text()  # two children of one form
    found = school_office.data("report", "show", "cost", *DAYS)
    november = found["tables"][0]["rows"][-1]
    assert november == ["November 2026", 2, 2, 0, 0, "0.08", None]


def test_what_cannot_be_is_said(school_office: Office, tmp_path: Path) -> None:
    assert "There are reach, answers" in school_office.refuses("report", "show", "everything")
    assert "Give the first day first" in school_office.refuses(
        "report", "show", "reach", "--from", "1/9/2026", "--until", "1/8/2026"
    )
    missing = str(tmp_path / "no" / "folder.html")
    assert "cannot be written" in school_office.refuses("report", "show", "reach", "--html", missing)


def test_the_pack_names_nobody_and_proves_itself(school_office: Office, tmp_path: Path) -> None:
    told(school_office)
    out = tmp_path / "pack.zip"
    school_office.gives("report", "pack", *DAYS, "--out", str(out))
    with zipfile.ZipFile(out) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    assert sorted(files) == sorted(
        [
            "README.txt",
            "reports.html",
            "SHA256SUMS",
            *(f"{one}.csv" for one in ("reach", "answers", "updates", "good-news", "absences", "cost")),
        ]
    )
    for line in files["SHA256SUMS"].decode().splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256(files[name]).hexdigest() == digest
    whole = b"".join(files.values()).decode()
    head = re.search(r"its head was ([0-9a-f]{64})\.", whole)
    assert head
    assert "nowhere in this chain" in school_office.type("audit", "verify", "--against", "0" * 63 + "1").output
    school_office.gives("audit", "verify", "--against", head[1])

    async def names(session: Session) -> list[str]:
        return [
            word
            for pupil in await session.scalars(select(Pupil))
            for word in (pupil.forename, pupil.surname, pupil.source_id)
        ]

    for word in school_office.change(names):
        assert not re.search(rf"\b{re.escape(word)}\b", whole), word
    assert "77009" not in whole
    rows = list(csv.reader(io.StringIO(files["cost.csv"].decode())))
    assert rows[1][0] == "month"
    packed = school_office.gives("audit", "show", "--action", "report.packed")
    assert hashlib.sha256(out.read_bytes()).hexdigest() in packed.replace("\n", "").replace(" ", "")
