from __future__ import annotations

import datetime
import html
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given as hypothesis_given
from hypothesis import settings
from hypothesis import strategies as st

from templates import (
    catalogue,
    dress,
    errors,
    formats,
    languages,
    letter,
    library,
    own_words,
    phrases,
    pofiles,
    reviewing,
    segments,
    skeleton,
    states,
    translations,
    values,
    words,
)

Values = dict[str, object]
Words = words.Words
CASES = [
    (key, language, medium)
    for key, notice in library.notices().items()
    for language in ("en", "pl", "ur", "vi")
    for medium, table in library.MEDIA.items()
    if getattr(notice, table)
]


def render(key: str, *, language: str, values: Values, medium: str, answers: words.GivenAnswers | None = None) -> Words:
    mandatory = not values.get("unsubscribe_url")
    return words.prepare(key, language=language, medium=medium, mandatory=mandatory).fill(values, answers=answers)


def render_free(
    texts: Mapping[str, str], *, language: str, values: Values, medium: str, subjects: Mapping[str, str] | None = None
) -> Words:
    return words.prepare_free(texts, language=language, medium=medium, subjects=subjects).fill(values)


def page(message: Words) -> str:
    """The HTML that the message would be sent with."""
    return letter.from_plain(message.text, title=message.subject, language=message.language)


def fit(key: str, given: Values, own: Values) -> Values:
    """Give all values that a notice can take."""
    return given | {name: own[name] for name in library.notice(key).values}


@pytest.mark.parametrize(("key", "language", "medium"), CASES)
def test_every_notice_in_every_language_and_medium(
    key: str, language: str, medium: str, given: Values, own: Values
) -> None:
    message = render(key, language=language, values=fit(key, given, own), medium=medium)
    used = "en" if language == "vi" else language
    assert (message.language, message.direction) == (used, languages.direction(used))
    assert message.state == ("source" if used == "en" else "draft")
    for text in (message.subject, message.text, page(message).partition("<main>")[2]):
        assert "{" not in text
        assert "}" not in text
    if medium == "sms":
        assert message.text.lstrip("\u2068").startswith("Oakfield")
        assert 1 <= message.parts <= 5
        assert message.segments == segments.count(message.text)
        assert used != "en" or (message.segments and message.segments.encoding == "GSM-7")
    else:
        assert message.parts == 0
    if medium == "email":
        assert message.subject
        runs = "ltr" if key == "free_text" else message.direction  # our example of an author's words is English
        assert f'<html lang="{used}" dir="{runs}">' in page(message)
        assert not re.search(r"<(script|img|link|iframe)\b|src=|@import|url\(", page(message))
    if medium == "voice":
        assert not set(message.text) & set("\u2066\u2067\u2068\u2069")


@pytest.mark.parametrize(("key", "language", "medium"), CASES)
def test_extreme_values(key: str, language: str, medium: str, given: Values, own: Values) -> None:
    nasty = "<b>{school} %s %(x)s {{x}} & \"'</b>\r\nnew line\x00\u202e \ufdd0title\ufdd1"
    extreme: Values = {}
    for name, value in fit(key, given, own).items():
        kind = library.notice(key).known()[name].type
        extreme[name] = {"text": nasty, "name": nasty, "names": [nasty] * 40}.get(kind, value)
    message = render(key, language=language, values=extreme, medium=medium)
    said = words.prepare(key, language=language, medium=medium).form(1, frozenset()).text.names
    if any(name == "greeting" or (name != "menu" and extreme.get(name) in (nasty, [nasty] * 40)) for name in said):
        assert "{school} %s %(x)s {{x}} &" in message.text
    assert "\x00" not in message.text
    assert "\u202e" not in message.text
    assert "\n" not in message.subject
    if medium == "email":
        assert "<b>" not in page(message)
        assert "&lt;b&gt;{school} %s %(x)s {{x}} &amp; &quot;&#x27;&lt;/b&gt;" in page(message)


