"""The ladder as a file: rungs with waiting times, and which children climb it faster."""

from __future__ import annotations

from datetime import time, timedelta
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from channels.base import Medium
from gateway.definitions import model
from gateway.registers import files

Who = Literal["main", "others", "emergency"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Rung(_Strict):
    """One rung: either contacts are asked by some media, or a task is given to somebody of the school."""

    ask: Who | None = None
    media: model.Media = Field(default_factory=list[Medium])
    task: Literal["phone", "safeguarding"] | None = None
    after: model.Span = timedelta(0)
    fast_after: model.Span | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Rung:
        if (self.ask is None) == (self.task is None):
            raise ValueError('a rung either asks somebody or is a task — write ask = "main" or task = "phone"')
        if bool(self.media) != (self.ask is not None):
            raise ValueError('media go with ask — write media = ["sms"], or take them out of a task')
        return self

    def waits(self, *, fast: bool) -> timedelta:
        """How long after the rung before."""
        if not fast:
            return self.after
        return self.after / 2 if self.fast_after is None else self.fast_after


class Fast(_Strict):
    """Which children go first: by year group, by the names of groups, and whose brother or sister is missing too."""

    years: list[model.Year] = []
    groups: list[str] = []
    siblings: bool = False


class Reminders(_Strict):
    """On which school days after an absence without a reason its family is reminded: the absence's own is day 1."""

    days: list[Annotated[int, Field(ge=2, le=30)]] = []
    at: time = time(10)
    media: model.Media = [Medium.SMS]


class Ladder(_Strict):
    """What is done, rung by rung, until it is known where a child is."""

    read_within: model.Span
    arrive_within: model.Span
    act_within: model.Span
    worth_asking: model.Span
    fast: Fast = Fast()
    reminders: Reminders = Reminders()
    rungs: list[Rung] = Field(min_length=1)

    @model_validator(mode="after")
    def _ends_with_a_person(self) -> Ladder:
        tasks = [number for number, rung in enumerate(self.rungs) if rung.task == "safeguarding"]
        if tasks != [len(self.rungs) - 1]:
            raise ValueError('a ladder ends with a person — make task = "safeguarding" its last rung, and only that')
        return self


def load(path: Path | None) -> Ladder:
    """Read the school's ladder, or the one that comes with Handbell.

    Raises :class:`errors.BadInput` with the place and cure of every mistake.
    """
    return files.read(resources.files("gateway.absence") / "ladder.toml" if path is None else path, Ladder)
