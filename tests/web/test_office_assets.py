"""What the pages are dressed in: it is what we say it is, comes from here, stays with the browser, and is small."""

from __future__ import annotations

import gzip
import hashlib
import re
from importlib import resources

from support import staff
from support.website import Running

from gateway.roles import Role
from gateway.web.office import assets

FOLDER = resources.files("gateway.web.office") / "static"
TEMPLATES = resources.files("gateway.web.office") / "templates"
LINE = re.compile(r"^\| `([^`]+)` \|.*\| ([0-9a-f]{64}) \|$", re.MULTILINE)


def test_whatever_is_not_ours_is_what_its_line_says() -> None:
    """And nothing else lies there: whoever brings a file says where it comes from, and under which licence."""
    said = dict(LINE.findall((FOLDER / "LICENCES.md").read_text("utf-8")))
    ours = {"handbell.css", "handbell.js", "stay.js", "record.js", "ear.js", "bell.svg"}
    assert set(assets.load().names) == said.keys() | ours
    for name, digest in said.items():
        assert hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() == digest, name
    for name in re.findall(r"`(licences/[^`]+)`", (FOLDER / "LICENCES.md").read_text("utf-8")):
        assert (FOLDER / name).read_text("utf-8")


def test_every_icon_is_there_and_nothing_is_inline() -> None:
    known = set(re.findall(r'<symbol id="([^"]+)"', (FOLDER / "icons.svg").read_text("utf-8")))
    for page in TEMPLATES.iterdir():
        if not page.name.endswith(".html"):
            continue
        text = page.read_text("utf-8")
        assert set(re.findall(r'icon\("([^"]+)"\)', text)) <= known, page.name
        assert not re.search(r"\sstyle=|<style|\son[a-z]+=|<script(?! src=)|javascript:|\bhttps?://", text), page.name


async def test_a_browser_keeps_them_and_the_first_visit_is_small(running: Running) -> None:
    desk = await staff.desk(running, Role.OFFICE)
    page = await desk.get("/menu")
    style = re.search(r'href="(/static/handbell\.[^"]+\.css)"', page.text)
    assert style is not None
    sheet = await running.ask("GET", style[1])
    fonts = re.findall(r"url\(([^)]+)\)", sheet.text)
    assert len(fonts) == 4
    wanted = {*re.findall(r'(?:href|src)="(/static/[^"#]+)', page.text), *(f"/static/{font}" for font in fonts)}
    total = len(page.text.encode())
    for path in wanted:
        async with running.client.get(f"{running.url}{path}", headers={"Accept-Encoding": "gzip"}) as answer:
            assert answer.status == 200, path
            assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
            size = int(answer.headers["Content-Length"])
            whole = await answer.read()
        if "ext" not in path:  # letters beyond Latin 1: fetched by a page that has some
            total += size
        if not path.endswith("woff2"):
            assert answer.headers["Content-Encoding"] == "gzip"
            assert size < len(whole)
            digest = path.split(".")[-2]
            assert hashlib.sha256(whole).hexdigest().startswith(digest)
    assert total < 200_000
    plain = await running.ask("GET", style[1], headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    assert (await running.ask("GET", "/static/handbell.css")).status == 404


async def test_nothing_inline_may_run_and_nothing_from_elsewhere(running: Running) -> None:
    desk = await staff.desk(running, Role.OFFICE)
    for path in ("/today", "/menu", "/nothing", "/sign-in"):
        page = await (desk if path != "/sign-in" else staff.Browser(running)).get(path)
        policy = page.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'self';")
        assert "unsafe" not in policy
        assert not re.search(r"\sstyle=|<style|<script(?! src=\"/)|\son[a-z]+=\"", page.text)
        assert page.headers["Cache-Control"] == "no-store"


def test_packing_is_the_same_each_time() -> None:
    first, second = assets.load(), assets.load()
    assert first.names == second.names
    one = first.files[first.names["handbell.css"]]
    assert gzip.decompress(one.packed) == one.plain
    assert one.packed == second.files[second.names["handbell.css"]].packed
