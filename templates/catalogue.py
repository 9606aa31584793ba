"""The translators' workshop: from our English to ``handbell.pot``, to each ``.po``, to the ``.mo`` that we load.

Run ``update`` after any change of wording, then translate, then ``compile_all``; ``stale`` says what was forgotten.
Every function works on a folder laid out like this package, by default this package itself.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from babel.messages import mofile, pofile
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir

from templates import languages, translations

#: What is read by what. Python files are searched for ``pgettext`` calls, though today every text stands in TOML.
METHODS: Final = [
    ("notices/**.toml", "templates.extract:notice_toml"),
    ("phrases.toml", "templates.extract:phrase_toml"),
    ("**.py", "python"),
]
KEYWORDS: Final = {"pgettext": ((1, "c"), 2), "npgettext": ((1, "c"), 2, 3)}
_HEADER: Final = "# The words of Handbell, a school's messaging gateway. Same licence as Handbell."
_DRAFT_HEADER: Final = """\
# {language} words of Handbell, a school's messaging gateway. Same licence as Handbell.
# Drafted by a computer and not yet read by anyone who speaks the language: see X-Handbell-State below.
# Who has read all of it and stands for it puts "reviewed" there and a name under Last-Translator."""
_PLACEHOLDER: Final = re.compile(r"\{[a-z0-9_]+\}")


class Stated(Catalog):
    """A catalogue that keeps our header ``X-Handbell-State``; Babel's own drops what it does not know."""

    state: translations.State = "draft"

    @property
    def mime_headers(self) -> list[tuple[str, str]]:
        """Give the headers that Babel knows, and ours for its own version, which would make every ``.mo`` stale."""
        headers = [(name, value) for name, value in super().mime_headers if name != "Generated-By"]
        return [*headers, (translations.STATE_HEADER, f"{self.state}\n")]

    @mime_headers.setter
    def mime_headers(self, headers: Iterable[tuple[str, str]]) -> None:
        known = list(headers)
        self.state = translations.read_state(dict(known).get(translations.STATE_HEADER, "").strip())
        vars(Catalog)["mime_headers"].__set__(self, known)  # what super() cannot do for the setter of a property


def home() -> Path:
    """Give the folder of this package; writing there makes sense in a checkout only."""
    return Path(__file__).parent


def extract(folder: Path | None = None) -> Catalog:
    """Read every English text out of the notices, the phrases and the Python files."""
    template = Catalog(project="Handbell", charset="utf-8", fuzzy=False, header_comment=_HEADER)
    method_map = list(METHODS)
    found = extract_from_dir(folder or home(), method_map, None, KEYWORDS, comment_tags=("Translators:",))
    for path, _line, message, comments, context in found:
        template.add(message, context=context, locations=[(path, 1)], auto_comments=comments)
    for entry in template:
        # Babel's guess of %-formats would make translators' tools complain about "50% of".
        entry.flags -= {"python-format"}
    return template


def write_template(folder: Path | None = None) -> Catalog:
    """Write ``handbell.pot``, if there is anything new to write: its header has the hour in it."""
    template = extract(folder)
    if not _is_fresh(template, folder):
        with _template_path(folder).open("wb") as file:
            pofile.write_po(file, template, include_lineno=False, width=110)
    return template


def update(folder: Path | None = None) -> None:
    """Write the template and bring every ``.po`` up to it. Changed texts become fuzzy: not used until checked."""
    template = write_template(folder)
    for path in po_paths(folder):
        catalogue = read_po(path)
        catalogue.update(template, update_creation_date=False)
        write_po(path, catalogue)


def start(language: str, folder: Path | None = None) -> Path:
    """Begin the catalogue of a language of the table, as a draft."""
    locale = languages.table()[language].locale or languages.base(language)
    path = (folder or home()) / "locale" / language.replace("-", "_") / "LC_MESSAGES" / f"{translations.DOMAIN}.po"
    comment = _DRAFT_HEADER.format(language=languages.table()[language].english)
    catalogue = Stated(locale=locale, project="Handbell", charset="utf-8", fuzzy=False, header_comment=comment)
    catalogue.update(extract(folder))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_po(path, catalogue)
    return path


def compile_all(folder: Path | None = None) -> None:
    """Write the ``.mo`` of every ``.po``."""
    for path in po_paths(folder):
        path.with_suffix(".mo").write_bytes(_compiled(path))


def stale(folder: Path | None = None) -> list[str]:
    """Say what is not up to date or does not fit, one sentence each; nothing when all is well."""
    template = extract(folder)
    problems: list[str] = []
    if not _is_fresh(template, folder):
        problems.append("handbell.pot is not what the wordings say; run the update of the catalogues.")
    for path in po_paths(folder):
        name = path.parent.parent.name
        catalogue = read_po(path)
        if {_identity(m) for m in catalogue if m.id} != {_identity(m) for m in template if m.id}:
            problems.append(
                f"The catalogue {name} has not the same texts as the wordings; run the update of the catalogues."
            )
        problems += [f"The catalogue {name}: {problem}" for problem in _misfits(catalogue)]
        compiled = path.with_suffix(".mo")
        if not compiled.is_file() or compiled.read_bytes() != _compiled(path):
            problems.append(f"The catalogue {name} was changed and not compiled; compile the catalogues.")
    return problems


def po_paths(folder: Path | None = None) -> list[Path]:
    """Give the ``.po`` files there are, by language."""
    return sorted(((folder or home()) / "locale").glob(f"*/LC_MESSAGES/{translations.DOMAIN}.po"))


def read_po(path: Path) -> Stated:
    """Read one catalogue; its plural rule is the one that Babel knows for the language of its folder."""
    catalogue = Stated(locale=path.parent.parent.name)
    with path.open("rb") as file:
        pofile.PoFileParser(catalogue).parse(file)
    return catalogue


def _misfits(catalogue: Catalog) -> Iterator[str]:
    """Yield translations whose placeholders are not those of the English."""
    for message in catalogue:
        if not message.id or message.fuzzy:
            continue
        ids = (message.id,) if isinstance(message.id, str) else message.id
        strings = (message.string,) if isinstance(message.string, str) else (message.string or ())
        want = set(_PLACEHOLDER.findall(ids[0]))
        for string in filter(None, strings):
            have = set(_PLACEHOLDER.findall(string))
            if have != want:
                yield f"{message.context} has the placeholders {sorted(have)} where the English has {sorted(want)}."


def _compiled(path: Path) -> bytes:
    out = io.BytesIO()
    mofile.write_mo(out, read_po(path))
    return out.getvalue()


def write_po(path: Path, catalogue: Catalog) -> None:
    """Write one catalogue as we like it: file names without line numbers, so that an edit changes little."""
    with path.open("wb") as file:
        pofile.write_po(file, catalogue, include_lineno=False, width=110)


def _template_path(folder: Path | None) -> Path:
    return (folder or home()) / "locale" / f"{translations.DOMAIN}.pot"


def _is_fresh(template: Catalog, folder: Path | None) -> bool:
    path = _template_path(folder)
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return _fingerprint(pofile.read_po(file)) == _fingerprint(template)


def _identity(message: Message) -> tuple[str | None, object]:
    return message.context, message.id


def _fingerprint(catalogue: Catalog) -> list[object]:
    """What matters of a template: texts and comments in order, not the dates of its header."""
    return [(_identity(m), " ".join(m.auto_comments)) for m in catalogue if m.id]