def test_an_absence_check_in_full(given: Values) -> None:
    message = render("absence_check", language="en", values=given | {"date": "2025-11-03"}, medium="sms")
    assert message.text == (
        "Oakfield: Ana Kowalska is not in school today, Monday 3 November, and we do not know why. "
        "Reply 1 for ill, 2 for an appointment, 3 for on the way or 4 for should be in school. Or call 020 7946 0123."
    )
    assert message.answers == (
        ("1", "ill"), ("2", "an appointment"), ("3", "on the way"), ("4", "should be in school")
    )  # fmt: skip
    assert message.segments == segments.Segments("GSM-7", 2, 198)


def test_two_children_have_the_plural_and_the_list(given: Values) -> None:
    given |= {"children": ["Ana", "Ben", "Zofia"], "date": datetime.date(2025, 11, 3)}
    message = render("absence_check", language="en", values=given, medium="email")
    assert "Ana, Ben and Zofia are not in school" in message.text
    assert "your children are safe" in message.text
    assert message.subject == "Oakfield: why are Ana, Ben and Zofia not in school today?"


@pytest.mark.parametrize(("children", "form"), [(1, 0), (2, 1), (4, 1), (5, 2), (12, 2), (22, 1)])
def test_polish_plural_forms(children: int, form: int, given: Values) -> None:
    names = [f"Dziecko{n}" for n in range(children)]
    po = pofiles.read(pofiles.path_of(catalogue.locale(), "pl"), "pl")
    forms = next(message.string for message in po if message.context == "absence_settled/sms/text") or ()
    shown = {"school": "Oakfield", "children": formats.names(names, "pl"), "school_phone": given["school_phone"]}
    message = render("absence_settled", language="pl", values=given | {"children": names}, medium="sms")
    assert message.text == segments.tidy(skeleton.parse(forms[form], where="test").fill(shown))


def test_optional_values_leave_no_gap(given: Values, own: Values) -> None:
    filled = fit("event_invitation", given, own)
    assert (
        "\nPlease keep your child at home.\nReply"
        in render("event_invitation", language="en", values=filled, medium="sms").text
    )
    for blank in ({}, {"details": ""}, {"details": "  \n "}):
        short = {name: value for name, value in filled.items() if name != "details"} | blank
        assert "Main hall.\nReply 1" in render("event_invitation", language="en", values=short, medium="sms").text
        email = render("event_invitation", language="ur", values=short, medium="email")
        assert "Main hall\u2069\n\nجواب" in email.text
        assert "Main hall\u2069</p>\n<p>جواب" in page(email)


def test_greeting_with_and_without_a_name(given: Values) -> None:
    text = render("absence_settled", language="en", values=given, medium="email").text
    assert text.startswith("Dear Mrs Kowalska,\n")
    for blank in ({"recipient": ""}, {"recipient": " "}):
        text = render("absence_settled", language="en", values=given | blank, medium="email").text
        assert text.startswith("Dear parent or carer,\n")


def test_footers(given: Values) -> None:
    mandatory = render("absence_settled", language="en", values=given, medium="email")
    assert "there is no unsubscribe link" in mandatory.text
    link = "https://example.com/u?a=1&b=2"
    optional = render("absence_settled", language="en", values=given | {"unsubscribe_url": link}, medium="email")
    assert link in optional.text
    assert f'<a href="{html.escape(link)}">' in page(optional)
    renderer = words.prepare("absence_settled", language="en", medium="email", mandatory=False)
    with pytest.raises(errors.MissingValue, match="unsubscribe_url"):
        renderer.fill(given)


