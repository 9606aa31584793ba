from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from templates import segments

TEXTS = st.text(st.sampled_from("aé€^ł😀\n’\u00a0") | st.characters(codec="utf-8"), max_size=400)


def test_every_line_of_the_corpus(corpora: Path) -> None:
    for line in (corpora / "sms_segments" / "expected.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        counted = segments.count(row["text"])
        assert counted.encoding == row["encoding"], row["id"]
        wanted = {row.get("segments", counted.parts)}
        if row.get("level") == "either":
            wanted.add(row["plain_rule"])
        assert counted.parts in wanted, row["id"]
        bits = counted.units * (7 if counted.encoding == "GSM-7" else 16)
        assert bits == row.get("message_bits", bits), row["id"]


def test_the_alphabet_is_that_of_the_corpus(corpora: Path) -> None:
    table = json.loads((corpora / "sms_segments" / "gsm7_table.json").read_text("utf-8"))["gsm7_chars_to_septets"]
    septets = {chr(int(name.split()[0][2:], 16)): len(codes) for name, codes in table.items()}
    assert {c for c, width in septets.items() if width == 1} == segments.GSM_BASIC
    assert {c for c, width in septets.items() if width == 2} == segments.GSM_EXTENDED


@pytest.mark.parametrize(
    ("text", "encoding", "parts", "units"),
    [
        ("", "GSM-7", 1, 0),
        ("a" * 160, "GSM-7", 1, 160),
        ("a" * 161, "GSM-7", 2, 161),
        ("a" * 306, "GSM-7", 2, 306),
        ("a" * 307, "GSM-7", 3, 307),
        ("€" * 80, "GSM-7", 1, 160),
        ("€" * 81, "GSM-7", 2, 162),
        # an escape pair would straddle the parts: 152 + € + 152 is 306 septets but needs a third part
        ("a" * 152 + "€" + "a" * 152, "GSM-7", 3, 306),
        ("a" * 151 + "€" + "a" * 153, "GSM-7", 2, 306),
        ("ł" * 70, "UCS-2", 1, 70),
        ("ł" * 71, "UCS-2", 2, 71),
        ("ł" * 134, "UCS-2", 2, 134),
        ("ł" * 135, "UCS-2", 3, 135),
        ("😀" * 35, "UCS-2", 1, 70),
        ("😀" * 36, "UCS-2", 2, 72),
        # 67 is odd: every part of emoji only loses one unit
        ("😀" * 66, "UCS-2", 2, 132),
        ("😀" * 67, "UCS-2", 3, 134),
        ("\ud83d", "UCS-2", 1, 1),
    ],
)
def test_boundaries(text: str, encoding: str, parts: int, units: int) -> None:
    assert segments.count(text) == segments.Segments(encoding, parts, units)  # type: ignore[arg-type]  # parametrized


def test_small_c_with_cedilla_is_not_in_the_alphabet_and_the_capital_is() -> None:
    assert segments.count("Ç").encoding == "GSM-7"
    assert segments.count("ç").encoding == "UCS-2"


@given(TEXTS, TEXTS)
def test_appending_never_takes_parts_away(text: str, more: str) -> None:
    assert segments.count(text + more).parts >= segments.count(text).parts


@given(TEXTS)
def test_the_count_is_that_of_really_splitting(text: str) -> None:
    counted = segments.count(text)
    lone, joined = segments.SIZES[counted.encoding]
    wide = segments.GSM_EXTENDED if counted.encoding == "GSM-7" else {c for c in text if ord(c) > 0xFFFF}
    parts, left = 1, lone
    for limit in (lone, joined):
        parts, left = 1, limit
        for character in text:
            width = 1 + (character in wide)
            if width > left:
                parts, left = parts + 1, limit
            left -= width
        if limit == lone and parts == 1:
            break
    assert counted.parts == parts


@given(TEXTS)
def test_tidying_twice_is_tidying_once_and_never_costs_more(text: str) -> None:
    tidy = segments.tidy(text)
    assert segments.tidy(tidy) == tidy
    assert segments.count(tidy).encoding == "GSM-7" or not segments.REPLACEABLE.issuperset(tidy)
    # An ellipsis becomes three dots, which can never outweigh the step from UCS-2 to GSM-7.
    assert segments.count(tidy).parts <= max(segments.count(text).parts, segments.count(text.replace("…", "...")).parts)


@pytest.mark.parametrize(
    ("text", "tidied"),
    [
        ("Year 6 leavers’ assembly – 9:15", "Year 6 leavers' assembly - 9:15"),
        ("“Hello”… he\u00a0said\u202fit\u2009now", '"Hello"... he said it now'),
        ("one\ttwo\r\nthree\rfour", "one two\nthree\nfour"),
        ("zero\u200bwidth\ufeff soft\u00adhyphen", "zerowidth softhyphen"),
        ("Cafe\u0301", "Café"),
        ("oﬃce", "office"),
        ("\u2068Oakfield\u2069", "Oakfield"),
        # something else keeps it UCS-2: then nothing is touched
        ("Żółw – „tak”", "Żółw – „tak”"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("क्\u200dष", "क्\u200dष"),
        ("👨\u200d👩\u200d👧 ok – yes", "👨\u200d👩\u200d👧 ok – yes"),
        ("❤\ufe0f", "❤\ufe0f"),
        ("½ term", "½ term"),
    ],
)
def test_tidying(text: str, tidied: str) -> None:
    assert segments.tidy(text) == tidied


def test_bengali_is_not_made_longer_by_composition() -> None:
    assert segments.tidy("\u09dc") == "\u09dc"


LONG = "Prosimy zadzwonić do szkoły. Dziecko nie przyszło dziś na lekcje i nie wiemy, dlaczego. "


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        (LONG, "Prosimy zadzwonic do szkoly. Dziecko nie przyszlo dzis na lekcje i nie wiemy, dlaczego. "),
        ("Proszę", "Proszę"),  # one part is one part
        ("Città e caffè: perché no? Più tardi. Ù" * 3, "Città e caffè: perché no? Più tardi. U" * 3),
        ("șȘțȚăÂî " * 12, "sStTaAi " * 12),
        ("ıİğŞçÇ " * 12, "iIgScÇ " * 12),
        ("ŵŷâêîôûï " * 12, "wyaeioui " * 12),
        ("ãõçéñ " * 14, "aocéñ " * 14),
        ("Łódź đŒß " * 12, "Lodz dOEß " * 12),
        ("„Tak” – ąę " * 9, '"Tak" - ae ' * 9),
        ("ąęść😀 " * 20, "ąęść😀 " * 20),
        ("Кирилиця й її літери. " * 5, "Кирилиця й її літери. " * 5),
        ("اسکول بند رہے گا۔ " * 8, "اسکول بند رہے گا۔ " * 8),
        ("Proszę школа " * 10, "Proszę школа " * 10),
        ("ŞŞ" * 80, "SS" * 80),
    ],
)
def test_folding_accents(text: str, folded: str) -> None:
    assert segments.fold(text) == folded
    assert segments.fold(folded) == folded


@given(TEXTS)
def test_folding_saves_or_leaves_alone(text: str) -> None:
    folded = segments.fold(text)
    assert folded == text or segments.count(folded).parts < segments.count(text).parts


def test_what_was_replaced_is_told() -> None:
    text = "Year 6 leavers’ assembly – 9:15\u200b"
    assert segments.replaced(text, segments.tidy(text)) == {"’": "'", "–": "-", "\u200b": ""}
    assert segments.replaced("Żółw – tak", segments.tidy("Żółw – tak")) == {}
