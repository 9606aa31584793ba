"""Definitions: what may be written, and how every mistake is named with its place and cure."""

from __future__ import annotations

import json
import tomllib
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from channels.base import Medium
from gateway import errors
from gateway.definitions import model, reading

EVENT = """
key = "parents-evening-2026"
kind = "event"
title = "Parents' evening"
purpose = "service"
template = "event_invitation"

[event]
starts = 2026-12-03T17:30:00
place = "Main hall"

[audience]
years = [3, "R"]
forms = ["4A"]
languages = ["pl", "ur"]
tell = "everyone"

[audience.but_not]
pupils = ["MIS-1"]

[[ladder]]
media = ["sms", "email"]

[[ladder]]
media = ["voice"]
after = "1h30m"

[schedule]
cron = "30 8 * * 1-5"
until = 2026-12-02T18:00:00

[valid]
for = "2d"
until = 2026-12-03T17:00:00

[replies]
expected = true

[[replies.options]]
key = "1"
label = { en = "coming", pl = "przyjdę" }

[[replies.options]]
key = "2"
label = { en = "not coming" }

[approval]
required = true
"""

NOTICE = """
key = "fair"
title = "Book fair"
purpose = "service"
media = ["sms"]
text.en = "The fair is on {day} at {hour}."
values = { day = 2026-12-04, hour = 15:30:00 }

[audience]
whole_school = true
"""


def read(tmp_path: Path, text: str | bytes) -> model.Definition:
    file = tmp_path / "notice.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return reading.read_file(file)


def problem(tmp_path: Path, text: str | bytes) -> errors.Problem:
    """The one problem that is found."""
    with pytest.raises(errors.BadDefinition) as caught:
        read(tmp_path, text)
    [found] = caught.value.problems
    assert found.file.endswith("notice.toml")
    assert str(found) in str(caught.value)
    return found


def line(text: str, of: str) -> int:
    return next(number for number, row in enumerate(text.splitlines(), 1) if of in row)


def test_a_whole_event_is_read(tmp_path: Path) -> None:
    found = read(tmp_path, EVENT)
    assert [(step.media, step.after) for step in found.steps] == [
        ([Medium.SMS, Medium.EMAIL], timedelta(0)),
        ([Medium.VOICE], timedelta(hours=1, minutes=30)),
    ]
    assert found.audience.years == ["3", "R"]
    assert found.stop_when == "answered"
    assert found.valid.for_ == timedelta(days=2)
    values = found.template_values()
    assert (values["date"], values["time"], values["place"]) == (date(2026, 12, 3), time(17, 30), "Main hall")
    assert found.schedule.until == datetime.fromisoformat("2026-12-02T18:00:00")


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(tmp_path: Path) -> None:
    assert read(tmp_path, b"\xef\xbb\xbf" + NOTICE.replace("\n", "\r\n").encode()).key == "fair"


@pytest.mark.parametrize("text", [EVENT, NOTICE])
def test_what_is_stored_is_what_was_read(tmp_path: Path, text: str) -> None:
    found = read(tmp_path, text)
    packed = json.loads(json.dumps(found.model_dump(mode="json", by_alias=True, exclude_defaults=True)))
    again = reading.stored(packed)
    assert again.template_values() == found.template_values(), "a date must not become a word on its way"
    assert again.model_copy(update={"values": {}}) == found.model_copy(update={"values": {}})


@pytest.mark.parametrize("text", [EVENT, NOTICE])
def test_the_schema_for_editors_accepts_what_is_accepted(text: str) -> None:
    data = json.loads(json.dumps(tomllib.loads(text), default=lambda value: value.isoformat()))
    jsonschema.Draft202012Validator.check_schema(reading.schema())
    jsonschema.validate(data, reading.schema())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data | {"purpos": "service"}, reading.schema())


@pytest.mark.parametrize("text", ["20m", "1h30m", "90 s", "2d", "1d 2h"])
def test_the_schema_knows_waiting_times(text: str) -> None:
    data = {"key": "a", "title": "A", "purpose": "service", "text": {"en": "x"}, "audience": {"whole_school": True}}
    data["ladder"] = [{"media": ["sms"]}, {"media": ["voice"], "after": text}]
    jsonschema.validate(data, reading.schema())
    assert reading.read(data).steps[1].after


