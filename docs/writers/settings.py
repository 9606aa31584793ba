"""``docs/settings.md``: every setting, by section."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from itertools import groupby

from config import reference, settings, shape, sources
from docs.writers import markdown

_INTRO = """
Settings come from three places. A later one overrules an earlier one:

1. the settings file, in TOML: `--config FILE`, else `HANDBELL_CONFIG`, else `/etc/handbell/handbell.toml`, if any;
2. the environment: `HANDBELL_`, then the parts of the name with **two** underscores between them;
3. systemd credentials: files in `$CREDENTIALS_DIRECTORY`, each named like its setting (`twilio.auth_token`).

Secrets belong into credentials, or into the environment. In the file they work too, but `handbell doctor` says so.
A list in the environment or in a credential is JSON, or for plain words a text with commas: `web,sender`.

`handbell config show` prints what is in force, with stars in place of each secret.
`handbell config reference --example` prints a file to begin with. A mistake is told with its place and its cure, and
nothing starts.
"""


def page() -> str:
    """Give the page."""
    return markdown.whole(_parts())


def _parts() -> Iterator[str]:
    yield markdown.head("Settings", "config/sections/")
    yield _INTRO
    entries = sorted(reference.describe(), key=lambda entry: "." in entry.key)  # those without a section come first
    for section, members in groupby(entries, key=lambda entry: entry.key.rpartition(".")[0]):
        yield f"## {_heading(section)}"
        yield _meaning(section)
        yield _table(list(members))


def _table(entries: Sequence[reference.Entry]) -> str:
    rows = [
        (markdown.code(entry.key), entry.type, markdown.code(entry.default), f"{entry.help}.", _variable(entry))
        for entry in entries
    ]
    return markdown.table(("setting", "type", "default", "meaning", "in the environment"), rows)


def _heading(section: str) -> str:
    if not section:
        return "At the top of the file"
    return f"`[[{section.removesuffix('[]')}]]`" if section.endswith("[]") else f"`[{section}]`"


def _meaning(section: str) -> str:
    """What a section is about: its own docstring, or what the setting that holds it says."""
    if not section:
        return ""
    field = shape.field_at(settings.Settings, tuple(section.replace("[]", "").split(".")))
    inner = shape.inner_model(field.annotation) if field else None
    own = f"{field.description}." if field and field.description else ""
    if section.endswith("[]"):
        return f"{own} One table for each. {(inner and inspect.getdoc(inner)) or ''}"
    return own or (inner and inspect.getdoc(inner)) or ""


def _variable(entry: reference.Entry) -> str:
    """How the environment spells a setting; what stands in a list is given with the whole list."""
    whole, in_list, _ = entry.key.partition("[]")
    spelt = markdown.code(f"{sources.PREFIX}{whole.replace('.', '__').upper()}")
    return f"in the JSON list {spelt}" if in_list else spelt
