"""One catalogue as a file: read, written and brought up to the English, so that Poedit and Weblate open it as it is.

Babel does the work. What it would lose is kept here: our header, CLDR's plural rule, and the English of which a stale
text was the translation (``#| msgid``).
"""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from babel.messages import mofile, pofile
from babel.messages.catalog import Catalog, Message

from templates import languages, plurals, states, translations

_WIDTH: Final = 110
_BEGUN: Final = "2026-11-29 02:00+0000"  #: until a translator's tool writes the day of its own; msgfmt wants one
#: A line with words that does not end as it begins: ``msgstr "Hello``.
_UNCLOSED: Final = re.compile(rb'(?:msg[\w\[\]]+\s*)?"(?!(?:[^"\\]|\\.)*"\s*$)')
_HEADER: Final = """\
# {english} words of Handbell, a school's messaging gateway. Same licence as Handbell.
# A text is a draft until a person who speaks the language has read it: see X-Handbell-State below.
# One that was read says so: "state: reviewed by Anna Kowalska, 2026-11-28". See: handbell words review --help
# Texts marked fuzzy are never sent: their English has changed. Names in braces, {{children}}, stay as they are.
# Plural forms, by the number of children:
{forms}"""


class Unreadable(ValueError):
    """A file is no catalogue. ``line`` is where, 0 where nobody knows."""

    def __init__(self, what: str, line: int = 0) -> None:
        super().__init__(what)
        self.line = line


class Po(Catalog):
    """A catalogue in one language; ``state`` is that of every text without a word of its own."""

    state: states.State = "draft"
    plural_header: str = ""  #: as it stood in the file, which another tool may have changed
    language_header: str = ""  #: as it stood in the file, which may be that of another language

    def __init__(self, language: str) -> None:
        self.tag = language
        self.rule = plurals.rule(language)
        row = languages.table().get(language)
        super().__init__(
            locale=(row and row.locale) or language.replace("-", "_"),
            project="Handbell",
            version="1",
            msgid_bugs_address="the group that keeps Handbell",
            last_translator="a computer; see the state of each text",
            language_team="Handbell",
            charset="utf-8",
            revision_date=_BEGUN,
            fuzzy=False,
        )
        self.header_comment = _header(row.english if row else language, self.rule)

    @property
    def num_plurals(self) -> int:
        """CLDR's, whatever the header says: ``handbell words check`` tells where the two differ."""
        return len(self.rule.categories)

    @property
    def plural_expr(self) -> str:
        """CLDR's."""
        return self.rule.expression

    @property
    def mime_headers(self) -> list[tuple[str, str]]:
        """Give the headers that Babel knows, and ours for its own version, which would make every ``.mo`` stale."""
        headers = [(name, value) for name, value in super().mime_headers if name != "Generated-By"]
        return [*headers, (translations.STATE_HEADER, f"{self.state}\n")]

    @mime_headers.setter
    def mime_headers(self, headers: Iterable[tuple[str, str]]) -> None:
        known = list(headers)
        said = {name.lower(): value.strip() for name, value in known}
        self.state = states.default(said.get(translations.STATE_HEADER.lower(), ""))
        self.plural_header = said.get("plural-forms", "")
        self.language_header = said.get("language", "")
        ours = ("language", "project-id-version", "report-msgid-bugs-to", "language-team", "plural-forms")
        theirs = [(name, value) for name, value in known if name.lower() not in ours and "FULL NAME" not in value]
        vars(Catalog)["mime_headers"].__set__(self, theirs)  # what super() cannot do for the setter of a property

    def drop(self, context: str) -> None:
        """Leave a text out."""
        for message in [message for message in self if message.context == context]:
            self.delete(message.id, message.context)


def path_of(folder: Path, language: str) -> Path:
    """Give where the catalogue of a language stands, in a folder such as ``templates/locale``."""
    return folder / language.replace("-", "_") / "LC_MESSAGES" / f"{translations.DOMAIN}.po"


def paths(folder: Path) -> dict[str, Path]:
    """Give the catalogues that there are in such a folder, by language tag."""
    found = sorted(folder.glob(f"*/LC_MESSAGES/{translations.DOMAIN}.po"))
    return {path.parent.parent.name.replace("_", "-"): path for path in found}