#: what is replaced in EVENT, by what, on which line the problem is, words of the sentence, words of the cure
SLIPS: list[tuple[str, str, str, str, str]] = [
    ("purpose =", "purpos =", "purpos =", "“purpos” is not a key", "Did you mean “purpose”?"),
    ("tell =", "tells =", "tells =", "“tells” is not a key", "Did you mean “tell”?"),
    ("after =", "aftr =", "aftr =", "“aftr” is not a key", "Did you mean “after”?"),
    ('key = "2"', 'kee = "2"', 'kee = "2"', "“kee” is not a key", "Did you mean “key”?"),
    ("required =", "zzz =", "zzz =", "“zzz” is not a key", "Take it out."),
    ('title = "Parents\' evening"', "title = 5", "title = 5", "must be words", "in quotes"),
    ('title = "Parents\' evening"', 'title = ""', "title =", "empty", "Write something"),
    ('forms = ["4A"]', 'forms = "4A"', "forms =", "must be a list", "square brackets"),
    ("expected = true", 'expected = "perhaps"', "expected =", "must be yes or no", "true or false"),
    ('media = ["voice"]', "media = []", "media = []", "empty", "Name at least one"),
    ('media = ["voice"]', 'media = ["fax"]', "fax", "“fax” is not possible", "sms, email or voice"),
    ('purpose = "service"', 'purpose = "servce"', "purpose =", "“servce” is not possible", "service"),
    ('kind = "event"', 'kind = "evnt"', "kind =", "“evnt” is not possible", "notice"),
    ('after = "1h30m"', 'after = "soon"', "after =", "waiting time such as", "20m"),
    ('after = "1h30m"', "after = [1]", "after =", "must be a waiting time", "20m"),
    ("starts = 2026-12-03T17:30:00", "starts = 2026-12-03", "starts =", "a date and a time", "2026-12-01T07:00:00"),
    ("starts = 2026-12-03T17:30:00", "starts = 2026-12-03T17:30:00Z", "starts =", "without a time zone", "own time"),
    ("starts = 2026-12-03T17:30:00", "starts = 17", "starts =", "a date and a time", ""),
    ('key = "2"', 'key = "22"', 'key = "22"', "cannot be a key", "one digit"),
    ('key = "2"', 'key = "1"', "[replies]", "same key", ""),
    ('key = "parents-evening-2026"', 'key = "Parents Evening"', "key =", "cannot be a key", "small letters"),
    ('en = "not coming"', 'en = "Cancel"', "[[replies.options]]", "“Cancel” alone is a word", "say it in more words"),
    ('en = "not coming"', 'en = "stop."', "[[replies.options]]", "“stop.” alone is a word", "say it in more words"),
    ('en = "not coming"', 'pl = "nie"', "[[replies.options]]", "English label", "en ="),
    ('pl = "przyjdę"', 'klingon = "HIja"', "label =", "“klingon” is not a language", "pl or ur"),
    ("event_invitation", "event_invitatoin", "template =", "no wording “event_invitatoin”", "“event_invitation”"),
    ('purpose = "service"', 'purpose = "emergency"', "purpose =", "for these purposes only", "service"),
    ("30 8 * * 1-5", "30 25 * * 1-5", "cron =", "hour", "0 to 23"),
    ("30 8 * * 1-5", "every morning", "cron =", "five fields", "30 8 * * 1-5"),
    ('years = [3, "R"]', "whole_school = true", "[audience]", "everybody already", "take it out"),
    ('years = [3, "R"]\nforms = ["4A"]\n', "", "[audience]", "name somebody", "whole_school"),
    ('[[ladder]]\nmedia = ["voice"]', '[[ladder]]\nmedia = ["sms", "sms"]', '"sms", "sms"', "each medium once", ""),
    ('title = "Parents\' evening"\n', "", "", "“title” is missing", "Add it."),
    ('[[ladder]]\nmedia = ["voice"]\n', "[[ladder]]\n", "after =", "“media” is missing", "Add it."),
    ('template = "event_invitation"', 'media = ["sms"]\ntemplate = "event_invitation"', "", "either “media”", "ladder"),
    ('kind = "event"', 'kind = "notice"', "", "go together", "[event]"),
]


@pytest.mark.parametrize(("old", "new", "place", "what", "cure"), SLIPS)
def test_every_slip_is_named_with_its_line_and_cure(
    tmp_path: Path, *, old: str, new: str, place: str, what: str, cure: str
) -> None:
    assert old in EVENT
    head, tail = EVENT.rsplit(old, 1) if old.startswith("media") else EVENT.split(old, 1)
    text = head + new + tail
    with pytest.raises(errors.BadDefinition) as caught:
        read(tmp_path, text)
    [found] = [one for one in caught.value.problems if what in one.what]
    assert cure in str(found)
    if place and "media” is missing" not in what:
        expected = line(text, place)
        if place == "[[replies.options]]" and "przyjdę" in text:  # the second of them
            expected = [n for n, row in enumerate(text.splitlines(), 1) if row == place][1]
        assert found.line == expected
        assert f"line {found.line}" in str(found)


def test_a_missing_value_of_a_table_in_an_array_is_looked_for_in_the_right_one(tmp_path: Path) -> None:
    text = EVENT.replace('[[ladder]]\nmedia = ["voice"]\n', "[[ladder]]\n")
    second = [number for number, row in enumerate(text.splitlines(), 1) if row == "[[ladder]]"][1]
    assert problem(tmp_path, text).line == second


