"""``handbell audit head`` and ``export``, and the program that verifies the export where there is no Handbell."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gateway import audit, context
from gateway.database import Session

if TYPE_CHECKING:
    from conftest import Office

KEY = "b1946ac92492d2347c6235b4d2611184"
Rows = list[dict[str, Any]]


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """In a folder of its own, with the standard library alone: ``-I`` sees no other, ``-S`` no site-packages."""
    program = [sys.executable, "-I", "-S", "verify_audit.py", "audit.jsonl", *words]
    return subprocess.run(program, cwd=folder, capture_output=True, text=True, check=False)


async def write(session: Session, log: audit.Log) -> None:
    lines = [audit.Line("notice.sent", f"notice:{n}", {"für": "Łucja 🎈", "n": n}) for n in range(6)]
    await log.record(session, lines, now=context.utc_now())
    await log.seal(session)


@pytest.fixture
def exported(small_office: Office, tmp_path: Path) -> Path:
    small_office.change(lambda session: write(session, small_office.log))
    folder = tmp_path / "audit-2026"
    small_office.gives("audit", "export", str(folder), "--as", "Mrs Okafor")
    (folder / "key").write_text(KEY + "\n")
    return folder


def test_an_export_is_verified_without_handbell(small_office: Office, exported: Path) -> None:
    head = small_office.data("audit", "head")
    assert head["sealed"] == 6 + 2  # the export's own line, and that this machine began to remember the end
    assert head["unsealed_since"] is None  # a command seals what it has written
    end = json.loads((exported / "audit.jsonl").read_text("utf-8").splitlines()[-1])["end"]
    for words in (["--key", "key"], ["--key", "key", "--against", end["hash"].upper()]):
        done = run(exported, *words)
        assert done.returncode == 0, done.stderr
        assert f"7 lines are as they were written, 6 of them in the chain. Head: {end['hash']}" in done.stdout
    assert "nowhere in this chain" in run(exported, "--against", "f" * 64).stderr
    (exported / "key").write_text("k" * 32)
    assert "row 1 (notice.sent) was changed" in run(exported, "--key", "key").stderr
    assert run(exported, "--key", "none").stderr == "none cannot be read: No such file or directory.\n"
    program = [sys.executable, "-I", "-S", "verify_audit.py"]
    for other, said in ((".", ". cannot be read: Is a directory.\n"), ("verify_audit.py", "Name the file that")):
        done = subprocess.run([*program, other], cwd=exported, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr.startswith(said)) == (1, True), done.stderr
    assert len((exported / "verify_audit.py").read_text().splitlines()) < 100  # one page
    assert (exported / "audit.jsonl").stat().st_mode & 0o77 == 0
    assert small_office.data("audit", "show", "--action", "audit.exported")[0]["actor"] == "Mrs Okafor"
    assert "File exists" in small_office.refuses("audit", "export", str(exported))


@pytest.mark.parametrize("given", ["", "f" * 63, "the head"])
def test_what_is_no_head_is_neither_proof_nor_alarm(small_office: Office, given: str) -> None:
    """An empty variable of a script would have proved nothing, and a head that was half copied raised an alarm."""
    small_office.change(lambda session: write(session, small_office.log))
    assert "64 letters" in small_office.type("audit", "verify", "--against", given).output
    head = small_office.data("audit", "head")["head"]
    assert "Nothing was changed" in small_office.gives("audit", "verify", "--against", f" {head.upper()}")


def test_without_the_key_it_claims_nothing_about_words(exported: Path) -> None:
    """The chain is made of MACs: who has no key cannot see that what a line says was changed."""
    file = exported / "audit.jsonl"
    file.write_text(file.read_text("utf-8").replace("notice:3", "notice:8"), "utf-8")
    done = run(exported)
    assert done.returncode == 0
    assert "as they were written" not in done.stdout
    assert "None of the 6 lines in the chain was added, removed or moved. Head: " in done.stdout
    assert "What they say is proved with --key alone, and so are the 1 behind the chain." in done.stdout


@pytest.mark.parametrize(
    ("alter", "without_key", "with_key"),
    [
        (lambda rows: rows.pop(2), "line 3 of the chain is missing", "line 3"),
        (lambda rows: rows.pop(5), "6 lines were sealed, and the chain ends at 5", "6 lines"),
        (lambda rows: rows[2].update(hash="0" * 64), "broken at line 3", "line 3"),
        (lambda rows: rows[2].update(mac="0" * 64), "broken at line 3", "line 3"),
        (lambda rows: rows[1].update(link=3) or rows[2].update(link=2), "broken at line 2", "line 2"),
        (lambda rows: rows[2].update(actor="x"), "", "row 3 (notice.sent) was changed"),
        (lambda rows: rows[6].update(body="{}"), "", "row 7 (audit.exported) was changed"),
        (lambda rows: rows.insert(7, rows[3] | {"id": 8, "link": None}), "row 8", "row 8 (notice.sent) is a copy"),
        (lambda rows: rows[7]["end"].update(mac="0"), "", "not signed with this key"),
    ],
)
def test_what_was_altered_in_it_is_named(
    exported: Path, alter: Callable[[Rows], object], without_key: str, with_key: str
) -> None:
    file = exported / "audit.jsonl"
    rows = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    alter(rows)
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    plain, keyed = run(exported), run(exported, "--key", "key")
    assert (plain.returncode, keyed.returncode) == (1 if without_key else 0, 1)
    assert without_key in plain.stderr
    assert with_key in keyed.stderr
