"""The little Markdown that the pages need."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def head(title: str, made_from: str) -> str:
    """A page's title, and where its words come from, so that nobody edits the page by hand."""
    return f"# {title}\n\n*Made from `{made_from}` by `make docs`. Do not edit this page: edit the code, then run it.*"


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table. Cells may hold Markdown; an upright stroke within one is escaped."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines)


def block(text: str, language: str = "") -> str:
    """A fenced block, with a fence that is longer than any in the text."""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}{language}\n{text.strip()}\n{fence}"


def code(text: str) -> str:
    """Text as code, ``""`` where there is none."""
    return f"`{text}`" if text else ""


def listed(words: Iterable[str]) -> str:
    """Words as code, with commas between them."""
    return ", ".join(f"`{word}`" for word in words)


def whole(parts: Iterable[str]) -> str:
    """A page out of its parts, with a blank line between them."""
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