@pytest.mark.parametrize(
    ("change", "error", "sentence"),
    [
        ({"date": None}, errors.WrongType, "must be a date, such as 2025-11-03"),
        ({"date": ""}, errors.WrongType, "must be a date"),
        ({"date": "3/11/2025"}, errors.WrongType, "must be a date"),
        ({"date": datetime.datetime(2025, 11, 3, tzinfo=datetime.UTC)}, errors.WrongType, "must be a date"),
        ({"children": "Ana"}, errors.WrongType, "must be a list of names"),
        ({"children": ["Ana", ""]}, errors.WrongType, "must be a list of names"),
        ({"children": []}, errors.MissingValue, r"no value for \{children\}"),
        ({"school": "  "}, errors.MissingValue, r"no value for \{school\}"),
        ({"school_phone": "ring us"}, errors.WrongType, "must be a phone number"),
        ({"school": 7}, errors.WrongType, "must be a name"),
        ({"dte": "2025-11-03"}, errors.UnknownValue, 'Did you mean "date"?'),
    ],
)
def test_wrong_values_are_refused_with_a_sentence(
    change: Values, error: type[errors.WordingError], sentence: str, given: Values
) -> None:
    with pytest.raises(error, match=sentence) as caught:
        render("absence_check", language="pl", values=given | {"date": "2025-11-03"} | change, medium="sms")
    assert "absence_check" in str(caught.value)


def test_a_missing_value_is_refused(given: Values) -> None:
    with pytest.raises(errors.MissingValue, match=r'"absence_check".*\{date\}.*the school day.*such as 2025-11-03'):
        render("absence_check", language="en", values=given, medium="sms")


def test_unknown_notices_and_media(given: Values) -> None:
    with pytest.raises(errors.UnknownNotice, match=r'Did you mean "closure"\?'):
        render("closures", language="en", values=given, medium="sms")
    with pytest.raises(errors.UnknownNotice, match='no words for "fax", only for sms, email, voice'):
        render("closure", language="en", values=given, medium="fax")


def test_words_by_language(given: Values) -> None:
    given |= {"date": "2025-11-03", "reason": {"en": "snow", "pl": "śnieg"}}
    assert "(snow)" in render("closure", language="en", values=given, medium="sms").text
    assert "Powód: śnieg." in render("closure", language="pl", values=given, medium="sms").text
    assert "snow" in render("closure", language="ur", values=given, medium="sms").text
    with pytest.raises(errors.WrongType, match="with English among them"):
        render("closure", language="ur", values=given | {"reason": {"pl": "śnieg"}}, medium="sms")


def test_answers_of_the_definition_take_the_place_of_the_notice_s_own(given: Values, own: Values) -> None:
    filled = fit("event_invitation", given, own)
    answers = [("A", {"en": "early", "pl": "wcześnie"}), ("B", "18:00")]
    message = render("event_invitation", language="pl", values=filled, medium="sms", answers=answers)
    assert "A = wcześnie lub B = 18:00" in message.text
    assert message.answers == (("A", "wcześnie"), ("B", "18:00"))
    with pytest.raises(errors.BadWording, match='"stop" cannot be an answer'):
        render("event_invitation", language="pl", values=filled, medium="sms", answers=[("stop", "no")])
    with pytest.raises(errors.MissingValue, match="Give answers"):
        render("event_invitation", language="pl", values=filled, medium="sms", answers=[])


def test_free_text_falls_back_to_base_and_english(given: Values) -> None:
    texts = {"en": "Bring a hat, {children}.", "pt": "Tragam um chapéu.", "so": "Koofi keena."}
    for asked, used, start in (
        ("pt-BR", "pt", "Oakfield: Tragam"), ("so", "so", "Oakfield: Koofi"), ("pl", "en", "Oakfield: Bring a hat, Ana")
    ):  # fmt: skip
        message = render_free(texts, language=asked, values=given, medium="sms")
        assert (message.language, message.state) == (used, "source")
        assert message.text.startswith(start)
    with pytest.raises(errors.BadWording, match="Add English"):
        render_free({"pl": "Czapka."}, language="ur", values=given, medium="sms")


