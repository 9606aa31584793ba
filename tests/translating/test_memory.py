"""What is remembered of sentences: a person's word stays, a machine's goes with its service; and the school's terms."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import desk

from gateway import errors
from gateway.database import Database
from gateway.translating import glossary, memory
from gateway.translating.memory import Known

NOW = desk.NOW


async def known(database: Database, service: str) -> dict[str, Known]:
    async with database.read() as session:
        return await memory.look_up(session, ["One.", "Two."], language="pl", service=service)


async def test_a_reviewed_sentence_stays_whatever_a_service_says_later(database: Database) -> None:
    async with database.write() as session:
        await memory.keep(session, [Known("One.", "Raz.", "Once.")], language="pl", service="DeepL", now=NOW)
        await memory.accept(session, [Known("One.", "Jeden.", "")], language="pl", reviewed_by="Anna", now=NOW)
        both = [Known("One.", "Eins.", "One!"), Known("Two.", "Dwa.", "Two.")]
        await memory.keep(session, both, language="pl", service="DeepL", now=NOW)
    assert await known(database, "DeepL") == {
        "One.": Known("One.", "Jeden.", "One!", "Anna"),
        "Two.": Known("Two.", "Dwa.", "Two."),
    }
    # What another service has said is not taken for this one's; a person's word is everybody's.
    assert list(await known(database, "LibreTranslate")) == ["One."]
    async with database.write() as session:
        rows = await memory.listed(session, reviewed_only=True)
        assert [(row.source, row.state, row.service) for row in rows] == [("One.", "reviewed", "")]
        assert await memory.forget(session, [rows[0].id or 0, 999]) == 1
    assert list(await known(database, "DeepL")) == ["Two."]


def test_the_glossary_of_a_language(tmp_path: Path) -> None:
    file = tmp_path / "glossary.toml"
    file.write_text(
        '[all]\n"ParentPay" = "keep"\n"Stars" = "keep"\n[Polish]\n"stars" = "Gwiazdy"\n[pt]\n"Fair" = "Feira"\n'
    )
    read = glossary.load(file)
    assert read.of("pl") == {"parentpay": "ParentPay", "stars": "Gwiazdy"}
    assert read.of("pt-PT")["fair"] == "Feira"
    assert glossary.load(None).of("pl") == {}


def test_a_glossary_that_cannot_be_read_says_where(tmp_path: Path) -> None:
    file = tmp_path / "glossary.toml"
    file.write_text('[pl]\n"book fair" = "kiermasz"\n"date" = "{date}"\n[klingon]\n"a" = "b"\n')
    with pytest.raises(errors.BadInput) as caught:
        glossary.load(file)
    assert [(problem.line, problem.what) for problem in caught.value.problems] == [
        (3, "“date” has no wording."),
        (4, "“klingon” is no language that Handbell knows."),
    ]
