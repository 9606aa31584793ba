"""The new words alone, in many languages; never nothing where there are words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels import mail_html, quoting

FILE = Path(__file__).parent / "mails" / "replies.jsonl"
ROWS = [json.loads(line) for line in FILE.read_text("utf-8").splitlines()]


@pytest.mark.parametrize("row", ROWS, ids=[row["id"] for row in ROWS])
def test_only_the_new_words_are_left(row: dict[str, Any]) -> None:
    given_words = quoting.from_html(row["html"]) if "html" in row else quoting.new_words(row["text"])
    assert given_words == row["reply"]


@settings(deadline=None, max_examples=60)
@given(st.text(alphabet=st.sampled_from("> \n:-_AaЯئ中<@.1月Onwrote|*\u200b"), max_size=300))
def test_words_never_get_lost_altogether(text: str) -> None:
    said = quoting.new_words(text)
    assert bool(said) or not any(character.isalnum() for character in text)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.sampled_from(["<div>", "</div>", "<blockquote>", "<p", "yes", "<!--", "-->", "&", "<hr>", "<![", "'", ">"])
    )
)
def test_no_html_is_too_broken(pieces: list[str]) -> None:
    quoting.from_html("".join(pieces))


@settings(deadline=None, max_examples=40)
@given(st.sampled_from(ROWS))
def test_trimming_what_is_trimmed_changes_nothing(row: dict[str, Any]) -> None:
    once = row["reply"]
    assert quoting.new_words(once) == once


@pytest.mark.parametrize(
    "html",
    [
        "<!--" * 100_000,
        "<a " * 100_000,
        "<div>" * 50_000,
        "<" * 300_000,
        "<a x='" * 50_000,
        "&" * 300_000,
        "</" * 100_000,
    ],
    ids=["comments", "tags", "depth", "angles", "attributes", "ampersands", "ends"],
)
def test_hostile_html_ends(html: str) -> None:
    mail_html.to_text(html)


@pytest.mark.parametrize(
    "text", ["On " * 100_000 + ":", "From: x\n" * 50_000, "x y:\n" * 50_000, "> x\n" * 100_000, "-" * 500_000]
)
def test_hostile_text_ends(text: str) -> None:
    assert quoting.new_words(text) or not any(character.isalnum() for character in text)
