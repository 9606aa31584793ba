"""What may be written in a survey: questions, one a text, and who is asked. The same shape in TOML and in JSON."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, field_validator, model_validator

from channels.base import Medium
from gateway import errors
from gateway.definitions import model, reading

MOST_QUESTIONS = 9


class Question(model.Part):
    """One question. Without options it is answered in words, which staff read."""

    text: dict[model.Language, str] = Field(description="The question by language, English at least")
    options: list[model.Option] = Field(default=[], max_length=9, description="The answers; none: words")

    @model_validator(mode="after")
    def _whole(self) -> Question:
        if not self.text.get("en", "").strip():
            raise ValueError('a question needs English at least: text = { en = "…" }')
        keys = [option.key for option in self.options]
        if len(keys) != len(set(keys)):
            raise ValueError("two options have the same key")
        if len(keys) == 1:
            raise ValueError("one option alone is no question")
        return self

    def labels(self) -> dict[str, list[str]]:
        """What each key is called, in all languages that there are."""
        return {option.key: list(option.label.values()) for option in self.options}

    def label(self, key: str, language: str) -> str:
        """What a key is called in a language, in English where it is not."""
        found = next((option.label for option in self.options if option.key == key), {})
        return found.get(language) or found.get("en", key)


class Survey(model.Part):
    """A survey, whole."""

    key: model.Key = Field(description="A short name of your own, such as gate-2026")
    title: str = Field(min_length=1, max_length=120, description="For the office, and the subject of emails")
    anonymous: bool = Field(default=True, description="Answers are only counted; nobody can see who said what")
    audience: model.Audience = Field(description="Who is asked")
    media: model.Media = Field(default=[Medium.SMS], min_length=1, description="How the first question is put")
    questions: list[Question] = Field(min_length=1, max_length=MOST_QUESTIONS, description="One after another")
    remind_after: model.Span | None = Field(
        default=None, description="So long after it those are reminded, once, who have answered nothing"
    )
    valid_for: model.Span = Field(default=timedelta(days=3), description="So long a question is worth sending")
    schedule: model.Schedule = Field(default=model.Schedule(), description="When; at once without")
    approval: model.Approval = Field(default=model.Approval(), description="A second pair of eyes")

    @field_validator("questions")
    @classmethod
    def _no_words_without_names(cls, questions: list[Question], info: Any) -> list[Question]:
        if info.data.get("anonymous") and any(not question.options for question in questions):
            raise ValueError("words can be recognised: give options, or write anonymous = false")
        return questions

    @model_validator(mode="after")
    def _once(self) -> Survey:
        if self.schedule.cron:
            raise ValueError("a survey is asked once: write schedule.at, or nothing")
        return self


def read_file(path: Path) -> Survey:
    """Read a survey from a TOML file.

    Raises :class:`errors.BadDefinition` with file, line and cure of everything that is wrong.
    """
    data, text = reading.toml(path)
    return read(data, file=str(path), source=text)


def read(data: object, *, file: str = "", source: str = "") -> Survey:
    """Check a survey. ``source`` is the TOML text, for line numbers.

    Raises :class:`errors.BadDefinition` with everything that is wrong.
    """
    try:
        return Survey.model_validate(data)
    except ValidationError as error:
        raise errors.BadDefinition(reading.explained(error, shape=Survey, file=file, source=source)) from None
