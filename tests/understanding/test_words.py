"""The files of words: ours are well formed, a school's own are added, and mistakes are told with line and cure."""

from __future__ import annotations

import tomllib
from datetime import date
from pathlib import Path

import pytest

from gateway import errors
from gateway.understanding import finding, language, library, patterns, reading, spelling
from templates import languages

ASKED = reading.Asked(date(2026, 11, 25))


@pytest.mark.parametrize("path", library.shipped(), ids=lambda path: path.stem)
def test_our_files_are_well_formed(path: Path) -> None:
    file = language.open_file(path)
    assert language.tag(file) == path.stem.removesuffix("-common")
    made = language.make([file])
    if path.stem.endswith("-common"):
        assert set(file.data) == {"language", "ordinary"}
        return
    if path.stem == library.EVERYWHERE:
        return
    known = {one.tag.split("-")[0] for one in languages.LANGUAGES}
    assert path.stem in known, "a language that a family can have on file"
    data = tomllib.loads(path.read_text("utf-8"))
    for section in ("illness", "says_present", "safeguarding_concern", "no_reason", "negation", "days"):
        assert data.get(section), f"{path.stem} has no {section}"
    assert not made.ordinary & {"", " "}


@pytest.mark.parametrize("path", library.shipped(), ids=lambda path: path.stem)
def test_no_pattern_of_ours_is_taken_for_a_remark(path: Path) -> None:
    lists = path.read_text("utf-8").split('"""')[1::2]
    lost = [line for listed in lists for line in listed.splitlines() if line.startswith("# ") and "," in line]
    assert not lost, "a line that begins with a number sign and a space is a remark: end the line before with it"


def folder(tmp_path: Path, name: str, text: str) -> Path:
    (tmp_path / name).write_text(text, "utf-8")
    return tmp_path


def test_a_school_extends_a_language_and_adds_one(tmp_path: Path) -> None:
    folder(tmp_path, "en.toml", 'language = "en"\n[illness]\nsure = "the wimblefits"\n')
    folder(
        tmp_path,
        "cs.toml",
        'language = "cs"\nname = "Czech"\nordinary = "je, syn, dcera"\n[illness]\nsure = ["nemocn*", "horečk*"]\n',
    )
    known = library.load(tmp_path)
    assert reading.understand("she has the wimblefits", ASKED, languages=known).intent == "illness"
    assert reading.understand("she has a fever", ASKED, languages=known).intent == "illness"
    czech = reading.understand("syn je nemocný", ASKED, languages=known)
    assert czech.intent == "illness"
    assert "Czech" in czech.because[0]
    assert reading.understand("she has the wimblefits", ASKED).intent != "illness", "ours are left as they are"


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ('language = "en"\n[ilness]\nsure = "x"\n', 2, "Did you mean illness?"),
        ('language = "en"\n[illness]\nshure = "x"\n', 3, "Did you mean sure?"),
        ('language = "en"\n[illness]\nsure = "fever, (bad cold"\n', 3, "a “(” is not closed"),
        ('language = "en"\n[illness]\nsure = """\nfever\nso..re\nsi*ck\n"""\n', 6, "a star stands only at the end"),
        ('language = "en"\n[illness]\nsure = "<kid> ill"\n', 3, "there is no group <kid>"),
        ('language = "en"\n[illness]\nsure = ".. ill"\n', 3, "stands between words"),
        ('language = "en"\n[illness]\nsure = "(a||b) ill"\n', 3, "is empty"),
        ('language = "en"\n[illness]\nsure = "a) ill"\n', 3, "no “(” before it"),
        ('language = "en"\n[illness]\nsure = "^ $"\n', 3, "no word of its own"),
        ('language = "en"\n[illness]\nsure = 3\n', 3, "must be words"),
        ('language = "en"\nillness = "fever"\n', 2, "must be a table"),
        ('language = "en"\n[spelling]\nsick = ""\n', 3, "stands for nothing"),
        ('language = "en"\n[negation]\nbefor = "not"\n', 3, "Did you mean before?"),
        ('language = "en"\n[days]\nweekdays = ["monday"]\n', 3, "seven, from Monday"),
        ('language = "en"\n[days]\nnow = "x"\n', 3, "There are: "),
        ('language = "en\n', 1, "TOML"),
        ('name = "English"\n', 1, "which language"),
    ],
)
def test_a_mistake_is_told_with_file_line_and_cure(tmp_path: Path, text: str, line: int, told: str) -> None:
    with pytest.raises(errors.BadInput) as raised:
        library.load(folder(tmp_path, "own.toml", text))
    [problem] = raised.value.problems
    assert problem.file.endswith("own.toml")
    assert problem.line == line
    assert told in str(problem)
    assert problem.cure


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    folder(tmp_path, "a.toml", 'language = "en"\n[ilness]\n[holidays]\n')
    folder(tmp_path, "b.toml", 'language = "pl"\n[late]\nsure = "(x"\n')
    with pytest.raises(errors.BadInput) as raised:
        library.load(tmp_path)
    assert len(raised.value.problems) == 3


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(errors.BadInput, match="UTF-8"):
        library.load(tmp_path)
    with pytest.raises(errors.BadInput, match="cannot be read"):
        library.load(tmp_path / "nowhere")


