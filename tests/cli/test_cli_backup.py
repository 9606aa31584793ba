"""``handbell backup`` and ``handbell migrate`` on a school's file: copies are whole and private, upgrades are safe."""

from __future__ import annotations

import fcntl
import json
import sqlite3
import stat
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from config import settings as reading
from gateway import chain, migrate
from gateway.backup import copies
from gateway.database import Session
from gateway.models import Task

from .conftest import AUDIT_KEY

if TYPE_CHECKING:
    from conftest import Office

KEY = AUDIT_KEY.encode()


@pytest.fixture
def place(small_office: Office, tmp_path: Path) -> Path:
    """Where the office's copies go."""
    folder = tmp_path / "copies"
    small_office.settings.write_text(f'{small_office.settings.read_text()}\n[backup]\nfolder = "{folder}"\n')
    return folder


def test_a_copy_is_whole_private_and_knows_when_it_was_touched(small_office: Office, place: Path) -> None:
    said = small_office.gives("backup", "make", "--as", "Mr Reilly")
    assert "the audit log verifies" in said
    [copy] = place.iterdir()
    assert stat.S_IMODE(copy.stat().st_mode) == 0o700
    assert {one.name: stat.S_IMODE(one.stat().st_mode) for one in copy.iterdir()} == {
        "copy.json": 0o600, "handbell.sqlite3": 0o600, "handbell.toml": 0o600,
    }  # fmt: skip
    assert copy.name in small_office.gives("backup", "list")
    [line] = small_office.data("audit", "show", "--action", "backup.made")
    assert (line["actor"], line["body"]["copy"]) == ("Mr Reilly", copy.name)
    database = copy / "handbell.sqlite3"
    whole = database.read_bytes()
    small_office.gives("backup", "verify", "latest")
    assert database.read_bytes() == whole, "to look at it leaves it as it was"
    database.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert "not as it was written" in small_office.refuses("backup", "verify", copy.name)
    about = json.loads((copy / "copy.json").read_text())
    (copy / "copy.json").write_text(json.dumps(about | {"database": "../../elsewhere"}))
    assert "not in the copy" in small_office.refuses("backup", "verify", copy.name)


def test_no_copy_holds_a_secret_that_somebody_wrote_into_the_settings(small_office: Office, place: Path) -> None:
    text = small_office.settings.read_text()
    small_office.settings.write_text(text.replace("[smtp]", '[smtp]\nusername = "office"\npassword = "hunter2"'))
    small_office.gives("backup", "make")
    [copy] = place.iterdir()
    assert "hunter2" not in "".join(one.read_text() for one in (copy / "handbell.toml", copy / "copy.json"))
    small_office.gives("backup", "verify")
    file = Path(sa.make_url(small_office.url).database or "")
    file.rename(f"{file}.lost")
    said = small_office.gives("backup", "restore", "latest")
    assert "The settings file in the copy: To be put in again, as no copy holds secrets: smtp.password." in said


async def test_two_copies_within_one_second_are_two(small_office: Office, place: Path) -> None:
    secrets = {"HANDBELL_AUDIT__KEY": "k" * 32, "HANDBELL_TWILIO__AUTH_TOKEN": "t" * 32}
    settings = reading.load(small_office.settings, environ=secrets, credentials=None)
    now = datetime(2026, 11, 29, tzinfo=UTC)
    for _ in range(2):
        await copies.make(settings, secret=b"k" * 32, config=None, version="0.1", now=now)
    assert sorted(kept.name for kept in copies.listed(place)) == ["20261129T000000Z", "20261129T000001Z"]


def test_another_key_is_noticed(small_office: Office, place: Path) -> None:
    small_office.gives("backup", "make")
    [copy] = place.iterdir()
    about = json.loads((copy / "copy.json").read_text())
    (copy / "copy.json").write_text(json.dumps(about | {"key": copies.mark_of(b"another")}))
    assert "audit key here is not the one" in small_office.refuses("backup", "verify")


