from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest

from templates import choosing, coverage, library, own_words, pofiles, reviewing, states, translations, words

ANNA = states.Review("Anna Kowalska", "2026-11-28")
CHECK = ("absence_check/sms/text", "absence_check/answer/ill")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A school's own folder; what this process knew of it is forgotten afterwards."""
    yield tmp_path / "words"
    own_words.use(tmp_path / "none")


def entries(language: str, folder: Path) -> list[str]:
    return [text.entry for text in reviewing.waiting(language, folder)]


def test_one_notice_is_accepted_and_its_text_message_may_go(folder: Path) -> None:
    before = entries("pl", folder)
    taken = reviewing.accept("pl", folder, ["closure/sms"], ANNA)
    assert taken.accepted == ["closure/sms/text"]
    assert set(before) - set(entries("pl", folder)) == {"closure/sms/text"}
    assert own_words.use(folder) == []
    assert coverage.of("pl")["closure", "email"] == "draft"
    # A text message has words of ours around it as well: the menu, which this notice may be given.
    assert coverage.of("pl")["closure", "sms"] == "draft"
    reviewing.accept("pl", folder, ["phrases/message/choice", "phrases/message/menu"], ANNA)
    own_words.use(folder)
    assert coverage.of("pl")["closure", "sms"] == "reviewed"
    assert words.prepare("closure", language="pl", medium="sms").state == "reviewed"


def test_a_notice_is_as_far_read_as_its_weakest_text(folder: Path) -> None:
    reviewing.accept("pl", folder, ["absence_check", "phrases"], ANNA)
    po = pofiles.read(pofiles.path_of(folder, "pl"), "pl")
    po.drop("absence_check/answer/ill")
    pofiles.write(pofiles.path_of(folder, "pl"), po)
    own_words.use(folder)
    assert coverage.of("pl")["absence_check", "sms"] == "draft"


def test_a_language_is_offered_only_once_an_absence_may_be_asked_about_in_it(folder: Path) -> None:
    for accepted, offered in (
        (["phrases/language"], False), (["phrases", "absence_check"], False), (["absence_chase"], True),
    ):  # fmt: skip
        reviewing.accept("pl", folder, accepted, ANNA)
        own_words.use(folder)
        assert choosing.offered("pl", drafts=False) is offered
    assert not choosing.offered("ro", drafts=False)
    assert choosing.offered("ro", drafts=True)


def test_what_is_missing_cannot_be_accepted(folder: Path) -> None:
    taken = reviewing.accept("vi", folder, [], ANNA)
    assert (taken.accepted, taken.unread > 100) == ([], True)
    with pytest.raises(LookupError, match="absence_chek"):
        reviewing.accept("pl", folder, ["absence_chek"], ANNA)


def test_a_volunteer_gets_everything_unread_with_examples_and_nobodys_data(folder: Path, tmp_path: Path) -> None:
    reviewing.accept("pl", folder, ["closure"], ANNA)
    number = reviewing.export("pl", folder, tmp_path / "anna.po")
    letter = pofiles.read(tmp_path / "anna.po", "pl")
    found = {message.context: message for message in pofiles.texts(letter)}
    assert len(found) == number
    assert "closure/sms/text" not in found
    assert all(message.fuzzy for message in found.values()), "in Poedit: needs work"
    check = found["absence_check/sms/text"]
    assert any("the school day that is asked about" in comment for comment in check.auto_comments)
    assert any("For example: Oakfield: Ana Kowalska is not in school" in comment for comment in check.auto_comments)


def letter(path: Path, folder: Path, *pairs: tuple[str, str]) -> Path:
    """A volunteer's file: some texts are changed or confirmed, all others left with their mark."""
    reviewing.export("pl", folder, path)
    po = pofiles.read(path, "pl")
    for message in pofiles.texts(po):
        for context, translation in pairs:
            if message.context == context:
                message.flags.discard("fuzzy")
                message.string = translation or message.string
    pofiles.write(path, po)
    return path


def test_what_comes_back_is_taken_with_a_name_and_used(folder: Path, tmp_path: Path) -> None:
    file = letter(tmp_path / "anna.po", folder, ("absence_check/answer/ill", "chory lub chora"), (CHECK[0], ""))
    taken = reviewing.take_back(file, "pl", folder, ANNA)
    assert (taken.accepted, taken.changed, taken.refused) == ([CHECK[0]], [CHECK[1]], [])
    assert taken.unread > 100
    assert not set(CHECK) & set(entries("pl", folder))
    own_words.use(folder)
    assert translations.put(translations.Source(CHECK[1], "ill"), language="pl") == "chory lub chora"
    again = reviewing.take_back(file, "pl", folder, states.Review("Somebody Else", "2026-12-01"))
    assert (again.accepted, again.changed) == ([], []), "who has read it first stays"


