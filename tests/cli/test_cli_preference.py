"""``handbell preference``: noted, shown, and said in the preview of a notice."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conftest import Office


def test_a_choice_is_noted_shown_and_kept(school_office: Office) -> None:
    [ana, _] = school_office.data("people", "list")
    [maria] = [one["id"] for one in school_office.data("contact", "list", "Maria")]
    assert ana["contacts"][0]["name"] == "Maria Example"
    assert "Noted." in school_office.gives(
        "preference", "set", str(maria), "menus", "--text", "off", "--as", "Mrs Office"
    )
    shown = school_office.gives("preference", "show", str(maria))
    assert "menus by sms: off. Chosen by Mrs Office" in shown
    assert "This week its family got 0 of 3 texts that could wait, 0 emails and 0 calls." in shown
    found = school_office.data("preference", "show", str(maria))
    assert found["topics"]["menus"] == {"sms": "off", "email": "at_once", "voice": "at_once"}
    assert "STOP TRIPS" in school_office.gives("preference", "topics")
    assert "topic trips" in school_office.gives("explain", "opt-out", "Stop wycieczki.")
    assert "opt_out" in school_office.gives("explain", "opt-out", "STOP")


def test_what_cannot_be_chosen_is_said_with_what_can(school_office: Office) -> None:
    for words, said in (
        (("1", "football", "--text", "off"), "There are: clubs, events"),
        (("1", "menus", "--text", "never"), "Write at_once, digest or off."),
        (("1", "menus"), "Say how"),
        (("1", "menus", "--call", "digest"), "A call is no digest"),
        (("999", "menus", "--text", "off"), "There is no contact 999"),
    ):
        result = school_office.type("preference", "set", *words)
        assert result.exit_code == 1
        assert said in result.output


NOTICE = """
key = "menu"
title = "Menu"
purpose = "good_news"
topic = "{topic}"
media = ["sms"]
[text]
en = "Fish on Friday."
[audience]
whole_school = true
[valid]
not_before = "07:30"
"""


def test_check_and_preview_say_topic_hours_and_load(school_office: Office) -> None:
    file = school_office.folder / "menu.toml"
    file.write_text(NOTICE.format(topic="football"), "utf-8")
    refused = school_office.type("notice", "check", str(file))
    assert refused.exit_code == 1
    assert "there is no topic “football”. Write one of: clubs, events" in refused.output
    file.write_text(NOTICE.format(topic="menus"), "utf-8")
    assert "in order" in school_office.gives("notice", "check", str(file))
    seen = school_office.gives("notice", "preview", str(file))
    assert "It does not leave before 07:30." in seen
    assert "had anything this week that could wait" in seen
    assert school_office.data("notice", "preview", str(file))["load"]["over"] == 0
    sent = school_office.gives("notice", "send", str(file), "--as", "Mrs Office")
    assert "had anything this week that could wait" in sent