def test_words_that_look_like_keys_do_not_mislead_the_line(tmp_path: Path) -> None:
    text = NOTICE.replace(
        'text.en = "The fair is on {day} at {hour}."', 'text.en = """\npurpose = this\n[audience]\ntell = x\n"""'
    ).replace("whole_school = true", 'whole_school = true\ntell = "nobody"')
    found = problem(tmp_path, text)
    assert found.line == line(text, 'tell = "nobody"')


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("text.en =", "text.pl =", "English at least"),
        ('media = ["sms"]', 'media = ["sms"]\ntemplate = "closure"', "either “template”"),
        ('media = ["sms"]', "", "either “media”"),
        ("[audience]", "[schedule]\nat = 2026-12-01T07:00:00\ncron = '0 7 * * *'\n[audience]", "not both"),
        ("[audience]", "[schedule]\nuntil = 2026-12-01T07:00:00\n[audience]", "needs “cron”"),
    ],
)
def test_what_does_not_go_together_is_refused(tmp_path: Path, *, old: str, new: str, what: str) -> None:
    assert what in problem(tmp_path, NOTICE.replace(old, new)).what


def test_a_subject_belongs_to_a_free_text(tmp_path: Path) -> None:
    text = EVENT.replace('kind = "event"', 'kind = "event"\nsubject.en = "Come!"')
    assert "“subject” goes with “text”" in problem(tmp_path, text).what


def test_missing_and_unknown_values_are_named(tmp_path: Path) -> None:
    text = NOTICE.replace('text.en = "The fair is on {day} at {hour}."', 'template = "closure"')
    with pytest.raises(errors.BadDefinition) as caught:
        read(tmp_path, text)
    sentences = str(caught.value)
    assert "{date}" in sentences
    assert "{reason}" in sentences
    assert '"day"' in sentences
    assert {found.line for found in caught.value.problems} == {line(text, "values =")}


@pytest.mark.parametrize(
    ("content", "what", "cure"),
    [
        (b"\x00\xff\xfe\x80", "not a text file", "UTF-8"),
        (b'key = "a\n', "cannot be read as TOML", "quotation mark"),
        (b"key = 1\nkey = 2\n", "cannot be read as TOML", ""),
    ],
)
def test_files_that_are_no_definitions(tmp_path: Path, content: bytes, what: str, cure: str) -> None:
    found = problem(tmp_path, content)
    assert what in found.what
    assert cure in found.cure


def test_the_line_of_a_toml_fault_is_given(tmp_path: Path) -> None:
    assert problem(tmp_path, 'key = "a"\ntitle = "b\n').line == 2


def test_a_file_that_is_not_there_and_a_folder(tmp_path: Path) -> None:
    for path, what in ((tmp_path / "nothing.toml", "no such file"), (tmp_path, "not a text file")):
        with pytest.raises(errors.BadDefinition, match=what) as caught:
            reading.read_file(path)
        assert str(path) in str(caught.value)
        assert caught.value.problems[0].cure


def test_every_problem_is_named_at_once(tmp_path: Path) -> None:
    text = EVENT.replace("tell =", "tells =").replace("after =", "aftr =").replace("purpose =", "purpos =")
    with pytest.raises(errors.BadDefinition) as caught:
        read(tmp_path, text)
    assert {found.field for found in caught.value.problems} == {"audience.tells", "ladder.1.aftr", "purpos", "purpose"}


def test_data_without_a_file_are_checked_in_the_same_way() -> None:
    data: dict[str, Any] = {"key": "a", "titel": "x"}
    with pytest.raises(errors.BadDefinition, match="Did you mean “title”"):
        reading.read(data)


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ("Fair on {day} at {whe}.", "{whe}"),
        ("Fair on {day}, {child.__class__}.", "brace"),
        ("Fair on {{day}}.", "brace"),
        ("Fair on {day.", "brace"),
        ("Fair on {day}. {menu}", "there are none"),
    ],
)
def test_the_words_of_a_free_text_are_examined(tmp_path: Path, words: str, what: str) -> None:
    text = NOTICE.replace('text.en = "The fair is on {day} at {hour}."', f'text.en = "{words}"')
    found = problem(tmp_path, text)
    assert what in found.what
    assert (found.field, found.line) == ("text.en", line(text, "text.en"))
    assert "free_text" not in found.what + found.cure


def test_an_empty_value_that_a_text_needs_is_named(tmp_path: Path) -> None:
    data = tomllib.loads(NOTICE)
    with pytest.raises(errors.BadDefinition) as caught:
        reading.read(data | {"values": data["values"] | {"day": " "}})
    assert {found.field for found in caught.value.problems} == {"values.day"}


def test_a_wording_that_there_is_not_is_named_with_all_the_rest() -> None:
    data = {"key": "a", "titel": "x", "template": "closur", "schedule": {"cron": "soon"}}
    with pytest.raises(errors.BadDefinition) as caught:
        reading.read(data)
    assert {"template", "schedule.cron", "titel"} <= {found.field for found in caught.value.problems}
