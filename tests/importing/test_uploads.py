"""Files that wait for a decision lie in their own folder, whatever they were called at home."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway import errors
from gateway.importing import uploads

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "name",
    [
        "../../evil.csv", "/etc/evil.csv", "..\\..\\evil.csv", "C:\\evil.csv", "..", ".", "", "...", "../", "a/..", "/",
        ".bashrc", "note.json", "../note.json", "e\0vil.csv", "e\nvil.csv", "\u2024\u2024/evil.csv", "a" * 5_000,
        "é" * 300, "%2e%2e/x",
    ],
    ids=ascii,
)  # fmt: skip
def test_no_name_leads_elsewhere(tmp_path: Path, name: str) -> None:
    place = tmp_path / "uploads"
    kept = uploads.Uploads(place).put([(name, io.BytesIO(b"words"))], now=NOW)
    [file] = kept.files
    assert file.read_bytes() == b"words"
    assert file.resolve().parent == (place / kept.key / "files").resolve()
    assert sorted(one.name for one in tmp_path.rglob("*") if one.is_file()) == sorted(["note.json", file.name])


def test_files_of_one_name_are_all_kept(tmp_path: Path) -> None:
    names = ["3 a.csv", "a.csv", "a.csv", "x/a.csv", "y\\a.csv"]
    files = [(name, io.BytesIO(str(number).encode())) for number, name in enumerate(names)]
    kept = uploads.Uploads(tmp_path).put(files, now=NOW)
    assert sorted(file.read_bytes() for file in kept.files) == [b"0", b"1", b"2", b"3", b"4"]


@pytest.mark.parametrize("key", ["..", "../uploads", "", "/etc", "A" * 32, "a" * 32 + "/..", "a" * 31 + "\n"])
def test_no_key_leads_elsewhere(tmp_path: Path, key: str) -> None:
    place = tmp_path / "uploads"
    waiting = uploads.Uploads(place)
    kept = waiting.put([("a.csv", io.BytesIO(b""))], now=NOW)
    waiting.drop(key)
    with pytest.raises(errors.NotFound):
        waiting.find(key, now=NOW)
    assert waiting.find(kept.key, now=NOW).files
