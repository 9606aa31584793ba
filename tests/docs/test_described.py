"""Nothing that somebody may set, call, watch or fill in is without words, and words say more than the name does."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from config import reference
from docs.writers import commands, definitions, metrics, wordings
from templates import library

#: Words that tell nobody anything.
SMALL = frozenset(
    {"a", "an", "and", "as", "at", "by", "for", "in", "is", "it", "its", "of", "on", "one", "or", "that", "the", "to"}
)


def says(name: str, text: str | None) -> bool:
    """Whether a text says anything that its name has not said."""
    words = set(re.findall(r"\w+", (text or "").lower())) - {"none"}
    return bool(words - set(re.split(r"\W|_", name.lower())) - SMALL)


def described() -> Iterator[tuple[str, str, str | None]]:
    """Everything that has a name, and what is said of it."""
    yield from (("setting", entry.key, entry.help) for entry in reference.describe())
    yield from (("metric", name, one._documentation) for name, _, one in metrics.found())
    for entry in commands.entries():
        words = " ".join(entry.words)
        yield "command", words, entry.command.help
        shown = [param for param in entry.command.params if not getattr(param, "hidden", False)]
        yield from ((f"option of {words}", param.name, param.help) for param in shown)
    for table in definitions.tables():
        fields = table.model.model_fields.items()
        yield from ((f"key of a definition, {table.name}", key, field.description) for key, field in fields)
    for notice in library.notices().values():
        yield "wording", notice.key, notice.description
        yield from ((f"blank of {notice.key}", name, value.help) for name, value in notice.values.items())
    yield from (("blank of every wording", name, value.help) for name, value in library.provided().items())
    for model in (library.Notice, library.Wording, library.Value, library.Answer):
        fields = model.model_fields.items()
        yield from ((f"key of {model.__name__}", key, field.description) for key, field in fields)


def test_each_says_more_than_its_name() -> None:
    assert [f"{kind} {name}: {text!r}" for kind, name, text in described() if not says(name, text)] == []
    kinds = {kind.partition(" of ")[0] for kind, _, _ in described()}
    assert {"setting", "metric", "command", "option", "key", "wording", "blank"} <= kinds


@pytest.mark.parametrize("text", ["", None, "The port", "Its port of smtp."])
def test_a_name_that_is_only_repeated_would_be_found(text: str | None) -> None:
    assert not says("smtp.port", text)


def test_every_label_of_a_metric_is_explained() -> None:
    _, _, labels = metrics.page().partition("## Labels")
    told = set(re.findall(r"^\| `(\w+)` \| [^|]", labels, re.MULTILINE))
    assert {label for _, _, one in metrics.found() for label in one._labelnames} - told == set()


def test_every_key_of_a_wording_s_file_has_a_row() -> None:
    own = wordings.page().partition("## How such a file is written")[2].partition("\n## ")[0]
    for model in (library.Notice, library.Wording, library.Value, library.Answer):
        assert {f"| `{key}` |" for key in model.model_fields if f"| `{key}` |" not in own} == set()
