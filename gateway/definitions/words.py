"""An author's own words, looked at before there is anybody to write to: their blanks, and how plain they are."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from config import identity
from gateway.definitions import model, translated
from templates import errors, languages, library, plain, skeleton, states, translations, values
from templates import words as wordings

#: A problem, as the dotted key and a sentence.
Found = list[tuple[str, str]]


def problems(definition: model.Definition) -> Found:
    """What is wrong with a free text, its subject and its values, and with what fills the blanks of a wording."""
    harmful = [(field, str(one)) for field, one in lint(definition) if one.level == "error"]
    if not definition.text:
        return harmful
    given = definition.template_values()
    known = library.provided().keys() | library.DERIVED | given.keys()
    has_menu = bool(definition.replies.options)
    found: Found = []
    used: set[str] = set()
    for field, texts in (("text", definition.text), ("subject", definition.subject)):
        for tag, words in texts.items():
            wrong, names = _placeholders(words, known=known, has_menu=has_menu)
            found += [(f"{field}.{tag}", sentence) for sentence in wrong]
            used |= names
    return found + harmful + _values(given, used=used)


def lint(
    definition: model.Definition,
    *,
    senders: Sequence[str] = (),
    part_pence: float = 0.0,
    fold_accents: Collection[str] = (),
) -> list[tuple[str, plain.Finding]]:
    """What a family would stumble over in the author's own words and answers, as (dotted key, finding).

    ``senders`` are what texts are sent as, where that is known; ``part_pence`` is the price of a part;
    ``fold_accents`` are the languages texted without accents.
    """
    media = {medium.value for step in definition.steps for medium in step.media}
    one_way = bool(senders) and all(identity.is_name(sender) for sender in senders)
    found = _blanks(definition, one_way=one_way and "sms" in media)
    for tag in sorted({tag for one in definition.replies.options for tag in one.label} - definition.text.keys()):
        labels = [label for one in definition.replies.options if (label := one.label.get(tag))]
        found += [("replies.options", one) for one in plain.lint("", language=tag, media=(), answers=labels)]
    for tag, text in definition.text.items():
        answers = [label for one in definition.replies.options if (label := one.label.get(tag))]
        seen = plain.lint(
            text, language=tag, media=media, answers=answers, one_way=one_way, part_pence=part_pence,
            folded=tag in fold_accents,
        )  # fmt: skip
        found += [(f"text.{tag}", one) for one in seen]
    return found


def _blanks(definition: model.Definition, *, one_way: bool) -> list[tuple[str, plain.Finding]]:
    """The same of the words that fill the blanks of a wording; how it is answered is the wording's own business."""
    notice = library.notices().get(definition.template)
    if notice is None:
        return []
    found: list[tuple[str, plain.Finding]] = []
    whole = notice.wording("sms").text
    for name, raw in definition.values.items():
        if name in notice.values and notice.values[name].type == "text":
            for tag, text in (raw if isinstance(raw, Mapping) else {languages.ENGLISH: raw}).items():
                found += [(f"values.{name}", one) for one in plain.lint(str(text), language=str(tag), media=())]
                whole += f" {text}"
    if one_way:
        found += [("template", one) for one in plain.lint(whole, one_way=True) if one.code.startswith("one_way")]
    return found


def languages_of(definition: model.Definition) -> dict[str, str]:
    """In which languages the words are there for every medium, and who has read them: a tag and a state each."""
    if not definition.template:
        return {tag: translated.state(definition, tag) for tag in definition.text}
    media = {medium.value for step in definition.steps for medium in step.media}
    found: dict[str, str] = {}
    for tag in translations.languages_available():
        made = [wordings.prepare(definition.template, language=tag, medium=medium) for medium in media]
        if all(one.language == tag for one in made):
            found[tag] = states.weakest(one.state for one in made)
    return found


def english_within(definition: model.Definition, language: str) -> list[str]:
    """The values that families of a language read in English, in the midst of a wording in their own."""
    notice = library.notices().get(definition.template)
    if notice is None or language == languages.ENGLISH:
        return []
    tags = [tag for tag in languages.fallbacks(language) if tag != languages.ENGLISH]
    given = definition.template_values()
    return [
        name
        for name, value in given.items()
        if name in notice.values and notice.values[name].type == "text" and value
        if not (isinstance(value, Mapping) and any(value.get(tag) for tag in tags))
    ]


def english_remarks(definition: model.Definition) -> list[str]:
    """What an author should know of values that are in English alone, one sentence each."""
    given = definition.template_values()
    alone = [name for name in english_within(definition, "") if not _translated(given[name])]
    return [
        f"values.{name}: in English alone, so every other language has it in English in the midst of its own words. "
        f'Give it by language: {name} = {{ en = "…", ur = "…" }}.'
        for name in alone
    ]


def _translated(value: Any) -> bool:
    return isinstance(value, Mapping) and bool(value.keys() - {languages.ENGLISH})


def braces(data: Mapping[str, Any]) -> Found:
    """The stray braces of a definition whose shape is still wrong."""
    texts = data.get("text")
    if not isinstance(texts, dict):
        return []
    found: Found = []
    for tag, words in texts.items():
        if isinstance(words, str):
            try:
                skeleton.parse(values.clean(words), where="this text")
            except errors.WordingError as error:
                found.append((f"text.{tag}", str(error)))
    return found


def _placeholders(words: str, *, known: Any, has_menu: bool) -> tuple[list[str], set[str]]:
    try:
        names = dict.fromkeys(skeleton.parse(values.clean(words), where="this text").names)
    except errors.WordingError as error:
        return [str(error)], set()
    wrong = [
        f"nobody fills the placeholder {{{name}}}.{errors.suggestion(name, known)}" for name in names.keys() - known
    ]
    if "menu" in names and not has_menu:
        wrong.append("{menu} stands for the answers, but there are none. Add [[replies.options]], or take it out.")
    return sorted(wrong), set(names)


def _values(given: Mapping[str, Any], *, used: set[str]) -> Found:
    """Values that cannot be written, and empty ones that a text needs."""
    found: Found = []
    for name, raw in given.items():
        needed = frozenset({name} & used)
        try:
            kinds = {name: values.infer(raw)}
            values.check({name: raw}, kinds, needed=needed, language=languages.ENGLISH, where="this definition")
        except errors.WordingError as error:
            found.append((f"values.{name}", str(error)))
    return found