def found(pattern: str, text: str) -> bool:
    read = patterns.parse(pattern, section="illness", weight=3, groups={})
    forms = finding.Forms([(word,) for word in text.split()], {"ten": 10})
    return any(finding.Index([read]).search(forms))


@pytest.mark.parametrize(
    ("pattern", "there", "not_there"),
    [
        ("sick", "he is sick", "sickness"),
        ("sick*", "sickness", "seasick"),
        ("(bad|nasty) cold", "a nasty cold", "cold"),
        ("(very bad|nasty) cold", "very bad cold", "bad cold"),
        ("very? sick", "sick", "very"),
        ("took .. school", "took him to school", "took . school"),
        ("took .. school", "took school", "took a b c d school"),
        ("be in by #", "be in by 10.30", "be in by noon"),
        ("half #", "half ten", "half way"),
        ("^ ill $", "ill", "ill again"),
        ("^ ill $", "yes , ill . back tomorrow", "so ill ."),
        ("not in ?", "not in ?", "not in ."),
    ],
)
def test_the_grammar(pattern: str, there: str, not_there: str) -> None:
    assert found(pattern, there)
    assert not found(pattern, not_there)


@pytest.mark.parametrize(
    ("slip", "meant"),
    [
        ("temprature", "temperature"),
        ("fevr", ""),
        ("fevver", "fever"),
        ("dentits", "dentist"),
        ("vommiting", "vomiting"),
    ],
)
def test_a_slip_of_the_finger_is_forgiven_in_long_words(slip: str, meant: str) -> None:
    speller = spelling.Speller(["temperature", "fever", "dentist"], ["vomit"], [], {})
    assert speller.meant(slip) == meant


def test_an_ordinary_word_is_never_a_slip() -> None:
    assert spelling.Speller(["fever", "never"], [], ["never"], {}).meant("nevre") == ""


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("rist", "wrist"),
        ("drpd", "dropped"),
        ("cmin", "coming"),
        ("froat", "throat"),
        ("skool", "school"),
        ("wresting", ""),
        ("rost", ""),
    ],
)
def test_a_word_is_found_by_its_sound(written: str, meant: str) -> None:
    alike = {"wr": "r", "th": "f", "ch": "k", "c": "k", "ing": "in"}
    speller = spelling.Speller(["wrist", "dropped", "coming", "throat", "school"], [], [], alike)
    assert speller.meant(written) == meant


def test_common_words_are_never_taken_for_others() -> None:
    english = library.load()["en"]
    for word in ("wrap", "violin", "polite", "player", "ticket"):
        assert english.knows(word), f"{word} looks like a word of our lists"
