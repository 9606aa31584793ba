"""LibreTranslate and DeepL on a real wire: what is asked, what comes back, and every way in which it can fail."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from support.translators import KEY, Service, backwards

from channels.translators import base
from channels.translators.base import NotTranslated, Trouble
from channels.translators.deepl import DeepL
from channels.translators.libretranslate import LibreTranslate

#: Ours, with signs in it that mean something in HTML and XML.
BRING = ("Bring ", 0, " & <water> for ", 1, ".")


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with Service.listening() as here:
        yield here


def libre(service: Service, seconds: float = 5) -> LibreTranslate:
    return LibreTranslate(service.url, key=KEY, seconds=seconds)


def deepl(service: Service, seconds: float = 5) -> DeepL:
    return DeepL(service.url, key=KEY, seconds=seconds)


both = pytest.mark.parametrize("of", [libre, deepl])


@both
async def test_marks_come_back_at_their_places_and_signs_stay_signs(service: Service, of: type) -> None:
    answers = await of(service).translate([BRING], source="en", target="pl")
    assert answers == [("PL: Bring ", 0, " & <water> for ", 1, ".")]
    service.says = backwards
    [answer] = await of(service).translate([BRING], source="en", target="pl")
    assert [piece for piece in answer if isinstance(piece, int)] == [1, 0]


@both
async def test_what_no_file_and_no_database_takes_is_taken_out(service: Service, of: type) -> None:
    service.says = lambda _words, _target: "\x00A\ud800B\u202e\x1b[2J"
    assert await of(service).translate([("Hi.",)], source="en", target="pl") == [("AB[2J",)]


async def test_what_libretranslate_is_asked(service: Service) -> None:
    translator = libre(service)
    texts = [(f"Sentence {number}.",) for number in range(45)]
    answers = await translator.translate(texts, source="en", target="pt-PT", context="Read along.")
    assert answers == [(f"PT: Sentence {number}.",) for number in range(45)]
    await translator.translate([("Again.",)], source="", target="zh-Hans")
    assert [len(one["q"]) for one in service.heard] == [20, 20, 5, 1]
    assert service.heard[0] | {"q": []} == {"q": [], "source": "en", "target": "pt", "format": "html", "api_key": KEY}
    assert service.heard[3]["source"] == "auto"
    assert service.asked_for_languages == 1
    assert "Read along" not in service.words


async def test_what_deepl_is_asked(service: Service) -> None:
    await deepl(service).translate([BRING], source="pt-PT", target="en", context="Read along.")
    assert service.heard == [
        {
            "text": ['Bring <m id="0"/> &amp; &lt;water&gt; for <m id="1"/>.'],
            "source_lang": "PT",
            "target_lang": "EN-GB",
            "context": "Read along.",
            "tag_handling": "xml",
            "tag_handling_version": "v2",
            "split_sentences": "nonewlines",
        }
    ]
    await deepl(service).translate([("Hi.",)], source="", target="pt-PT")
    assert "source_lang" not in service.heard[1]
    assert service.heard[1]["target_lang"] == "PT-PT"


@both
async def test_a_language_that_it_has_not_is_known_before_a_word_leaves(service: Service, of: type) -> None:
    assert await of(service).reach(["pl", "so", "pt-PT", "pa-Arab"]) == {"pl", "pt-PT"}
    with pytest.raises(NotTranslated, match="does not translate into “so”") as caught:
        await of(service).translate([BRING], source="en", target="so")
    assert caught.value.trouble is Trouble.LANGUAGE
    assert service.heard == []


@both
@pytest.mark.parametrize(
    ("status", "body", "trouble"),
    [
        (403, '{"error": "Invalid API key"}', Trouble.AUTH),
        (429, '{"error": "Slowdown"}', Trouble.RATE),
        (413, "", Trouble.TOO_LONG),
        (500, '{"error": "Cannot translate text: SECRET"}', Trouble.SERVICE),
        (400, '{"error": "SECRET"}', Trouble.SERVICE),
        (307, "", Trouble.UNREACHABLE),
        (200, "<html>SECRET</html>", Trouble.GARBAGE),
        (200, '{"translatedText": ["one", "two"], "translations": [{"text": 1}]}', Trouble.GARBAGE),
        (200, "[]", Trouble.GARBAGE),
        (200, "7" * 3_000_000, Trouble.GARBAGE),
    ],
)
async def test_every_refusal_is_a_sentence(
    service: Service, of: type, status: int, body: str, trouble: Trouble
) -> None:
    translator = of(service)
    await translator.reach([])
    service.status, service.body = status, body
    with pytest.raises(NotTranslated) as caught:
        await translator.translate([("SECRET words.",)], source="en", target="pl")
    assert caught.value.trouble is trouble
    assert str(caught.value).endswith(".")
    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize(
    ("said", "trouble"),
    [
        ("Please contact the server operator to get an API key", Trouble.AUTH),
        ("Invalid request: request (5000) exceeds text limit (2000)", Trouble.TOO_LONG),
        ("Polish (pl) is not available as a target language from English (en)", Trouble.LANGUAGE),
    ],
)
async def test_libretranslate_says_everything_with_400(service: Service, said: str, trouble: Trouble) -> None:
    service.status, service.body = 400, f'{{"error": "{said}"}}'
    with pytest.raises(NotTranslated) as caught:
        await libre(service).translate([BRING], source="en", target="pl")
    assert caught.value.trouble is trouble


async def test_deepl_says_when_the_month_is_used_up(service: Service) -> None:
    service.status = 456
    with pytest.raises(NotTranslated, match="used up") as caught:
        await deepl(service).translate([BRING], source="en", target="pl")
    assert caught.value.trouble is Trouble.QUOTA
    assert caught.value.trouble.lasting


async def test_a_wrong_key_is_no_language(service: Service) -> None:
    with pytest.raises(NotTranslated, match=r"translation\.key") as caught:
        await DeepL(service.url, key="wrong", seconds=5).translate([BRING], source="en", target="pl")
    assert caught.value.trouble is Trouble.AUTH


@both
async def test_nobody_waits_for_ever(service: Service, of: type) -> None:
    service.silent = True
    with pytest.raises(NotTranslated, match="did not answer in time"):
        await of(service, 0.2).translate([BRING], source="en", target="pl")


async def test_nobody_there(unused_tcp_port: int) -> None:
    translator = LibreTranslate(f"http://127.0.0.1:{unused_tcp_port}", key="", seconds=5)
    with pytest.raises(NotTranslated, match="cannot be reached") as caught:
        await translator.translate([BRING], source="en", target="pl")
    assert caught.value.trouble is Trouble.UNREACHABLE


async def test_words_never_travel_openly() -> None:
    with pytest.raises(NotTranslated, match="https"):
        await LibreTranslate("http://translate.example", key="", seconds=5).reach(["pl"])


def test_a_language_in_another_script_is_another_language() -> None:
    assert base.code("pa-Arab", ["pa", "en"]) is None
    assert base.code("pa-Guru", ["pa", "en"]) == "pa"
    assert base.code("pt-BR", ["pt-PT", "pt-BR"]) == "pt-BR"
    assert base.code("zh-Hans", ["zh", "zh-Hant"]) == "zh"