def language_of(path: Path) -> str | None:
    """Say which language a file is in: by its folder, as in ``pl/LC_MESSAGES``, its header, or its name."""
    if path.parent.name == "LC_MESSAGES":
        return languages.match(path.parent.parent.name)
    said = re.search(rb'^"Language: *([\w@-]+)', path.read_bytes(), re.MULTILINE)
    return languages.match(said[1].decode() if said else path.stem)


def read(path: Path, language: str) -> Po:
    """Read one catalogue; raises :class:`Unreadable`."""
    catalogue = Po(language)
    try:
        # Windows puts a mark at the beginning, which Babel takes for a word.
        lines = path.read_bytes().removeprefix(codecs.BOM_UTF8).splitlines(keepends=True)
    except OSError as error:
        raise Unreadable(f"It cannot be opened: {error.strerror}.") from error
    for number, line in enumerate(lines, 1):
        if _UNCLOSED.match(line):  # Babel would drop the last letter
            raise Unreadable("The words of that line do not end with a quotation mark, or have one within.", number)
    try:
        pofile.PoFileParser(catalogue, abort_invalid=True).parse(lines)
    except pofile.PoFileError as error:
        be_of(catalogue.language_header, language)  # the forms of another language would be the trouble
        what = str(error).removesuffix(f" on {error.lineno}")
        if "more translations than num_plurals" in what:
            forms = catalogue.num_plurals
            what = f"a text has more plural forms than the {forms} of {languages.english(language)}"
        raise Unreadable(f"It cannot be read: {what}.", error.lineno + 1) from error
    except (UnicodeDecodeError, LookupError) as error:
        raise Unreadable("It is not in the encoding UTF-8. Save a sheet of Excel as: CSV UTF-8.") from error
    except ValueError as error:
        raise Unreadable(f"A date of its header is none. Write it as {_BEGUN}, or take its line out.") from error
    be_of(catalogue.language_header, language)
    catalogue.header_comment = _header(languages.english(language), catalogue.rule)
    for message in catalogue:
        _split_previous(message)
    return catalogue


def be_of(said: str, language: str) -> None:
    """Raise :class:`Unreadable` where a file says that it is in another language than it is to be read as."""
    tag = languages.match(said) or language
    if tag != language:
        one, other = (f"{languages.english(each)} ({each})" for each in (tag, language))
        raise Unreadable(f"It says that it is in {one}, and is to be taken as {other}.")


def write(path: Path, catalogue: Catalog) -> None:
    """Write one catalogue as we like it: file names without line numbers, so that an edit changes little."""
    out = io.BytesIO()
    pofile.write_po(out, catalogue, include_lineno=False, width=_WIDTH)
    text = out.getvalue().decode()
    for message in catalogue:
        if message.id and message.fuzzy and message.previous_id:
            # Babel would wrap these lines inside their quotation marks, and no tool could read the file.
            entry = f"\nmsgctxt {pofile.normalize(message.context or '', width=_WIDTH)}\n"
            text = text.replace(entry, f"\n{_previous_lines(message)}{entry.removeprefix(chr(10))}", 1)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.new")  # never half a file, whatever happens
    fresh.write_text(text, encoding="utf-8", newline="\n")
    fresh.replace(path)


def update(catalogue: Catalog, template: Catalog) -> None:
    """Bring a catalogue up to the English. A text whose English changed keeps its words, marked fuzzy: never used.

    The context says which text is which. Babel would look for the most similar English instead, and take the words of
    another notice.
    """
    before = {message.context: message for message in texts(catalogue)}
    catalogue.update(template, no_fuzzy_matching=True, update_creation_date=False)
    for key, message in list(catalogue.obsolete.items()):
        before.setdefault(message.context, message)
        del catalogue.obsolete[key]
    for message in texts(catalogue):
        old = before.pop(message.context, None)
        if old is not None and any(strings(old)):
            _carry(message, old, forms=catalogue.num_plurals)
    for old in before.values():  # their notice is gone; who translated them may want them back
        if any(strings(old)):
            catalogue.obsolete[old.context or "", str(old.id)] = old