def test_a_wrong_placeholder_is_refused_with_its_line_and_the_rest_is_taken(folder: Path, tmp_path: Path) -> None:
    wrong = "{school}: {dzieci} nie ma w szkole"
    file = letter(tmp_path / "anna.po", folder, ("closure/sms/text", wrong), ("absence_check/answer/ill", "chory"))
    taken = reviewing.take_back(file, "pl", folder, ANNA)
    assert taken.changed == ["absence_check/answer/ill"]
    (refused,) = taken.refused
    assert refused.entry == "closure/sms/text"
    assert "{dzieci} is not in the English" in refused.what
    assert "closure/sms/text" in file.read_text("utf-8").splitlines()[refused.line - 2]


def test_a_file_of_older_english_is_refused_text_by_text(folder: Path, tmp_path: Path) -> None:
    file = letter(tmp_path / "anna.po", folder, ("absence_check/answer/ill", "chory"))
    file.write_text(file.read_text("utf-8").replace('msgid "ill"', 'msgid "sick"'), "utf-8")
    (refused,) = reviewing.take_back(file, "pl", folder, ANNA).refused
    assert "not the English of today" in refused.what


def test_a_sheet_for_whoever_has_no_poedit_comes_back_sorted_and_by_semicolons(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "anna.csv"
    number = reviewing.export("pl", folder, file)
    rows = list(csv.DictReader(file.read_text("utf-8-sig").splitlines(keepends=True)))
    assert len({row["text"] for row in rows}) == number
    settled = [row for row in rows if row["text"] == "absence_settled/sms/text"]
    assert [row["for"] for row in settled] == [
        "children: 1",
        "children: 2, 3, 4, 22, 23 …",
        "children: 0, 5, 6, 7, 8 …",
    ]
    assert "For example: " in settled[0]["what it is for"]
    for row in rows:
        if row["text"] in ("absence_settled/sms/text", "absence_check/answer/ill"):
            row["right? write yes"] = "yes"
        if row["text"] == "absence_check/answer/ill":
            row["translation"] = "chory lub chora"
        if row["text"] == "closure/sms/text":
            row |= {"right? write yes": "yes", "translation": "{szkola} zamknięta"}
    with file.open("w", encoding="utf-8-sig", newline="") as out:
        sheet = csv.DictWriter(out, list(rows[0]), delimiter=";")
        sheet.writeheader()
        sheet.writerows(reversed(rows))
    taken = reviewing.take_back(file, "pl", folder, ANNA)
    assert taken.accepted == ["absence_settled/sms/text"], "every form in its own place"
    assert taken.changed == ["absence_check/answer/ill"]
    assert {finding.entry for finding in taken.refused} == {"closure/sms/text"}
    assert taken.unread == number - 3


def test_a_sheet_that_is_none_is_refused(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "anna.csv"
    for content, what in ((b"a,b\n1,2\n", "column “text” is missing"), ("text;Zażółć".encode("cp1250"), "CSV UTF-8")):
        file.write_bytes(content)
        with pytest.raises(pofiles.Unreadable, match=what):
            reviewing.take_back(file, "pl", folder, ANNA)


def test_a_broken_file_of_the_school_leaves_ours_in_use(folder: Path) -> None:
    path = pofiles.path_of(folder, "pl")
    path.parent.mkdir(parents=True)
    path.write_text('msgid "a"\nmsgstr "b"\n', "utf-16")
    (sentence,) = own_words.use(folder)
    assert str(path) in sentence
    assert translations.speaks("pl", [translations.Source("absence_check/answer/ill", "ill")])


def test_a_text_of_the_school_with_a_wrong_blank_leaves_ours_in_use(folder: Path) -> None:
    source = translations.Source("phrases/message/greeting_named", "Dear {recipient},")
    ours = translations.put(source, language="pl")
    po = pofiles.Po("pl")
    po.add(source.text, "Witam {kogo},", context=source.context)
    pofiles.write(pofiles.path_of(folder, "pl"), po)
    (sentence,) = own_words.use(folder)
    assert "{kogo}" in sentence
    assert translations.put(source, language="pl") == ours


def test_after_an_upgrade_a_review_of_older_english_counts_for_nothing(folder: Path) -> None:
    po = pofiles.Po("pl")
    pofiles.review(
        po.add("Dear Madam {recipient},", "Pani {recipient},", context="phrases/message/greeting_named"), ANNA
    )
    pofiles.write(pofiles.path_of(folder, "pl"), po)
    assert own_words.use(folder) == []
    source = translations.Source("phrases/message/greeting_named", "Dear {recipient},")
    assert translations.put(source, language="pl") != "Pani {recipient},"
    assert translations.state("pl", [source]) == "draft"


def answered(folder: Path, file: Path, language: str, answers: dict[str, str]) -> Path:
    """A sheet that a volunteer has filled in; ``""`` is the answer to every other text."""
    reviewing.export(language, folder, file)
    rows = list(csv.DictReader(file.read_text("utf-8-sig").splitlines(keepends=True)))
    for row in rows:
        row["right? write yes"] = answers.get(row["text"], answers.get("", ""))
    with file.open("w", encoding="utf-8-sig", newline="") as out:
        sheet = csv.DictWriter(out, list(rows[0]))
        sheet.writeheader()
        sheet.writerows(rows)
    return file


def test_a_sheet_of_another_language_is_not_taken(folder: Path, tmp_path: Path) -> None:
    file = answered(folder, tmp_path / "amina.csv", "so", {"": "yes"})
    assert reviewing.language_of(file) == "so", "the sheet says so"
    with pytest.raises(pofiles.Unreadable, match=r"in Somali \(so\), and is to be taken as Urdu \(ur\)"):
        reviewing.take_back(file, "ur", folder, ANNA)
    assert own_words.read(folder) == ({}, [])


def test_a_catalogue_of_another_language_is_not_taken(folder: Path, tmp_path: Path) -> None:
    file = letter(tmp_path / "anna.po", folder, (CHECK[0], ""))
    with pytest.raises(pofiles.Unreadable, match="Polish"):
        reviewing.take_back(file, "tr", folder, ANNA)


def test_foreign_letters_are_refused_where_the_file_names_no_language(folder: Path, tmp_path: Path) -> None:
    file = answered(folder, tmp_path / "amina.csv", "so", {"closure/sms/text": "yes"})
    file.write_text(file.read_text("utf-8-sig").replace("language", "other").replace(",so\n", ",\n"), "utf-8-sig")
    taken = reviewing.take_back(file, "ur", folder, ANNA)
    assert (taken.accepted, taken.changed) == ([], [])
    assert "Latin letters" in taken.refused[0].what


def test_only_a_yes_is_a_yes(folder: Path, tmp_path: Path) -> None:
    answers = {CHECK[0]: "Yes.", CHECK[1]: "no", "closure/sms/text": "maya (NO, wrong)", "closure/email/text": "?"}
    taken = reviewing.take_back(answered(folder, tmp_path / "amina.csv", "so", answers), "so", folder, ANNA)
    assert (taken.accepted, taken.changed) == ([CHECK[0]], [])
    assert {finding.entry for finding in taken.refused} == {"closure/sms/text", "closure/email/text"}
    assert "“maya (NO, wrong)” is no yes" in str(taken.refused)


def test_what_the_start_would_drop_is_refused_when_it_comes_back(folder: Path, tmp_path: Path) -> None:
    file = letter(tmp_path / "anna.po", folder, (CHECK[1], "PARAR"))
    taken = reviewing.take_back(file, "pl", folder, ANNA)
    assert (taken.changed, [finding.entry for finding in taken.refused]) == ([], [CHECK[1]])
    assert "stops all texts" in taken.refused[0].what


def test_a_text_without_its_mark_and_without_a_plural_form_is_named(folder: Path, tmp_path: Path) -> None:
    reviewing.export("pl", folder, tmp_path / "anna.po")
    po = pofiles.read(tmp_path / "anna.po", "pl")
    (message,) = (one for one in pofiles.texts(po) if one.context == "absence_settled/sms/text")
    message.flags.discard("fuzzy")
    message.string = (message.string[0], "", message.string[2])
    pofiles.write(tmp_path / "anna.po", po)
    (refused,) = reviewing.take_back(tmp_path / "anna.po", "pl", folder, ANNA).refused
    assert (refused.entry, refused.line > 0) == ("absence_settled/sms/text", True)
    assert "msgstr[1] (for 2, 3, 4" in refused.what


def test_a_review_of_another_english_plural_counts_for_nothing(folder: Path) -> None:
    notice = library.notices()["absence_settled"]
    source = notice.source("sms", "text")
    reviewing.accept("pl", folder, [source.context], ANNA)
    own_words.use(folder)
    assert translations.state("pl", [source]) == "reviewed"
    po = pofiles.read(pofiles.path_of(folder, "pl"), "pl")
    (message,) = pofiles.texts(po)
    po.drop(source.context)
    older = po.add((source.text, f"{source.plural} Goodbye."), message.string, context=source.context)
    pofiles.review(older, ANNA)
    pofiles.write(pofiles.path_of(folder, "pl"), po)
    own_words.use(folder)
    assert translations.state("pl", [source]) == "draft"


def test_a_folder_that_is_no_language_is_told_and_not_used(folder: Path) -> None:
    for name in ("xx", "sr@latin", "pt"):
        path = folder / name / "LC_MESSAGES" / "handbell.po"
        po = pofiles.Po("pl")
        po.add("ill", "chory", context=CHECK[1])
        pofiles.write(path, po)
    compiled, problems = own_words.read(folder)
    assert compiled == {}
    assert [one.partition(": ")[2].partition(" is not")[0] for one in problems] == ["“pt”", "“sr@latin”", "“xx”"]
    assert "Name it pt_PT." in problems[0]
