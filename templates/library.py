"""The library of notices: what each may be used for, which values it takes, its English words.

A notice is a file ``templates/notices/<key>.toml``. Adding one means writing that file and running the catalogue's
``update`` so that translators see it; no Python changes.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from templates import errors, skeleton, translations

Kind = Literal["text", "name", "names", "date", "time", "datetime", "number", "url", "phone"]
Purpose = Literal[
    "emergency", "safeguarding", "statutory", "service", "good_news", "community", "survey", "fundraising_or_paid"
]

#: How words travel, and the table of the notice file that holds the words for it.
MEDIA: Final[Mapping[str, str]] = MappingProxyType({"sms": "sms", "email": "email", "voice": "spoken"})

#: Words that providers take as opting out, in or asking for help (Twilio's defaults and the other carriers' additions;
#: domain notes 3.7). A family that answered with one of them would never hear from the school again.
KEYWORDS: Final = frozenset(
    {"STOP", "STOPALL", "UNSUBSCRIBE", "END", "QUIT", "CANCEL", "REVOKE", "OPTOUT", "OPT-OUT", "ARRET", "REMOVE", "TD"}
    | {"START", "UNSTOP", "YES", "HELP", "INFO"}
)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Value(_Strict):
    """One blank to fill: what it is, whether it must be given, and how to explain it to the office."""

    type: Kind = Field(description="what may stand there; dates, times and lists are written as each language does")
    help: str = Field(description="what it means, for the office and for translators")
    required: bool = Field(default=True, description="false where it may stay empty")


class Answer(_Strict):
    """One way to answer. ``key`` is what is typed or pressed, ``code`` what the gateway understands by it."""

    key: str = Field(description="the digit that a family texts or presses")
    code: str = Field(description="what it is kept as, the same in every language")
    label: str = Field(description="what the menu says of it")


class Wording(_Strict):
    """The English of one medium. The plural forms are used where the notice's ``plural_by`` is not one."""

    text: str = Field(description="the words, with blanks in braces")
    text_plural: str = Field(default="", description="the words where `plural_by` is more than one")
    subject: str = Field(default="", description="the subject of an email")
    subject_plural: str = Field(default="", description="the subject where `plural_by` is more than one")

    def fields(self) -> dict[str, tuple[str, str]]:
        """Give the filled fields as (singular, plural or nothing)."""
        pairs = {"subject": (self.subject, self.subject_plural), "text": (self.text, self.text_plural)}
        return {name: pair for name, pair in pairs.items() if pair[0]}


class Notice(_Strict):
    """One kind of message. ``plural_by`` names the value (a list of names or a number) that selects the plural.

    ``worrying`` says that it is bad news of a child, which the balance of good and bad counts. ``note`` is for
    translators only.
    """

    key: str = Field(description="the name of the file, without `.toml`")
    title: str = Field(description="what the office calls it")
    description: str = Field(description="what it is for, in a sentence")
    note: str = Field(default="", description="what a translator must know, and nobody else reads")
    worrying: bool = Field(default=False, description="true for bad news of a child: it counts so in the balance")
    purposes: tuple[Purpose, ...] = Field(min_length=1, description="what a notice with these words may be for")
    plural_by: str = Field(default="", description="the blank (names or a number) that chooses between one and more")
    values: dict[str, Value] = Field(default={}, description="its blanks by name, a table for each")
    answers: tuple[Answer, ...] = Field(default=(), description="how families may answer, one table for each")
    sms: Wording | None = Field(default=None, description="a text's words")
    email: Wording | None = Field(default=None, description="an email's words")
    spoken: Wording | None = Field(default=None, description="what a call says")

    def wording(self, medium: str) -> Wording:
        """Give the English for ``sms``, ``email`` or ``voice``; raises :class:`errors.UnknownNotice` without one."""
        found = getattr(self, MEDIA[medium]) if medium in MEDIA else None
        if not isinstance(found, Wording):
            have = [name for name in MEDIA if getattr(self, MEDIA[name])]
            raise errors.UnknownNotice(
                f'The notice "{self.key}" has no words for "{medium}", only for {", ".join(have)}.'
            )
        return found

    def sources(self, medium: str) -> list[translations.Source]:
        """Give all that must be translated for the notice to come in another language by this medium."""
        found = [self.source(medium, field) for field in self.wording(medium).fields()]
        return found + [self.answer_source(answer) for answer in self.answers]

    def source(self, medium: str, field: str) -> translations.Source:
        """Give ``subject`` or ``text`` as the catalogue knows it."""
        text, plural = self.wording(medium).fields()[field]
        return translations.Source(f"{self.key}/{medium}/{field}", text.strip(), plural.strip())

    def answer_source(self, answer: Answer) -> translations.Source:
        """Give the words of one answer as the catalogue knows them."""
        return translations.Source(f"{self.key}/answer/{answer.code}", answer.label)

    def known(self) -> dict[str, Value]:
        """Give every value that may be filled in: the gateway's own and the notice's."""
        return {**provided(), **self.values}


