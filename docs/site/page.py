"""One page: read from Markdown, and every link in it followed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from posixpath import normpath, relpath
from types import MappingProxyType
from typing import Final
from urllib.parse import unquote

from markdown_it import MarkdownIt
from markdown_it.token import Token

_MARKDOWN: Final = MarkdownIt("commonmark", {"html": False}).enable("table")
#: What is too wide for a telephone, and what a screen reader says of its frame.
_FRAMED: Final = MappingProxyType({"table_open": "Table", "fence": "Lines"})
_TITLE: Final = 3  #: tokens of the first heading: open, words, close; every page begins with it


@dataclass(frozen=True, slots=True)
class Section:
    """What stands below one heading: where it is, and its words for the search."""

    anchor: str
    title: str
    level: int
    text: str


@dataclass(slots=True)
class Page:
    """A page by its path in ``docs/`` without ``.md``, such as ``decisions/0001-outbox-of-our-own``."""

    path: str
    tokens: list[Token]
    sections: list[Section] = field(default_factory=list[Section])

    @property
    def title(self) -> str:
        """What its first heading says."""
        return self.sections[0].title

    @property
    def anchors(self) -> set[str]:
        """Every place within it that a link may lead to."""
        return {section.anchor for section in self.sections}

    @property
    def up(self) -> str:
        """The way from it to the site's own folder: empty, or ``../``."""
        return "../" * self.path.count("/")

    def below(self, level: int) -> list[Section]:
        """The sections of one level."""
        return [section for section in self.sections if section.level == level]

    def html(self) -> str:
        """What stands below its title, as HTML."""
        return str(_MARKDOWN.renderer.render(self.tokens[_TITLE:], _MARKDOWN.options, {}))


def read(path: str, text: str) -> Page:
    """Read a page, name its headings and give a table room; links are as they were until :func:`follow`."""
    page = Page(path, _MARKDOWN.parse(text))
    page.sections = list(_sections(page.tokens))
    page.tokens = list(_framed(page.tokens))
    return page


def _sections(tokens: list[Token]) -> Iterator[Section]:
    """Name each heading as GitHub does, so that one link is right there and here."""
    known: dict[str, int] = {}
    starts = [at for at, token in enumerate(tokens) if token.type == "heading_open"]
    for start, end in zip(starts, [*starts[1:], len(tokens)], strict=True):
        title = _plain(tokens[start + 1])
        anchor = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
        known[anchor] = seen = known.get(anchor, -1) + 1
        anchor = f"{anchor}-{seen}" if seen else anchor
        tokens[start].attrSet("id", anchor)
        words = " ".join(_plain(token) for token in tokens[start + 3 : end] if token.content)
        yield Section(anchor, title, int(tokens[start].tag[1]), " ".join(words.split()))


def _plain(token: Token) -> str:
    """What is read of it: no marks, no addresses."""
    if token.children is None:
        return token.content
    return "".join(" " if one.type == "softbreak" else one.content for one in token.children)


def _framed(tokens: list[Token]) -> Iterator[Token]:
    """What is too wide for a telephone scrolls within a frame of its own, by keys as well."""
    for token in tokens:
        if label := _FRAMED.get(token.type):
            frame = f'<div class="wide" tabindex="0" role="group" aria-label="{label}">'
            yield Token("html_block", "", 0, content=frame)
        if style := str(token.attrGet("style") or ""):  # of a column's cells; a strict policy refuses it
            token.attrs = {"class": style.removeprefix("text-align:")}
        yield token
        if token.type in ("table_close", "fence"):
            yield Token("html_block", "", 0, content="</div>")


def follow(page: Page, pages: Mapping[str, Page], *, docs: Path) -> Iterator[str]:
    """Make each link one of the site, and give a sentence for each that leads nowhere.

    What lies outside of ``docs/`` is not on the site: of a link to the source its words stay, if the file is there.
    """
    for token in page.tokens:
        for link in token.children or ():
            key = {"link_open": "href", "image": "src"}.get(link.type)
            target = str(link.attrGet(key) or "") if key else ""
            if not key or re.match(r"[a-z]+:", target):
                continue
            file, _, anchor = target.partition("#")
            there = normpath(PurePosixPath(page.path).parent / unquote(file)) if file else f"{page.path}.md"
            other = pages.get(there.removesuffix(".md") if there.endswith(".md") else f"{there}/index")
            if other and (not anchor or anchor in other.anchors):
                here = str(PurePosixPath(page.path).parent)
                link.attrSet(key, relpath(f"{other.path}.html", here) + (f"#{anchor}" if anchor else ""))
            elif other or not (docs / there).exists():
                yield f"docs/{page.path}.md links to {target}, which is not there."
            elif there.startswith("../"):
                link.attrs = {"class": "source", "title": f"In the source: {there.removeprefix('../')}"}
