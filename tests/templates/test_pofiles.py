from __future__ import annotations

import codecs
import subprocess
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from support import programs

from templates import catalogue, pofiles, states

ANNA = states.Review("Anna Kowalska", "2026-11-28")
LONG = "We wrote to you today about {children}, and we have not heard from you so far. Please call {school_phone} now."


def english(*texts: tuple[str, str]) -> Catalog:
    template = Catalog()
    for context, text in texts:
        template.add(text, context=context, auto_comments=["what it is for"])
    return template


def polish(*texts: tuple[str, str, str]) -> pofiles.Po:
    po = pofiles.Po("pl")
    for context, text, translation in texts:
        po.add(text, translation, context=context)
    return po


def again(po: pofiles.Po, folder: Path) -> pofiles.Po:
    """Write and read."""
    path = folder / "pl.po"
    pofiles.write(path, po)
    return pofiles.read(path, "pl")


def test_a_review_is_kept_in_the_file_with_name_and_date(tmp_path: Path) -> None:
    po = polish(("a", "School", "Szkoła"))
    pofiles.review(next(pofiles.texts(po)), ANNA)
    message = next(pofiles.texts(again(po, tmp_path)))
    assert pofiles.state(message, "draft") == states.Mark("reviewed", ANNA)
    assert "# state: reviewed by Anna Kowalska, 2026-11-28" in (tmp_path / "pl.po").read_text("utf-8")


def test_a_review_is_of_the_words_that_were_read(tmp_path: Path) -> None:
    po = polish(("a", "School", "Szkoła"))
    message = next(pofiles.texts(po))
    pofiles.review(message, ANNA)
    message.string = "Szkoly"  # in Poedit or Weblate, which keep the comment as it is
    found = next(pofiles.texts(again(po, tmp_path)))
    assert pofiles.state(found, "draft") == states.Mark("draft")
    pofiles.update(po, english(("a", "School")))
    assert next(pofiles.texts(po)).user_comments == [
        "state: draft, changed since reviewed by Anna Kowalska, 2026-11-28"
    ]


def test_a_review_written_by_hand_counts_and_is_sealed_by_the_next_update() -> None:
    po = polish(("a", "School", "Szkoła"))
    message = next(pofiles.texts(po))
    message.user_comments = ["state: reviewed by Anna Kowalska, 2026-11-28"]
    assert pofiles.state(message, "draft").state == "reviewed"
    pofiles.update(po, english(("a", "School")))
    updated = next(pofiles.texts(po))
    assert updated.user_comments == [f"state: reviewed by Anna Kowalska, 2026-11-28 (seal {pofiles.seal(updated)})"]


def test_changed_english_makes_a_text_stale_with_the_english_before(tmp_path: Path) -> None:
    po = polish(("a", LONG, "Pisaliśmy"), ("b", LONG.replace("today", "yesterday"), "Wczoraj"))
    for message in pofiles.texts(po):
        pofiles.review(message, ANNA)
    template = english(("a", "Please call us."), ("b", LONG.replace("today", "yesterday")))
    pofiles.update(po, template)
    found = {message.context: message for message in pofiles.texts(again(po, tmp_path))}
    assert found["a"].fuzzy
    assert found["a"].previous_id == [LONG], "not the most similar English of another text"
    assert found["a"].string == "Pisaliśmy"
    assert pofiles.text_state(found["a"], "draft") == "stale"
    assert pofiles.text_state(found["b"], "draft") == "reviewed"
    # Somebody translates it anew with a tool that knows nothing of states: Anna has not read that.
    found["a"].flags.discard("fuzzy")
    found["a"].string = "Prosimy zadzwonić"
    assert pofiles.text_state(found["a"], "draft") == "draft"


def test_what_is_stale_stays_so_through_more_updates_and_is_never_compiled(tmp_path: Path) -> None:
    po = polish(("a", "One.\n\nTwo.\n\n{three}", "Raz"))
    pofiles.update(po, english(("a", "Two.")))
    once = (again(po, tmp_path), (tmp_path / "pl.po").read_bytes())[1]
    twice = pofiles.read(tmp_path / "pl.po", "pl")
    pofiles.update(twice, english(("a", "Two.")))
    pofiles.write(tmp_path / "pl.po", twice)
    assert (tmp_path / "pl.po").read_bytes() == once
    pofiles.update(twice, english(("a", "Three.")))
    message = next(pofiles.texts(twice))
    assert (message.fuzzy, message.previous_id) == (True, ["One.\n\nTwo.\n\n{three}"]), "that is what was translated"
    assert b"Raz" not in pofiles.compiled(twice)


def test_a_text_that_becomes_plural_keeps_its_words_for_a_translator() -> None:
    po = polish(("a", "{children} is late", "spóźnia się"))
    template = Catalog()
    template.add(("{children} is late", "{children} are late"), context="a")
    pofiles.update(po, template)
    message = next(pofiles.texts(po))
    assert (message.string, message.fuzzy) == (("spóźnia się", "", ""), True)