@cache
def provided() -> dict[str, Value]:
    """Give the values that the gateway fills in for every message, whatever the definition says."""
    return {
        "school": Value(type="name", help="the school's short name"),
        "school_phone": Value(type="phone", help="the number at which families reach the school"),
        "children": Value(type="names", help="the names of the children that it is about, girls or boys"),
        "recipient": Value(type="name", help="whom the message is for, a man or a woman; may be empty", required=False),
        "unsubscribe_url": Value(
            type="url", help="where to unsubscribe, on mail that is not mandatory", required=False
        ),
    }


#: Placeholders that are made from others: ``greeting`` from the recipient, ``menu`` from the answers.
DERIVED: Final = frozenset({"greeting", "menu"})


@cache
def notices() -> Mapping[str, Notice]:
    """Read every notice file, once; keys in alphabetical order. Raises :class:`errors.BadWording`."""
    folder = resources.files("templates") / "notices"
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".toml")), key=lambda f: f.name)
    loaded = [read(file.read_text("utf-8"), name=file.name.removesuffix(".toml")) for file in files]
    return MappingProxyType({notice.key: notice for notice in loaded})


def notice(key: str) -> Notice:
    """Give one notice; raises :class:`errors.UnknownNotice` with the nearest key."""
    found = notices().get(key)
    if found is None:
        raise errors.UnknownNotice(f'There is no notice "{key}".{errors.suggestion(key, notices())}')
    return found


def read(source: str, *, name: str) -> Notice:
    """Read one notice file and hold it to the rules; raises :class:`errors.BadWording`."""
    try:
        found = Notice.model_validate(tomllib.loads(source))
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise errors.BadWording(f"The notice file {name}.toml cannot be read: {error}") from error
    if found.key != name:
        raise errors.BadWording(f'The notice file {name}.toml says that its key is "{found.key}"; the two must agree.')
    _check_blanks(found)
    for answer in found.answers:
        check_answer(answer.key, where=f'the notice "{name}"')
    return found


def check_answer(key: str, *, where: str) -> None:
    """Refuse an answer word that a provider would take as opting out or in; raises :class:`errors.BadWording`."""
    if key.strip().upper() in KEYWORDS:
        raise errors.BadWording(
            f'In {where} "{key}" cannot be an answer: the phone network takes that word as opting out or in. '
            "Use a number, or a word such as COMING or ILL."
        )


def _check_blanks(found: Notice) -> None:
    taken = provided().keys() & found.values.keys() | DERIVED & found.values.keys()
    if taken:
        raise errors.BadWording(f'The notice "{found.key}" declares {sorted(taken)}, which Handbell fills in itself.')
    known = found.known()
    if found.plural_by and (found.plural_by not in known or known[found.plural_by].type not in ("names", "number")):
        raise errors.BadWording(f'The notice "{found.key}" counts by "{found.plural_by}", which is no list or number.')
    for medium, table in MEDIA.items():
        wording = getattr(found, table)
        for pair in wording.fields().values() if wording else ():
            for text in filter(None, pair):
                where = f'the notice "{found.key}" ({medium})'
                check_names(skeleton.parse(text, where=where), known, where=where)


def check_names(parsed: skeleton.Skeleton, known: Mapping[str, Value], *, where: str) -> None:
    """Refuse a placeholder that nobody fills; raises :class:`errors.UnknownValue`."""
    for name in parsed.names:
        if name not in known and name not in DERIVED:
            near = errors.suggestion(name, known.keys() | DERIVED)
            raise errors.UnknownValue(f"In {where} nobody fills the placeholder {{{name}}}.{near}")