def test_free_text_in_an_email(given: Values) -> None:
    texts = {"en": "Hello.\n\n{event} is on {date}.\nSee you."}
    extra: Values = {"event": "The fair", "date": datetime.date(2025, 11, 3)}
    message = render_free(texts, language="en", values=given | extra, medium="email", subjects={"en": "{event}!"})
    assert message.subject == "The fair!"
    assert message.text.startswith("Hello.\n\nThe fair is on Monday 3 November.\nSee you.\n\nOakfield\n020 7946 0123\n")
    assert "<p>Hello.</p>\n<p>The fair is on Monday 3 November.<br>\nSee you.</p>" in page(message)
    assert render_free(texts, language="en", values=given | extra, medium="email").subject == "A message from Oakfield"


def test_our_words_around_a_free_text_are_drafts_only_where_drafts_are_allowed(given: Values) -> None:
    texts = {"en": "Hello.", "ur": "سلام {greeting} {menu}"}
    answers = [("1", {"en": "yes", "ur": "ہاں"})]
    draft = words.prepare_free(texts, language="ur", medium="email")
    plain = words.prepare_free(texts, language="ur", medium="email", allow_drafts=False)
    assert (draft.language, draft.phrases_language) == ("ur", "ur")
    assert (plain.language, plain.phrases_language) == ("ur", "en")
    assert "جواب" in draft.fill(given, answers=answers).text
    message = plain.fill(given, answers=answers)
    assert message.text.startswith("سلام Dear \u2068Mrs Kowalska\u2069, Reply 1 for ہاں.\n\n\u2068Oakfield\u2069\n")
    assert "there is no unsubscribe link" in message.text
    assert message.subject == "A message from \u2068Oakfield\u2069"
    assert '<html lang="ur" dir="rtl">' in page(message)
    assert '<footer dir="ltr"' in page(message)
    reviewed = words.prepare_free({"en": "Hello."}, language="ur", medium="email", allow_drafts=False)
    assert reviewed.phrases_language == "en"


@pytest.mark.parametrize("medium", ["sms", "voice"])
def test_a_greeting_that_nobody_has_reviewed_is_a_draft_in_every_medium(tmp_path: Path, medium: str) -> None:
    read = ["phrases/message/choice", "phrases/message/menu", "phrases/call"]
    reviewing.accept("pl", tmp_path, read, states.Review("Anna", "2026-11-28"))
    own_words.use(tmp_path)
    try:
        plain, greets = (
            words.prepare_free({"en": text, "pl": text}, language="pl", medium=medium, allow_drafts=False)
            for text in ("Hi.", "{greeting} Hi.")
        )
    finally:
        own_words.use(tmp_path / "none")
    assert (plain.phrases_language, greets.phrases_language) == ("pl", "en")


def test_a_title_holds_no_tag() -> None:
    title = 'See https://example.com/a?b=1&c "now" <b>'
    letters = letter.from_plain("See https://example.com/a.", title=title, language="en")
    assert "<title>See https://example.com/a?b=1&amp;c &quot;now&quot; &lt;b&gt;</title>" in letters
    assert '<a href="https://example.com/a">https://example.com/a</a>.' in letters


@pytest.mark.parametrize(
    "text", ["On {Date}", "On { date }", "On {date", "On }", "{}", "{date!r}", "{a.b}", "{{date}}"]
)
def test_a_stray_brace_in_free_text_is_refused(text: str, given: Values) -> None:
    with pytest.raises(errors.BadWording, match="Write placeholders like"):
        render_free({"en": text}, language="en", values=given | {"date": "x"}, medium="sms")


def test_a_placeholder_that_nobody_fills_is_refused(given: Values) -> None:
    with pytest.raises(errors.UnknownValue, match=r'Did you mean "children"\?'):
        render_free({"en": "For {childen}"}, language="en", values=given, medium="sms")