def compiled(catalogue: Po, *, every_state: bool = False) -> bytes:
    """Give the ``.mo``: whole texts alone, and the state of each that is not that of the header, or of every one."""
    out = Po(catalogue.tag)
    out.state, out.creation_date, out.revision_date = catalogue.state, catalogue.creation_date, catalogue.revision_date
    for message in catalogue:
        if message.id and usable(message):
            out.add(message.id, message.string, context=message.context)
            mark = state(message, catalogue.state)
            if every_state or mark.state != catalogue.state:
                # With the English, so that a state is never that of words about another English.
                out.add(
                    english(message)[0],
                    str(mark.review or mark.state),
                    context=f"{translations.STATE_CONTEXT}{message.context}",
                )
    stream = io.BytesIO()
    mofile.write_mo(stream, out)
    return stream.getvalue()


def texts(catalogue: Catalog) -> Iterator[Message]:
    """Give the messages without the header."""
    return (message for message in catalogue if message.id)


def english(message: Message) -> tuple[str, ...]:
    """Give the English: one text, or singular and plural."""
    return (message.id,) if isinstance(message.id, str) else tuple(message.id)


def strings(message: Message) -> tuple[str, ...]:
    """Give the translation, form by form; ``""`` is a form that is missing."""
    return (message.string,) if isinstance(message.string, str) else tuple(message.string or ("",))


def translated(message: Message) -> bool:
    """Whether every form is there; by the file, not by whether it may be used."""
    return all(strings(message))


def usable(message: Message) -> bool:
    """Whether a translation is whole and of the English of today."""
    return translated(message) and not message.fuzzy


def seal(message: Message) -> str:
    """Give the check sum that a review of these words has."""
    return states.seal(english(message), strings(message))


def state(message: Message, otherwise: states.State) -> states.Mark:
    """Say who has read a text as it stands."""
    return states.read(message.user_comments, seal=seal(message), otherwise=otherwise)


def text_state(message: Message, otherwise: states.State) -> str:
    """Say what a text is: reviewed, draft or machine, or stale or missing, which are never used."""
    if not any(strings(message)):
        return "missing"
    if message.fuzzy:
        return "stale"
    return state(message, otherwise).state if translated(message) else "missing"


def review(message: Message, by: states.Review) -> None:
    """Write down that somebody has read a text as it stands."""
    message.flags.discard("fuzzy")
    message.previous_id = []
    message.user_comments = states.write(message.user_comments, states.sealed(by, seal(message)))


def _carry(message: Message, old: Message, *, forms: int) -> None:
    """Keep a translation; that of another English marked, with that English, for a translator to look at."""
    have = strings(old)
    message.string = (have + ("",) * forms)[:forms] if message.pluralizable else have[0]
    message.flags |= old.flags & {"fuzzy"}
    message.user_comments = states.no_longer(old.user_comments, seal=seal(old))
    message.previous_id = old.previous_id if old.fuzzy else []
    if english(message) != english(old):  # Babel looks at the singular alone
        message.flags.add("fuzzy")
        message.previous_id = message.previous_id or list(english(old))


def _header(name: str, rule: plurals.Rule) -> str:
    forms = [f"#   msgstr[{i}] for {numbers}" for i, numbers in enumerate(rule.examples())]
    return _HEADER.format(english=name, forms="\n".join(forms))


def _previous_lines(message: Message) -> str:
    """Write the English before, each on one line: Babel drops a comment that it has read already, as of blank lines."""
    names = ("msgid", "msgid_plural")[: len(message.previous_id)]
    return "".join(f"#| {name} {pofile.escape(old)}\n" for name, old in zip(names, message.previous_id, strict=True))


def _split_previous(message: Message) -> None:
    """Take the ``#|`` lines, which Babel reads as comments, for what they are."""
    lines = "\n".join(comment[1:].strip() for comment in message.user_comments if comment.startswith("|"))
    if lines:
        message.user_comments = [comment for comment in message.user_comments if not comment.startswith("|")]
        found = re.findall(r"^(msg\w+) (.*(?:\n\".*)*)", lines, flags=re.MULTILINE)
        message.previous_id = [pofile.denormalize(quoted) for name, quoted in found if name != "msgctxt"]
