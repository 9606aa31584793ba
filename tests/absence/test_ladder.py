"""The ladder's file: what comes with Handbell, and what is said of one that is wrong."""

from __future__ import annotations

from datetime import timedelta
from importlib import resources
from pathlib import Path

import pytest

from gateway import errors
from gateway.absence import ladder

OURS = (resources.files("gateway.absence") / "ladder.toml").read_text("utf-8")


def test_ours_reaches_the_lead_in_140_minutes_and_faster_for_those_who_go_first() -> None:
    rungs = ladder.load(None).rungs
    assert sum((rung.waits(fast=False) for rung in rungs), timedelta()) == timedelta(minutes=140)
    assert sum((rung.waits(fast=True) for rung in rungs), timedelta()) == timedelta(minutes=60)
    assert rungs[-1].task == "safeguarding"


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('task = "safeguarding"\nafter', 'task = "phone"\nafter', "a ladder ends with a person"),
        ('ask = "main"\nmedia = ["voice"]', 'ask = "main"', "media go with ask"),
        ('ask = "main"\nmedia = ["voice"]', 'media = ["voice"]', "either asks somebody or is a task"),
        ('ask = "others"\nmedia = ["voice"]', 'ask = "everyone"\nmedia = ["voice"]', "Write one of"),
        ('after = "80m"', 'after = "a while"', "waiting time"),
        ('read_within = "10m"', 'read_withing = "10m"', "Did you mean “read_within”"),
        ('media = ["sms"]', 'media = ["sms", "sms"]', "once"),
    ],
)
def test_a_mistake_is_named_with_file_line_and_cure(tmp_path: Path, before: str, after: str, said: str) -> None:
    assert before in OURS
    file = tmp_path / "ladder.toml"
    file.write_text(OURS.replace(before, after, 1), encoding="utf-8")
    with pytest.raises(errors.BadInput) as caught:
        ladder.load(file)
    assert said in str(caught.value)
    assert all(problem.file == "ladder.toml" for problem in caught.value.problems)
