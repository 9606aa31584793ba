"""The folder of the practice school: never somebody else's, never emptied without being asked."""

from __future__ import annotations

import fcntl
import sqlite3
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from config import settings as reading
from gateway import errors
from gateway.practice import setup

REAL = '[school]\nname = "Oakfield"\n'


def prepare(folder: Path, *, fresh: bool = False) -> tuple[setup.Place, list[str]]:
    said: list[str] = []
    place, _ = setup.prepare(folder, seed=1, port=8080, fresh=fresh, today=date(2026, 9, 21), say=said.append)
    return place, said


def fill(place: setup.Place) -> None:
    with closing(sqlite3.connect(place.database)) as database, database:
        database.executescript("CREATE TABLE pupil (id INTEGER); INSERT INTO pupil VALUES (1);")


@pytest.mark.parametrize("fresh", [False, True])
@pytest.mark.parametrize("settings", [REAL, REAL + "[practice]\nenabled = false\n", "practice = 5\n", "not TOML", None])
def test_what_is_not_for_practice_is_not_touched(tmp_path: Path, settings: str | None, *, fresh: bool) -> None:
    (tmp_path / "handbell.sqlite3").write_text("the school")
    if settings is not None:
        (tmp_path / "handbell.toml").write_text(settings)
    with pytest.raises(errors.Conflict, match="is not a practice school"):
        prepare(tmp_path, fresh=fresh)
    assert (tmp_path / "handbell.sqlite3").read_text() == "the school"


def test_a_second_time_the_same_school_is_used(tmp_path: Path) -> None:
    first, _ = prepare(tmp_path / "practice")
    assert first.fresh
    fill(first)
    before = first.settings.read_bytes()
    again, said = prepare(tmp_path / "practice")
    assert not again.fresh
    assert again.settings.read_bytes() == before
    assert "--fresh" in said[0]


def test_an_import_that_was_interrupted_is_begun_again(tmp_path: Path) -> None:
    prepare(tmp_path / "practice")
    assert prepare(tmp_path / "practice")[0].fresh
    with closing(sqlite3.connect(tmp_path / "practice" / "handbell.sqlite3")) as database:
        database.execute("CREATE TABLE pupil (id INTEGER)")
    assert prepare(tmp_path / "practice")[0].fresh


def test_anew_only_when_asked_and_nothing_of_others_goes(tmp_path: Path) -> None:
    place, _ = prepare(tmp_path / "practice")
    fill(place)
    (place.notices / "mine.toml").write_text("mine")
    ends = [place.folder / name for name in ("audit.end", "audit.end.4711")]  # whole, and of one that was killed
    for end in ends:
        end.write_text("{}")
    anew, said = prepare(tmp_path / "practice", fresh=True)
    assert anew.fresh
    assert "is deleted" in said[0]
    assert not anew.database.exists()
    assert not any(end.exists() for end in ends)
    assert (place.notices / "mine.toml").read_text() == "mine"


def test_its_copies_lie_beside_it_not_among_a_real_school_s(tmp_path: Path) -> None:
    place, _ = prepare(tmp_path / "practice")
    settings = reading.load(place.settings, environ={}, credentials=None)
    assert settings.backup.folder == place.folder / "copies"
    copy = settings.backup.folder / "20261129T023000Z"
    copy.mkdir(parents=True)
    prepare(tmp_path / "practice", fresh=True)
    assert not copy.exists()  # nobody could restore it: the key is another one


def test_a_school_in_use_is_not_deleted(tmp_path: Path) -> None:
    place, _ = prepare(tmp_path / "practice")
    fill(place)
    with Path(f"{place.database}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with pytest.raises(errors.Conflict, match="is running"):
            prepare(tmp_path / "practice", fresh=True)
    assert place.database.exists()
