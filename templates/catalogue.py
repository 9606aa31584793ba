"""The translators' workshop: from our English to ``handbell.pot``, to each ``.po``, to the ``.mo`` that we load.

Run ``update`` after any change of wording, then translate, then ``compile_all``; ``stale`` says what was forgotten.
Every function works on a folder laid out like this package, by default this package itself.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from babel.messages import pofile
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir

from templates import checking, pofiles, translations

#: What is read by what. Python files are searched for ``pgettext`` calls, though today every text stands in TOML.
METHODS: Final = [
    ("notices/**.toml", "templates.extract:notice_toml"),
    ("phrases.toml", "templates.extract:phrase_toml"),
    ("**.py", "python"),
]
KEYWORDS: Final = {"pgettext": ((1, "c"), 2), "npgettext": ((1, "c"), 2, 3)}
_HEADER: Final = "# The words of Handbell, a school's messaging gateway. Same licence as Handbell."


def home() -> Path:
    """Give the folder of this package; writing there makes sense in a checkout only."""
    return Path(__file__).parent


def locale(folder: Path | None = None) -> Path:
    """Give the folder of the catalogues."""
    return (folder or home()) / "locale"


def extract(folder: Path | None = None) -> Catalog:
    """Read every English text out of the notices, the phrases and the Python files."""
    template = Catalog(project="Handbell", version="1", charset="utf-8", fuzzy=False, header_comment=_HEADER)
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
        pofiles.write(_template_path(folder), template)
    return template


def update(folder: Path | None = None) -> None:
    """Write the template and bring every ``.po`` up to it. Changed texts become fuzzy: not used until checked."""
    template = write_template(folder)
    for language, path in pofiles.paths(locale(folder)).items():
        catalogue = pofiles.read(path, language)
        pofiles.update(catalogue, template)
        pofiles.write(path, catalogue)


def start(language: str, folder: Path | None = None) -> Path:
    """Begin the catalogue of a language of the table, as a draft. One that there is already is left as it is."""
    path = pofiles.path_of(locale(folder), language)
    if not path.exists():
        catalogue = pofiles.Po(language)
        pofiles.update(catalogue, extract(folder))
        pofiles.write(path, catalogue)
    return path


def compile_all(folder: Path | None = None) -> None:
    """Write the ``.mo`` of every ``.po`` that has a text: with the first one a language begins to be there."""
    for language, path in pofiles.paths(locale(folder)).items():
        compiled = _compiled(pofiles.read(path, language))
        if compiled is None:
            path.with_suffix(".mo").unlink(missing_ok=True)
        else:
            path.with_suffix(".mo").write_bytes(compiled)


def stale(folder: Path | None = None) -> list[str]:
    """Say what is not up to date or does not fit, one sentence each; nothing when all is well."""
    template = extract(folder)
    problems: list[str] = []
    if not _is_fresh(template, folder):
        problems.append("handbell.pot is not what the wordings say; run the update of the catalogues.")
    for language, path in pofiles.paths(locale(folder)).items():
        catalogue = pofiles.read(path, language)
        if set(map(_identity, pofiles.texts(catalogue))) != set(map(_identity, pofiles.texts(template))):
            problems.append(
                f"The catalogue {language} has not the same texts as the wordings; run the update of the catalogues."
            )
        wrong = (finding for finding in checking.check(catalogue) if finding.stops)
        problems += [f"The catalogue {language}: {finding.entry} {finding.what}" for finding in wrong]
        there_is = path.with_suffix(".mo").read_bytes() if path.with_suffix(".mo").is_file() else None
        if there_is != _compiled(catalogue):
            problems.append(f"The catalogue {language} was changed and not compiled; compile the catalogues.")
    return problems


def _compiled(catalogue: pofiles.Po) -> bytes | None:
    return pofiles.compiled(catalogue) if any(map(pofiles.usable, pofiles.texts(catalogue))) else None


def _template_path(folder: Path | None) -> Path:
    return locale(folder) / f"{translations.DOMAIN}.pot"


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
    return [(_identity(m), " ".join(m.auto_comments)) for m in pofiles.texts(catalogue)]
