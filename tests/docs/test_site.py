"""The site: built once as ``make site`` does it, then read, searched and looked at."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest
from playwright.async_api import async_playwright
from support import programs, windows

from docs.site import __main__ as site
from docs.site import contents

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"


class Tags(HTMLParser):
    """Every start tag of a page with its attributes, and what stands within scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.all: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.all.append((tag, dict(attrs)))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site") / "site"
    subprocess.run([sys.executable, "-m", "docs.site", str(folder)], cwd=ROOT, check=True, timeout=100)
    return folder


def pages(folder: Path) -> Iterator[tuple[Path, Tags]]:
    for path in sorted(folder.rglob("*.html")):
        yield path, Tags(path.read_text(encoding="utf-8"))


def test_every_page_of_the_docs_is_on_it_and_within_two_steps(built: Path) -> None:
    made = {path.relative_to(built).with_suffix("").as_posix() for path in built.rglob("*.html")}
    written = {path.relative_to(DOCS).with_suffix("").as_posix() for path in DOCS.rglob("*.md")}
    assert made == written | {"index", "search", "decisions/index"}
    front = {values.get("href") for tag, values in Tags((built / "index.html").read_text("utf-8")).all if tag == "a"}
    assert {f"{path}.html" for group in contents.GROUPS.values() for path in group} <= front
    assert "for-the-office.html#a-child-is-missing" in front


def test_no_words_became_code_by_standing_further_right() -> None:
    """A docstring that keeps its indent would; what is meant as code has a fence."""
    read = site.read(DOCS)
    assert [path for path, one in read.items() if any(token.type == "code_block" for token in one.tokens)] == []


def test_every_link_leads_somewhere_within_the_folder(built: Path) -> None:
    found = dict(pages(built))
    ids = {path.resolve(): {values["id"] for _, values in tags.all if "id" in values} for path, tags in found.items()}
    for path, tags in found.items():
        for tag, values in tags.all:
            target = values.get("href") or values.get("src") or values.get("action") or ""
            if not target or (tag == "a" and re.match(r"https?:", target)):
                continue
            file, _, anchor = target.partition("#")
            there = (path.parent / unquote(file)).resolve() if file else path.resolve()
            assert there.is_relative_to(built.resolve()), f"{path.name}: {target}"
            assert there.is_file(), f"{path.name}: {target}"
            assert not anchor or anchor in ids[there], f"{path.name}: {target}"


def test_nothing_is_inline_and_no_id_stands_twice(built: Path) -> None:
    """So that a server may say ``default-src 'self'``, and a heading's address is one heading's."""
    for path, tags in pages(built):
        for tag, values in tags.all:
            assert tag != "style", path.name
            assert tag != "script" or "src" in values, path.name
            assert not [name for name in values if name == "style" or name.startswith("on")], path.name
        ids = [values["id"] for _, values in tags.all if "id" in values]
        assert len(ids) == len(set(ids)), path.name
    assert set(re.findall(r"url\(([^)]*)\)", (built / "site.css").read_text("utf-8"))) == {
        f"fonts/{font.name}" for font in (built / "fonts").iterdir()
    }


@pytest.mark.parametrize(
    ("words", "address"),
    [
        ("quiet.starts", "settings.html"),
        ("handbell backup restore", "commands.html#handbell-backup-restore"),
        ("handbell_outbox_oldest_due_seconds", "metrics.html"),
        ("absence_check", "wordings.html#absence_check"),
        ("missing child", "for-the-office.html#a-child-is-missing"),
    ],
)
def test_the_index_has_what_somebody_would_look_for(built: Path, words: str, address: str) -> None:
    script = (built / "index.js").read_text(encoding="utf-8")
    sections = json.loads(script.removeprefix("const SECTIONS = ").removesuffix(";\n"))
    found = [href for href, *texts in sections if all(word in " ".join(texts).lower() for word in words.split())]
    assert [href for href in found if href.startswith(address)], found[:5]


def test_a_dead_link_a_dead_anchor_and_a_page_outside_of_the_menu_are_told(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    shutil.copytree(DOCS, docs, ignore=shutil.ignore_patterns("images", "site", "*.py"))
    (docs / "new.md").write_text("# New\n\n[a](gone.md), [b](mail.md#gone), [c](mail.md), [d](../gone.py), [e](#new)\n")
    faults = [fault for fault in site.build(tmp_path / "site", docs=docs) if "docs/new.md" in fault]
    assert faults == [
        "docs/new.md links to gone.md, which is not there.",
        "docs/new.md links to mail.md#gone, which is not there.",
        "docs/new.md links to ../gone.py, which is not there.",
        "docs/new.md stands nowhere in docs/site/contents.py.",
    ]
    assert not (tmp_path / "site").exists()


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letters.txt").write_text("dear")
    assert [fault for fault in site.build(tmp_path) if "name another folder" in fault]
    assert [path.name for path in tmp_path.iterdir()] == ["letters.txt"]


async def look(window: windows.Window) -> None:
    assert await window.overflow() == 0
    assert not window.faults, window.faults
    assert await window.violations() == []
    window.faults.clear()  # axe itself asks for the style sheet, which a browser refuses a script from the disk


async def test_a_browser_finds_and_shows_it_from_the_disk(built: Path) -> None:
    """Without a server: a search that is answered, and pages that axe and a telephone's width have nothing against."""
    program = programs.browser()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=list(windows.ARGUMENTS))
        window = windows.Window(await browser.new_page(viewport={"width": windows.PHONE, "height": 844}), "", 390)
        window.page.on("console", lambda told: window.faults.append(told.text))
        window.page.on("pageerror", lambda error: window.faults.append(str(error)))
        window.page.on("request", lambda asked: asked.url.startswith("file:") or window.faults.append(asked.url))
        await window.page.goto((built / "index.html").as_uri())
        await look(window)
        await window.page.get_by_role("searchbox").fill("missing child")
        await window.page.get_by_role("button", name="Search").click()
        first = window.page.locator("#Found a").first
        assert await first.inner_text() == "A child is missing"
        await look(window)
        await first.click()
        await window.page.wait_for_url("**/for-the-office.html#a-child-is-missing")
        await look(window)
        await window.page.goto((built / "settings.html").as_uri())
        await look(window)
        await browser.close()
