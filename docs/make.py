"""``make docs``: write the pages that are made from the code. ``tests/docs`` says when one of them is stale."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from docs.writers import (
    api,
    commands,
    data_protection,
    definitions,
    languages,
    metrics,
    provider_codes,
    settings,
    signing_in,
    wordings,
)
from gateway.definitions import reading


def schema() -> str:
    """Give ``definition.schema.json``, the JSON Schema of a definition, for editors."""
    return json.dumps(reading.schema(), ensure_ascii=False, indent=2) + "\n"


PAGES: Final[Mapping[str, Callable[[], str]]] = MappingProxyType(
    {
        "settings.md": settings.page,
        "commands.md": commands.page,
        "definitions.md": definitions.page,
        "definition.schema.json": schema,
        "wordings.md": wordings.page,
        "languages.md": languages.page,
        "metrics.md": metrics.page,
        "provider-codes.md": provider_codes.page,
        "signing-in.md": signing_in.page,
        "api.md": api.page,
        "data-protection.md": data_protection.page,
    }
)


def write(folder: Path) -> None:
    """Write every page into a folder."""
    for name, page in PAGES.items():
        (folder / name).write_text(page(), encoding="utf-8", newline="\n")


def main() -> None:
    """Run ``python -m docs.make``."""
    parser = argparse.ArgumentParser(prog="python -m docs.make", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path(__file__).parent, help="where to, else docs/")
    write(parser.parse_args().folder)


if __name__ == "__main__":
    main()