def test_nothing_is_written_over_and_nothing_restored_beside_a_daemon(small_office: Office, place: Path) -> None:
    small_office.gives("backup", "make")
    assert "is there already" in small_office.refuses("backup", "restore", "latest")
    file = Path(sa.make_url(small_office.url).database or "")
    file.rename(f"{file}.lost")
    with Path(f"{file.resolve()}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "Another Handbell is running" in small_office.refuses("backup", "restore", "latest")
    assert not file.exists()
    assert "Nothing leaves now" in small_office.gives("backup", "restore", "latest")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    small_office.gives("audit", "verify")
    assert "restored from a copy" in small_office.refuses("sender", "release", "1")
    assert "open first" in small_office.refuses("backup", "release", "--all")
    [task] = small_office.change(_tasks)
    assert (task.kind, task.urgent) == ("restored", True)
    assert "New messages leave" in small_office.gives("backup", "open", "--as", "Mr Reilly")
    assert "Nothing is closed" in small_office.refuses("backup", "open")


async def _tasks(session: Session) -> list[Task]:
    return list(await session.scalars(sa.select(Task)))


def test_an_old_state_that_came_back_by_other_means_is_closed_too(small_office: Office) -> None:
    assert "time zone" in small_office.type("backup", "hold", "--since", "2026-11-29T02:00:00").output
    ahead = f"{datetime.now(UTC) + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"  # nothing would be found to have left
    assert "lies ahead" in small_office.type("backup", "hold", "--since", ahead).output
    small_office.gives("backup", "hold", "--since", "2026-11-29T02:00:00Z", "--as", "Mr Reilly")
    [line] = small_office.data("audit", "show", "--action", "backup.restored")
    assert line["body"] == {"copied_at": "2026-11-29T02:00:00+00:00", "messages": 0}
    small_office.gives("backup", "open")


def test_old_copies_go_by_the_rule(tmp_path: Path) -> None:
    now = datetime(2026, 11, 29, 12, tzinfo=UTC)
    ages = (1, 13, 25, 47, 50, 60, 75, 24 * 20, 24 * 31)
    for hours in ages:
        made = now - timedelta(hours=hours)
        folder = tmp_path / f"{hours:03}"
        folder.mkdir()
        about = copies.Copy(made, "0.1", "0001", "handbell.sqlite3", chain.GENESIS, 0, copies.mark_of(KEY), {})
        (folder / copies.ABOUT).write_text(json.dumps(vars_of(about), default=str))
    gone = copies.forget_old(tmp_path, secret=KEY, keep_days=30, now=now)
    # 47, 50 and 60 hours ago are one day, the last of which is kept anyway; 75 hours ago is the day before.
    assert sorted(gone) == ["050", "060", "744"]
    assert copies.strange(tmp_path, secret=KEY) == []
    assert copies.forget_old(tmp_path, secret=b"another's", keep_days=1, now=now + timedelta(days=400)) == []
    assert copies.forget_old(tmp_path, secret=KEY, keep_days=1, now=now + timedelta(days=400))
    assert [kept.name for kept in copies.listed(tmp_path)] == ["001"], "the newest one is never thrown away"


def test_what_is_no_copy_stops_no_other_and_goes_when_its_time_is_over(small_office: Office, place: Path) -> None:
    now, mark = datetime.now(UTC), copies.mark_of(KEY)
    names = {hours: f"{now - timedelta(hours=hours):%Y%m%dT%H%M%SZ}" for hours in (5, 50, 24 * 31)}
    half = [place / f"{name}.{mark}.unfinished" for name in names.values()]  # the machine lost its power meanwhile
    for folder in (*half, place / "mine"):
        folder.mkdir(parents=True)
        (folder / copies.ABOUT).write_text("{")
    small_office.gives("backup", "make")
    assert [one.exists() for one in half] == [True, False, False]  # five hours ago: it may be growing still
    assert (place / "mine").exists()
    assert len(small_office.data("backup", "list")) == 1


def test_the_copies_of_another_school_stay_whatever_they_are_and_doctor_names_them(
    small_office: Office, place: Path
) -> None:
    """Two installations of one machine write into one folder, by mistake: each may throw away its own alone."""
    theirs, damaged, begun = (place / f"2026{month}01T023000Z{end}" for month, end in
                              (("01", ""), ("02", ""), ("03", ".0123456789abcdef.unfinished")))  # fmt: skip
    for folder in (theirs, damaged, begun):
        folder.mkdir(parents=True)
        (folder / copies.ABOUT).write_text("{")
    made = datetime(2026, 1, 1, 2, 30, tzinfo=UTC)
    about = copies.Copy(made, "0.1", "0001", "handbell.sqlite3", chain.GENESIS, 0, copies.mark_of(b"another's"), {})
    (theirs / copies.ABOUT).write_text(json.dumps(vars_of(about), default=str))
    small_office.gives("backup", "make")
    assert [one.exists() for one in (theirs, damaged, begun)] == [True] * 3
    assert "cannot be read" in small_office.refuses("backup", "verify", damaged.name)
    examined = json.loads(small_office.type("doctor", "--json").stdout)
    [found] = [one for one in examined if one["name"] == "copies"]
    assert found["state"] == "warn"
    assert all(one.name in found["sentence"] for one in (theirs, damaged, begun))


def vars_of(about: copies.Copy) -> dict[str, object]:
    return {name: getattr(about, name) for name in about.__slots__}


def test_an_upgrade_copies_first_and_waits_until_nobody_runs(small_office: Office, place: Path) -> None:
    older = migrate.known()[1]
    assert "There is no revision" in small_office.refuses("migrate", "--to", "9999")
    small_office.gives("migrate", "--to", older)
    assert len(copies.listed(place)) == 1
    file = Path(sa.make_url(small_office.url).database or "").resolve()
    with Path(f"{file}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "Another Handbell is running" in small_office.refuses("migrate")
    assert f"revision {older}, not" in small_office.refuses("migrate", "--check")
    small_office.gives("migrate", "--no-copy")
    assert len(copies.listed(place)) == 1
    assert "up to date" in small_office.gives("migrate", "--check")


def test_a_rehearsal_sees_that_a_table_is_emptied_on_the_way_up(small_school_office: Office) -> None:
    """A trigger stands for a step that is wrong: it deletes when the newest revision is written down."""
    file, newest = Path(sa.make_url(small_school_office.url).database or ""), migrate.known()[0]
    with closing(sqlite3.connect(file)) as database:
        database.execute(
            f"CREATE TRIGGER wrong AFTER UPDATE ON alembic_version WHEN new.version_num = '{newest}' "
            "BEGIN DELETE FROM guardianship; END"
        )
    said = small_school_office.refuses("migrate", "--rehearse")
    assert "lost upwards again: 2 of guardianship" in said


def test_a_rehearsal_leaves_the_database_alone(small_office: Office) -> None:
    file = Path(sa.make_url(small_office.url).database or "")
    before = file.read_bytes()
    said = small_office.gives("migrate", "--rehearse")
    assert f"and back to {migrate.known()[1]}" in said
    assert file.read_bytes() == before
