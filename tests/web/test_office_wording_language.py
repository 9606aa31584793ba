"""One language's page: a volunteer's file goes out and comes back, and what calls say is heard and recorded."""

from __future__ import annotations

import html
import io
import re
import wave
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest
from support import families, staff, website
from support.databases import Database
from support.website import Answer, Running

from gateway.roles import Role
from templates import own_words, reviewing

FIRST = re.compile(r'#, fuzzy[^\n]*\n((?:[^\n]+\n)*?msgid "[^\n]+"\nmsgstr "[^\n]+"\n)')


@pytest.fixture
async def school(sqlite_database: Database, tmp_path: Path) -> AsyncIterator[Running]:
    """A school with families who read Arabic and Polish, no machine voice, and a folder for its own words."""

    def changed(gateway: website.context.Gateway) -> website.context.Gateway:
        chosen = gateway.settings.languages.model_copy(update={"folder": tmp_path})
        return replace(gateway, channels={}, settings=gateway.settings.model_copy(update={"languages": chosen}))

    async with website.running_on(sqlite_database, changed=changed) as site:
        async with site.gateway.database.write() as session:
            await families.settle(session)
        yield site
    own_words.lay_over({})


async def send(desk: staff.Browser, path: str, field: str, *files: tuple[str, bytes], **fields: str) -> Answer:
    form = aiohttp.FormData(quote_fields=False)
    for name, value in ({"csrf": desk.csrf} | fields).items():
        form.add_field(name, value)
    for name, content in files:
        form.add_field(field, content, filename=name, content_type="application/octet-stream")
    return await desk.ask("POST", path, data=form)


async def test_a_volunteers_file_goes_out_and_comes_back(school: Running, tmp_path: Path) -> None:
    desk = await staff.desk(school, Role.OFFICE)
    before = len(reviewing.waiting("pl", tmp_path))
    page = html.unescape((await desk.get("/wording/pl")).text)
    assert f"{before} texts wait for somebody who reads Polish" in page
    assert (await desk.get("/wording/pl.csv")).text.count("\n") > before
    file = (await desk.get("/wording/pl.po")).text
    read, number = FIRST.subn(r"\1", file, count=1)
    assert number == 1
    await desk.get("/wording/pl")
    for files, by, sentence in (
        ((), "Mrs Nowak", "Choose the file that came back."),
        ((("handbell-pl.po", read.encode()),), "", "Write the name of whoever has read it"),
        ((("handbell-pl.po", b"\xff\xfe not a catalogue"),), "Mrs Nowak", "err-sum"),
        ((("ar.po", read.replace("Language: pl", "Language: ar").encode()),), "Mrs Nowak", "not in Polish"),
    ):
        refused = await send(desk, "/wording/pl/words", "file", *files, by=by)
        assert refused.status == 422, sentence
        assert sentence in html.unescape(refused.text)
    assert len(reviewing.waiting("pl", tmp_path)) == before
    done = await send(desk, "/wording/pl/words", "file", ("handbell-pl.po", read.encode()), by="Mrs Nowak")
    assert (done.status, done.headers["Location"]) == (303, "/wording/pl")
    assert len(reviewing.waiting("pl", tmp_path)) == before - 1
    said = html.unescape((await desk.get("/wording/pl")).text)
    assert "1 text is checked by Mrs Nowak, and used from now on." in said
    assert [line[0] for line in await staff.lines(school, "words.reviewed")] == ["office:A Office"]


async def test_a_phrase_is_recorded_and_heard(school: Running) -> None:
    desk = await staff.desk(school, Role.OFFICE)
    page = (await desk.get("/wording/ar")).text
    codes = re.findall(r'data-record="([0-9a-f]{12})"', page)
    assert len(codes) > 100
    assert 'dir="rtl"' in page
    assert f'src="/wording/ar/voice/{codes[0]}"' not in page
    sound = io.BytesIO()
    with wave.open(sound, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8192)  # whose bytes are letters, as answers are read as text here
        out.writeframes(b"\0\1" * 800)
    for name, content, sentence in (
        ("hello.wav", sound.getvalue(), "begin its name with the code"),
        (f"{codes[0]}.wav", b"no sound", "no sound that a call can play"),
    ):
        refused = await send(desk, "/wording/ar/voice", "sounds", (name, content))
        assert refused.status == 422
        assert sentence in refused.text
    assert (await desk.get(f"/wording/ar/voice/{codes[0]}")).status == 404
    await desk.get("/wording/ar")
    done = await send(desk, "/wording/ar/voice", "sounds", (f"{codes[0]}.wav", sound.getvalue()))
    assert (done.status, done.headers["Location"]) == (303, "/wording/ar#calls")
    assert f'src="/wording/ar/voice/{codes[0]}"' in (await desk.get("/wording/ar")).text
    heard = await desk.get(f"/wording/ar/voice/{codes[0]}")
    assert (heard.status, heard.headers["Content-Type"]) == (200, "audio/wav")
    reader = await staff.desk(school, Role.READ_ONLY)
    assert "data-record" not in (await reader.get("/wording/ar")).text
    assert (await send(reader, "/wording/ar/voice", "sounds", (f"{codes[1]}.wav", sound.getvalue()))).status == 403
    assert (await desk.get("/wording/en")).status == 404
    assert (await desk.get("/wording/xx")).status == 404
