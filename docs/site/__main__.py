"""``make site``: write the site into a folder. A page outside of the menu and a link that leads nowhere are faults."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from docs.site import contents, page

_HERE: Final = Path(__file__).parent
_DOCS: Final = _HERE.parent
_ROOT: Final = _DOCS.parent
_STATIC: Final = _ROOT / "gateway" / "web" / "office" / "static"


def build(folder: Path, *, docs: Path = _DOCS) -> list[str]:
    """Write the site and give what is wrong with it, a sentence for each fault; with a fault nothing is written."""
    pages = read(docs)
    faults = [fault for one in pages.values() for fault in page.follow(one, pages, docs=docs)]
    listed = {path for group in contents.GROUPS.values() for path in group}
    faults += [
        f"docs/{path}.md stands nowhere in docs/site/contents.py."
        for path in pages
        if path not in listed and not path.startswith("decisions/")
    ]
    faults += [f"docs/site/contents.py names {path}, which is no page." for path in sorted(listed - pages.keys())]
    if folder.exists() and any(folder.iterdir()) and not (folder / "index.js").exists():
        faults.append(f"{folder} holds something else than this site, and would be emptied: name another folder.")
    if not faults:
        write(folder, pages, docs=docs)
    return faults


def read(docs: Path) -> dict[str, page.Page]:
    """Every page of a folder by its path without ``.md``, with a list of the decisions."""
    found = sorted(docs.rglob("*.md"))
    pages = {
        path: page.read(path, file.read_text(encoding="utf-8"))
        for file, path in ((file, file.relative_to(docs).with_suffix("").as_posix()) for file in found)
    }
    decided = [f"- [{one.title}]({path.removeprefix('decisions/')}.md)" for path, one in pages.items() if "/" in path]
    pages["decisions/index"] = page.read("decisions/index", "# Decisions\n\n" + "\n".join(decided))
    return pages


def write(folder: Path, pages: Mapping[str, page.Page], *, docs: Path) -> None:
    """Write pages, index, style and fonts into a folder that is made anew."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(_STATIC / "fonts", folder / "fonts")
    shutil.copytree(docs / "images", folder / "images")
    for file in (_HERE / "site.css", _HERE / "search.js", _STATIC / "bell.svg", docs / "definition.schema.json"):
        shutil.copy(file, folder)
    templates = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    templates.globals |= {"pages": pages, "groups": contents.GROUPS, "guides": contents.GUIDES}
    for name, path in (("front.html", "index"), ("search.html", "search")):
        (folder / f"{path}.html").write_text(templates.get_template(name).render(here=path, up=""), encoding="utf-8")
    for path, one in pages.items():
        file = folder / f"{path}.html"
        file.parent.mkdir(exist_ok=True)
        file.write_text(templates.get_template("page.html").render(here=path, up=one.up, page=one), encoding="utf-8")
    (folder / "index.js").write_text(f"const SECTIONS = {index(pages)};\n", encoding="utf-8")


def index(pages: Mapping[str, page.Page]) -> str:
    """What the search looks through, guides first: of each section its address, its page, its title and its words."""
    order = [path for group in contents.GROUPS.values() for path in group]
    ranked = sorted(pages, key=lambda path: order.index(path) if path in order else len(order))
    entries = [
        (f"{path}.html#{section.anchor}", pages[path].title, section.title, section.text)
        for path in ranked
        for section in pages[path].sections
    ]
    return json.dumps(entries, ensure_ascii=False, separators=(",", ":"))


def main() -> int:
    """Run ``python -m docs.site``."""
    parser = argparse.ArgumentParser(prog="python -m docs.site", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=_ROOT / "site", help="where to, else site/")
    folder = parser.parse_args().folder
    faults = build(folder)
    print("\n".join(faults) or f"Open {folder / 'index.html'}", file=sys.stderr if faults else sys.stdout)
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
