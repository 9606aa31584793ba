"""Reports on their page: the figures are those of the API, files are what the command line writes, nobody is named."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from dataclasses import replace

from support import staff
from support.praises import Staffroom
from support.website import running_on

from gateway import tokens
from gateway.database import Database
from gateway.roles import Role


async def test_a_terms_figures_are_those_of_the_api(database: Database) -> None:
    room = Staffroom(database)
    await room.open()
    for name in ("Ana", "Ben", "Cem", "Dia", "Eva", "Fay"):
        await room.child(name, await room.parent(), form="3A")
        await room.praise(name)
    await room.child("Gus", await room.parent(), form="5B")
    await room.kind_hour()
    async with running_on(
        database, changed=lambda gateway: replace(gateway, settings=room.gateway.settings, now=room.clock)
    ) as site:
        gateway = site.gateway
        async with database.write() as session:
            site.token = await tokens.create(session, "office", log=gateway.log, now=gateway.now())
        head = await staff.desk(site, Role.HEAD, name="Mrs Head")
        assert (await head.get("/reports")).headers["Location"] == "/reports/2026"
        page = await head.get("/reports/2026")
        assert page.status == 200
        updates = (await site.api("GET", "/reports/updates")).json
        assert f"<b>{updates['numbers']['updates a child']}</b>" in page.text
        assert f"<b>{(await site.api('GET', '/reports/reach')).json['numbers']['reached']:.0%}</b>" in page.text
        [bands] = [one for one in updates["tables"] if one["title"] == "Children by number of updates"]
        drawn = re.findall(r'<text class="v"[^>]*>(\d+)</text>', page.text)
        assert list(map(int, drawn[: len(bands["rows"])])) == [row[1] for row in bands["rows"]]
        assert "style=" not in page.text
        for name in ("Ana", "Gus", "Ms Okafor", "5B"):  # a class of one child stands for that child
            assert name not in page.text
        for name in ("reach", "answers", "updates", "good-news", "absences", "cost"):
            sheet = await head.get(f"/reports/2026/{name}.csv")
            assert sheet.text == (await site.api("GET", f"/reports/{name}/csv")).text
        assert (await head.get("/reports/2026.csv")).text.count("Children by form") == 1
        assert list(csv.reader(io.StringIO((await head.get("/reports/2026.csv")).text)))
        for path in ("/reports/2031-spring", "/reports/2026/other.csv", "/reports/2026/../2027"):
            assert (await head.get(path)).status == 404
        async with site.client.get(
            f"{site.url}/reports/2026/pack.zip", headers={"Cookie": f"handbell={head.cookies['handbell']}"}
        ) as answer:
            packed = zipfile.ZipFile(io.BytesIO(await answer.read()))
        assert "reports.html" in packed.namelist()
        [(actor, _, body)] = await staff.lines(site, "report.packed")
        assert actor == "office:Mrs Head"
        assert "sha256" in body
        for role in (Role.TEACHER, Role.IT):
            assert (await (await staff.desk(site, role)).get("/reports/2026")).status == 403
