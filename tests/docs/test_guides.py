"""The four guides quote the pages as they are: what stands in slanting letters stands on a page of the office."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from docs.site import contents

ROOT = Path(__file__).resolve().parents[2]
OFFICE = ROOT / "gateway" / "web" / "office"
#: Words of somebody else's: the mail program's button, and what is explained by being said.
FOREIGN = {"Reply", "slanting letters", "is"}
SLANTED = re.compile(r"(?<![*\w])\*([^*]+)\*(?![*\w])")


@cache
def pages() -> str:
    """Everything that the office's pages say, with and without what is filled in, in one line."""
    templates = [path.read_text(encoding="utf-8") for path in sorted((OFFICE / "templates").glob("*.html"))]
    code = [path.read_text(encoding="utf-8") for path in sorted([*OFFICE.rglob("*.py"), *OFFICE.rglob("*.toml")])]
    code.append((ROOT / "gateway" / "absence" / "board.py").read_text(encoding="utf-8"))
    code += [path.read_text(encoding="utf-8") for path in sorted((ROOT / "templates" / "notices").glob("*.toml"))]
    bare = [re.sub(r"{%.*?%}|<[^>]*>", "", re.sub(r"{{.*?}}", "…", text, flags=re.DOTALL)) for text in templates]
    return " ".join(" ".join([*templates, *bare, *code]).split())


def missing(text: str) -> Iterator[str]:
    prose = re.sub(r"^```.*?^```$|`[^`]*`", "", text, flags=re.DOTALL | re.MULTILINE)
    for quoted in (" ".join(found.split()) for found in SLANTED.findall(prose)):
        parts = [part.strip() for part in quoted.split("…")]
        if quoted not in FOREIGN and not all(part in pages() for part in parts):
            yield quoted


@pytest.mark.parametrize("guide", contents.GUIDES)
def test_what_a_guide_quotes_stands_on_a_page(guide: str) -> None:
    assert list(missing((ROOT / "docs" / f"{guide}.md").read_text(encoding="utf-8"))) == []


def test_a_button_that_is_nowhere_would_be_found() -> None:
    assert list(missing("Press *Send to …*, then *Send it twice*; `*never*` is code.")) == ["Send it twice"]