def test_a_changed_plural_alone_makes_a_text_stale() -> None:
    """Babel, and gettext at run time, look at the singular alone."""
    po = pofiles.Po("tr")
    po.add(("Your child", "Your children"), ("Çocuğunuz", "Çocuklarınız"), context="a")
    template = Catalog()
    template.add(("Your child", "All of your children"), context="a")
    pofiles.update(po, template)
    message = next(pofiles.texts(po))
    assert (message.fuzzy, message.previous_id) == (True, ["Your child", "Your children"])


def test_lines_of_another_tool_about_the_english_before_are_read(tmp_path: Path) -> None:
    path = tmp_path / "pl.po"
    path.write_text(
        'msgid ""\nmsgstr ""\n"Language: pl\\n"\n\n#, fuzzy\n#| msgctxt "a"\n#| msgid ""\n#| "Old "\n#| "words"\n'
        'msgctxt "a"\nmsgid "New words"\nmsgstr "Słowa"\n',
        "utf-8",
    )
    assert next(pofiles.texts(pofiles.read(path, "pl"))).previous_id == ["Old words"]


def test_a_file_that_is_none_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "pl.po"
    path.write_text('msgid ""\nmsgstr ""\n"Language: pl\\n"\n\nmsgid "a"\nmsgid "b"\nmsgstr "c"\n', "utf-8")
    with pytest.raises(pofiles.Unreadable):
        pofiles.read(path, "pl")
    path.write_bytes('msgid "a"\nmsgstr "Szkoła"\n'.encode("utf-16"))
    with pytest.raises(pofiles.Unreadable):
        pofiles.read(path, "pl")


def test_states_and_the_english_before_survive_the_tools_of_gettext(tmp_path: Path) -> None:
    """What Poedit and Weblate do with a file is what these do: read it all, and write it their own way."""
    programs.need("msgcat")
    po = polish(("a", LONG, "Pisaliśmy"), ("b", "School\n\n{children}", "Szkoła\n\n{children}"))
    for message in pofiles.texts(po):
        pofiles.review(message, ANNA)
    pofiles.update(po, english(("a", "Please call us."), ("b", "School\n\n{children}")))
    pofiles.write(tmp_path / "pl.po", po)
    command = ["msgcat", "--width=60", f"--output-file={tmp_path / 'theirs.po'}", str(tmp_path / "pl.po")]
    subprocess.run(command, check=True, timeout=60)
    found = {message.context: message for message in pofiles.texts(pofiles.read(tmp_path / "theirs.po", "pl"))}
    assert (found["a"].fuzzy, found["a"].previous_id) == (True, [LONG])
    assert pofiles.state(found["b"], "draft") == states.Mark("reviewed", ANNA)


@pytest.mark.parametrize("tag", sorted(pofiles.paths(catalogue.locale())))
def test_poedit_and_weblate_can_read_every_catalogue(tag: str, tmp_path: Path) -> None:
    """GNU gettext's own strict reader is what both of them hold a file to."""
    programs.need("msgfmt")
    path = pofiles.path_of(catalogue.locale(), tag)
    command = ["msgfmt", "--check", "--check-accelerators=~", "--output-file=/dev/null", str(path)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("charset=utf-8", "charset=klingon", "not in the encoding UTF-8"),
        ("02:00+0000", "yesterday", "A date of its header is none"),
        ('msgstr "Szkoła"', 'msgstr "Szkoła', "do not end with a quotation mark"),
        ('msgstr "Szkoła"', 'msgstr "Szko"ła"', "do not end with a quotation mark"),
        ('msgstr "Szkoła"', 'msgid_plural "s"\nmsgstr[3] "x"', "more plural forms than the 3 of Polish"),
    ],
)
def test_what_babel_trips_over_is_said_in_our_words(old: str, new: str, what: str, tmp_path: Path) -> None:
    path = tmp_path / "pl.po"
    pofiles.write(path, polish(("a", "School", "Szkoła")))
    path.write_text(path.read_text("utf-8").replace(old, new), "utf-8")
    with pytest.raises(pofiles.Unreadable, match=what):
        pofiles.read(path, "pl")


def test_a_file_that_went_through_windows_is_read(tmp_path: Path) -> None:
    path = tmp_path / "pl.po"
    pofiles.write(path, polish(("a", "School", 'Szkoła „Dąb” \\ "A"')))
    path.write_bytes(codecs.BOM_UTF8 + path.read_bytes().replace(b"\n", b"\r\n"))
    (message,) = pofiles.texts(pofiles.read(path, "pl"))
    assert message.string == 'Szkoła „Dąb” \\ "A"'
