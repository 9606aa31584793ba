"""Folders and ZIPs: whatever a ZIP is made of, nothing is unpacked and nothing is exhausted."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

import pytest

from gateway.errors import BadInput
from gateway.importing import bundles, formats, oneroster, parts, sds
from gateway.importing.report import Remarks

USERS = "sourcedId,status,dateLastModified,enabledUser,role,givenName,familyName\np1,,,true,student,Kai,Shaw\n"


def zipped(path: Path, files: dict[str, str | bytes], *, method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def refused(path: Path) -> str:
    with pytest.raises(BadInput) as error:
        formats.look_all([path])
    assert all(problem.cure and problem.file.startswith(path.name) for problem in error.value.problems)
    return str(error.value)


@pytest.mark.parametrize("folder", ["", "export/", "export/2026/", "export\\"])
def test_a_zip_may_have_a_folder_and_what_a_mac_adds(tmp_path: Path, folder: str) -> None:
    files: dict[str, str | bytes] = {
        f"{folder}users.csv": USERS,
        f"__MACOSX/{folder}._users.csv": b"\0\5\x16\7",
        f"{folder}.DS_Store": b"\0",
        "read me.txt": "hello",
    }
    pupils, *_ = formats.look_all([zipped(tmp_path / "bundle.zip", files)])
    assert [(line, cells[0]) for line, cells, _ in pupils.rows()] == [(2, "p1")]
    assert pupils.name == "bundle.zip/users.csv"


def test_a_folder_and_a_zip_say_the_same(tmp_path: Path) -> None:
    folder = tmp_path / "export"
    folder.mkdir()
    (folder / "Users.csv").write_text(USERS)
    found = [formats.look_all([path]) for path in (folder, zipped(tmp_path / "e.zip", {"Users.csv": USERS}))]
    assert [list(source.rows()) for source in found[0]] == [list(source.rows()) for source in found[1]]
    assert found[0][0].name == "export/Users.csv"
    assert found[0][0].layout == found[1][0].layout
    assert found[0][0].size == found[1][0].size == len(USERS)


@pytest.mark.parametrize("name", ["../evil.csv", "a/../../evil.csv", "/etc/evil.csv", "..\\evil.csv", "C:\\evil.csv"])
def test_a_name_outside_of_the_zip_is_refused(tmp_path: Path, name: str) -> None:
    path = zipped(tmp_path / "bundle.zip", {"users.csv": USERS, name: "a"})
    assert "a file outside of itself" in refused(path)


def test_a_bomb_is_refused_before_it_is_read(tmp_path: Path) -> None:
    bomb = USERS + "," * (bundles.HARMLESS + 1)
    assert "far too large" in refused(zipped(tmp_path / "bundle.zip", {"users.csv": bomb}))


def test_a_bomb_of_many_entries_is_refused(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {f"{n}.csv": "" for n in range(bundles.ENTRIES)}
    path = zipped(tmp_path / "bundle.zip", {"users.csv": USERS} | files, method=zipfile.ZIP_STORED)
    assert "more than 10,000 files" in refused(path)


def test_a_size_that_lies_gives_out_no_more_than_it_says(tmp_path: Path) -> None:
    path = zipped(tmp_path / "bundle.zip", {"users.csv": USERS + "p2,,,true,student,Isla,Hirst\n" * 1000})
    raw = bytearray(path.read_bytes())
    at = raw.rindex(b"PK\x01\x02")
    raw[at + 24 : at + 28] = (100).to_bytes(4, "little")  # the unpacked size in the directory of the ZIP
    path.write_bytes(raw)
    assert "damaged" in refused(path)


def test_two_files_of_one_name_and_two_exports_are_refused(tmp_path: Path) -> None:
    twice = zipped(tmp_path / "twice.zip", {"users.csv": USERS, "USERS.csv": USERS})
    assert "two files of one name" in refused(twice)
    two = zipped(tmp_path / "two.zip", {"a/users.csv": USERS, "b/users.csv": USERS})
    assert "more than one export: a and b" in refused(two)


def test_a_damaged_zip_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "bundle.zip", {"users.csv": USERS * 50}, method=zipfile.ZIP_STORED)
    raw = path.read_bytes().replace(b"Kai", b"Ian", 1)
    path.write_bytes(raw)
    assert "damaged" in refused(path)


def test_a_zip_without_an_export_says_what_it_is(tmp_path: Path) -> None:
    whole = zipped(tmp_path / "whole.zip", {"letter.txt": "Dear parents"}, method=zipfile.ZIP_STORED).read_bytes()
    (tmp_path / "half.zip").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "nothing.zip").write_bytes(b"")
    for name, words in (
        ("whole.zip", "In this ZIP file there is no export that Handbell knows. Handbell looks for users.csv"),
        ("half.zip", "This ZIP file is damaged. Download it again"),
        ("nothing.zip", "This ZIP file is damaged"),
    ):
        assert f"{name}: {words}" in refused(tmp_path / name)
    assert "This ZIP file is empty." in refused(zipped(tmp_path / "empty.zip", {}))
    bomb = zipped(tmp_path / "bomb.zip", {"pupils.csv": "," * (bundles.HARMLESS + 1)})
    assert "far too large" in refused(bomb)


def test_a_workbook_is_still_called_one(tmp_path: Path) -> None:
    named = zipped(tmp_path / "pupils.xlsx", {"xl/workbook.xml": ""})
    renamed = zipped(tmp_path / "pupils.csv", {"[Content_Types].xml": "", "xl/workbook.xml": ""})
    for path in (named, renamed):
        assert "Excel workbook" in refused(path)


def test_a_folder_without_an_export_says_what_is_looked_for(tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "pupils.csv").write_text("Pupil ID,Forename,Surname\n")
    said = refused(tmp_path / "letters")
    assert said.startswith(
        "letters: In this folder there is no export that Handbell knows. Handbell looks for users.csv"
    )
    assert "name the files themselves, or the folder inside it" in said
    with pytest.raises(BadInput, match=r"^/: In this folder"):
        formats.look_all([Path("/")])


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    assert "This is not a file." in refused(tmp_path / "pipe.csv")


def test_a_locked_zip_and_an_uncommon_packing_are_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "locked.zip", {"users.csv": USERS, "manifest.csv": "propertyName,value\n"})
    raw = bytearray(path.read_bytes())
    for magic, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        raw[raw.index(magic) + at] |= 0x1
    path.write_bytes(raw)
    assert "locked with a password" in refused(path)
    uncommon = {"users.csv": USERS, "manifest.csv": "propertyName,value\n"}
    assert "uncommon way" in refused(zipped(tmp_path / "bz.zip", dict(uncommon), method=zipfile.ZIP_BZIP2))


def test_other_files_are_none_of_ours(tmp_path: Path) -> None:
    others = {"book.xlsx": {"xl/workbook.xml": "<a/>"}, "photos.zip": {"a.jpg": b"\xff\xd8"}}
    for name, files in others.items():
        path = zipped(tmp_path / name, dict(files))
        assert not oneroster.recognises(path)
        assert not sds.recognises(path)
    for content in (b"", b"\0\xff", b"PK\x03\x04", b"Pupil ID,Forename\n", b'"open', b"sourcedId,givenName\n"):
        (tmp_path / "file.csv").write_bytes(content)
        for path in (tmp_path / "file.csv", tmp_path / "nothing", tmp_path):
            assert not oneroster.recognises(path)
            assert not sds.recognises(path)


def test_one_file_of_a_bundle_is_not_taken_for_a_list_of_pupils(tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_text(USERS)
    assert "one file of a OneRoster export" in refused(tmp_path / "users.csv")
    (tmp_path / "renamed.csv").write_text("sourcedId,username,givenName,familyName\n1,a,Kai,Shaw\n")
    assert "one file of a School Data Sync export" in refused(tmp_path / "renamed.csv")


def part(content: bytes) -> tuple[parts.Part, Remarks]:
    bundle = bundles.Bundle("b", "", {"f.csv": bundles.Member("f.csv", len(content), lambda: io.BytesIO(content))})
    remarks = Remarks()
    return parts.look(bundle, "f.csv", needed=("a",), remarks=remarks), remarks


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_encodings_of_a_part(encoding: str) -> None:
    found, remarks = part("a,b\r\nZoë,1\r\n\r\nJosé,2\r\n".encode(encoding))
    assert [(line, cells) for line, _, cells in found.rows("b", "a", "c")] == [
        (2, ("1", "Zoë", "")),
        (4, ("2", "José", "")),
    ]
    assert [problem.file for problem in remarks.warnings.kept] == (["b/f.csv"] if encoding == "cp1252" else [])


def test_rows_of_another_width_are_left_out_with_their_line() -> None:
    found, remarks = part(b'a,b\n1\n2,"two\nlines"\n3,c,d\n4,e\n')
    assert [(line, cells) for line, _, cells in found.rows("a")] == [(3, ("2",)), (6, ("4",))]
    assert [(problem.line, problem.file) for problem in remarks.problems.kept] == [(2, "b/f.csv"), (5, "b/f.csv")]
    assert found.lost == 2


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "empty"), (b"b\n1\n", "No column is headed “a”"), (b"a\0b", "not a text file"), (b"%PDF", "a PDF")],
)
def test_a_part_that_is_no_use_is_named(content: bytes, words: str) -> None:
    with pytest.raises(BadInput, match=words) as error:
        part(content)
    assert error.value.problems[0].file == "b/f.csv"


def test_an_open_quotation_mark_is_named_by_its_line() -> None:
    found, _ = part(b'a,b\n1,2\n"3,4\n')
    with pytest.raises(BadInput) as error:
        list(found.rows("a"))
    assert (error.value.problems[0].file, error.value.problems[0].line) == ("b/f.csv", 3)