def test_isolates_in_urdu(given: Values) -> None:
    given |= {"children": ["Ana", "محمد"], "date": "2025-11-03"}
    text = render("absence_check", language="ur", values=given, medium="sms").text
    assert "\u2068Ana\u2069 اور محمد آج" in text
    assert "\u2068020 7946 0123\u2069" in text
    assert "1 = بیمار" in text, "a lone digit needs no isolate and each costs two units"


def test_roman_urdu_stays_cheap_and_left_to_right(given: Values) -> None:
    texts = {"en": "School is closed.", "ur": "Aaj school band hai."}
    message = render_free(texts, language="ur", values=given, medium="sms")
    assert (message.direction, message.parts) == ("ltr", 1)
    assert message.segments is not None
    assert message.segments.encoding == "GSM-7"


def test_an_arabic_name_in_english_is_isolated(given: Values) -> None:
    text = render("absence_settled", language="en", values=given | {"children": ["محمد"]}, medium="sms").text
    assert "where \u2068محمد\u2069 is." in text


NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=30).filter(lambda t: bool(values.clean(t).split()))


@hypothesis_given(st.lists(NAMES, min_size=1, max_size=4), NAMES, st.sampled_from(["en", "ur"]))
@settings(deadline=None)
def test_isolates_are_balanced_whatever_people_are_called(names: list[str], reason: str, language: str) -> None:
    filled: Values = {"school": "Oak", "school_phone": "01134960123", "children": names}
    filled |= {"what_happened": reason, "what_to_do": reason}
    for line in render("emergency", language=language, values=filled, medium="sms").text.split("\n"):
        depth = 0
        for character in line:
            depth += (character in "\u2066\u2067\u2068") - (character == "\u2069")
            assert depth in (0, 1)
        assert depth == 0


def plainly(key: str, language: str, medium: str, given: Mapping[str, object], *, n: int) -> str:
    """Render without skeletons: a regular expression puts each value in."""
    notice = library.notice(key)
    said = {"children": given["children"], "date": datetime.date.fromisoformat(str(given["date"]))}
    answers = tuple((a.key, translations.put(notice.answer_source(a), language=language)) for a in notice.answers)

    def dressed(clothes: dress.Dress) -> dict[str, str]:
        names = [clothes.value(" ".join(values.clean(str(name)).split())) for name in said["children"]]  # type: ignore[attr-defined]  # a list
        return {
            "school": clothes.value(str(given["school"])),
            "school_phone": clothes.phone(str(given["school_phone"])),
            "children": formats.names(names, language),
            "date": clothes.value(formats.date(said["date"], language)),  # type: ignore[arg-type]  # a date
            "greeting": phrases.greeting("", language=language, clothes=clothes),
            "menu": phrases.menu(answers, language=language, clothes=clothes),
        }

    def put(wording: str, shown: Mapping[str, str]) -> str:
        return re.sub(r"\{(\w+)\}", lambda match: shown[match[1]], wording)

    wording = translations.put(notice.source(medium, "text"), language=language, n=n)
    plain = dressed(dress.plain(languages.direction(language)))
    if medium == "sms":
        return segments.tidy(put(wording, plain))
    footer = translations.put(phrases.source("message", "mandatory_footer"), language=language)
    return put(wording, plain) + "\n\n-- \n" + put(footer, plain)


@hypothesis_given(
    st.lists(NAMES, min_size=1, max_size=6),
    st.dates(datetime.date(2020, 1, 1), datetime.date(2040, 1, 1)),
    st.sampled_from(["en", "pl", "ur"]),
    st.sampled_from(["sms", "email"]),
)
@settings(deadline=None)
def test_the_prepared_way_gives_what_the_plain_way_gives(
    names: list[str], day: datetime.date, language: str, medium: str
) -> None:
    filled: Values = {"school": "Oak & Elm", "school_phone": "0113 496 0123", "children": names, "date": str(day)}
    prepared = words.prepare("absence_check", language=language, medium=medium).fill(filled)
    assert prepared.text == plainly("absence_check", language, medium, filled, n=len(names))
