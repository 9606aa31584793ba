"""What a voice is given to read: dates, times and numbers in each language."""

from __future__ import annotations

import datetime

import pytest

from templates import calls, formats, languages, line, spoken, words

DAY, FIRST = datetime.date(2025, 11, 3), datetime.date(2025, 12, 1)
MORNING, HOUR, AFTERNOON = datetime.time(8, 45), datetime.time(9), datetime.time(15, 30)


@pytest.mark.parametrize(
    ("tag", "day", "first", "morning", "hour", "afternoon"),
    [
        ("en", "Monday the 3rd of November", "Monday the 1st of December",
         "8:45 in the morning", "9 in the morning", "3:30 in the afternoon"),
        ("cy", "Dydd Llun, 3 Tachwedd", "Dydd Llun, 1 Rhagfyr", "8:45", "9:00", "15:30"),
        ("pa-Guru", "ਸੋਮਵਾਰ, 3 ਨਵੰਬਰ", "ਸੋਮਵਾਰ, 1 ਦਸੰਬਰ", "8:45 ਸਵੇਰੇ", "9 ਸਵੇਰੇ", "3:30 ਦੁਪਹਿਰੇ"),
        ("pl", "poniedziałek, 3 listopada", "poniedziałek, 1 grudnia", "8:45", "9:00", "15:30"),
        ("ro", "luni, 3 noiembrie", "luni, 1 decembrie", "8:45", "9:00", "15:30"),
        ("bn", "সোমবার 3 নভেম্বর", "সোমবার 1 ডিসেম্বর", "8:45 সকাল", "9 সকাল", "3:30 দুপুর"),
        ("ar", "الاثنين، 3 نوفمبر", "الاثنين، 1 ديسمبر", "8:45 صباحًا", "9 صباحًا", "3:30 بعد الظهر"),
        ("pt-PT", "segunda-feira, 3 de novembro", "segunda-feira, 1 de dezembro", "8:45", "9:00", "15:30"),
        ("pt-BR", "segunda-feira, 3 de novembro", "segunda-feira, 1º de dezembro", "8:45", "9:00", "15:30"),
        ("gu", "સોમવાર, 3 નવેમ્બર", "સોમવાર, 1 ડિસેમ્બર", "8:45 સવારે", "9 સવારે", "3:30 બપોરે"),
        ("ta", "நவம்பர் 3, திங்கள்", "டிசம்பர் 1, திங்கள்", "காலை 8:45", "காலை 9", "பிற்பகல் 3:30"),
        ("es", "lunes, 3 de noviembre", "lunes, 1 de diciembre", "8:45", "9:00", "15:30"),
        ("fr", "lundi 3 novembre", "lundi 1er décembre", "8:45", "9:00", "15:30"),
        ("lt", "lapkričio 3 diena, pirmadienis", "gruodžio 1 diena, pirmadienis", "8:45", "9:00", "15:30"),
        ("tr", "3 Kasım Pazartesi", "1 Aralık Pazartesi", "8:45", "9:00", "15:30"),
        ("it", "lunedì 3 novembre", "lunedì 1º dicembre", "8:45", "9:00", "15:30"),
        ("uk", "понеділок, 3 листопада", "понеділок, 1 грудня", "8:45", "9:00", "15:30"),
        ("zh-Hans", "11月3日星期一", "12月1日星期一", "8:45", "9:00", "15:30"),
        ("bg", "понеделник, 3 ноември", "понеделник, 1 декември", "8:45", "9:00", "15:30"),
        ("hu", "november 3., hétfő", "december 1., hétfő", "8:45", "9:00", "15:30"),
        ("hi", "सोमवार, 3 नवंबर", "सोमवार, 1 दिसंबर", "सुबह 8:45", "सुबह 9", "दोपहर 3:30"),
        # Recorded, not read: the clips are cut at these words.
        ("ur", "پیر، 3 نومبر", "پیر، 1 دسمبر", "8:45 صبح", "9 صبح", "3:30 دوپہر"),
        ("so", "Isniin, Noofeembar 3", "Isniin, Diseembar 1", "8:45", "9:00", "15:30"),
        ("sq", "e hënë, 3 nëntor", "e hënë, 1 dhjetor", "8:45 e mëngjesit", "9 e paradites", "3:30 e pasdites"),
        ("fa", "دوشنبه 3 نوامبر", "دوشنبه 1 دسامبر", "8:45", "9:00", "15:30"),
        # Babel has no words for the parts of the day in these.
        ("pa-Arab", "نومبر 3, پیر", "دسمبر 1, پیر", "8:45", "9:00", "15:30"),
    ],
)  # fmt: skip
def test_days_and_times_are_said(tag: str, day: str, first: str, morning: str, hour: str, afternoon: str) -> None:
    assert (spoken.date(DAY, tag), spoken.date(FIRST, tag)) == (day, first)
    assert [spoken.time(one, tag) for one in (MORNING, HOUR, AFTERNOON)] == [morning, hour, afternoon]


@pytest.mark.parametrize("tag", list(languages.table()))
def test_nothing_is_left_that_only_eyes_understand(tag: str) -> None:
    for hour in range(24):
        said = spoken.time(datetime.time(hour, 5), tag)
        assert not {"am", "pm", "AM", "PM", "ص", "م", "GH"} & set(said.replace(":", " ").split()), said
        assert not said.startswith("0") or hour == 0
    assert "." not in spoken.date(DAY, tag).replace("3.", "3")  # no short month or weekday
    assert spoken.number(12345, tag) == "12345"


def test_english_says_the_day_as_people_do() -> None:
    said = [spoken.date(datetime.date(2025, 11, day), "en") for day in (1, 2, 3, 4, 11, 12, 13, 21, 22, 23, 30)]
    endings = [one.split(" the ")[1].split(" of ")[0] for one in said]
    assert endings == ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "22nd", "23rd", "30th"]
    assert spoken.time(datetime.time(12), "en") == "midday"
    assert spoken.time(datetime.time(0), "en") == "midnight"


def test_a_call_says_what_a_text_writes() -> None:
    values = {"school": "Oakfield", "school_phone": "0113 496 0000", "date": FIRST, "reason": "the boiler has failed"}
    said = words.prepare("closure", language="en", medium="voice").fill(values).text
    assert "Monday the 1st of December" in said
    written = words.prepare("closure", language="en", medium="sms").fill(values).text
    assert "Monday 1 December" in written


def test_names_and_numbers_of_telephones_in_a_call() -> None:
    script = calls.call_script("en", school="St Mary's 1st School", school_phone="+44 113 496 0000", keys=())
    assert "St Mary's 1st School" in script.opening
    assert formats.digits("+44 113 496 0000") in script.fallback
    opens = datetime.datetime(2025, 11, 3, 8, 45)  # noqa: DTZ001 - the school's clock
    assert "Monday the 3rd of November, 8:45 in the morning" in line.say("closed", "en", opens=opens)
    assert line.say("child", "en", child="Ana 2nd", key="1") == "For Ana 2nd, press 1."
