"""The languages of families: names, direction, and the many ways in which school records spell them.

The rows are those that English schools report (domain notes, section 4) and the commonest others. A language stands
here whether or not there is a translation yet: a family's language is worth knowing either way.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

Direction = Literal["ltr", "rtl"]

ENGLISH: Final = "en"


@dataclass(frozen=True, slots=True)
class Language:
    """One language.

    ``tag``        BCP 47
    ``english``    its name in English, ``own`` its name for itself
    ``locale``     what Babel knows it as, or None: then dates and lists are written the English way
    ``aliases``    further spellings, split by ``|``: ISO 639 codes, the DfE's codes, names in school records
    ``kin``        the tag of a language that its readers read as well, tried before English
    """

    tag: str
    english: str
    own: str
    locale: str | None
    aliases: str = ""
    direction: Direction = "ltr"
    kin: str = ""


LANGUAGES: Final = (
    Language("en", "English", "English", "en_GB", "eng|enb|believed to be english|first language english"),
    Language("ak", "Akan (Twi)", "Akan", "ak", "aka|twi|tw|fante|fat|twi fante|asante|akat|akaf"),
    Language("am", "Amharic", "አማርኛ", "am", "amh|amr"),
    Language("ar", "Arabic", "العربية", "ar", "ara|araa|arag|arai|aram|aras|aray", "rtl"),
    Language("bg", "Bulgarian", "Български", "bg", "bul"),
    Language("bn", "Bengali", "বাংলা", "bn", "ben|bng|bnga|bngc|bngs|bangla|sylheti|syl|syheti|chittagonian"),
    Language("ckb", "Kurdish (Sorani)", "کوردیی ناوەندی", "ckb", "sorani|central kurdish|kurs|kurdish sorani", "rtl"),
    Language("cs", "Czech", "Čeština", "cs", "ces|cze|czech republic"),
    Language("cy", "Welsh", "Cymraeg", "cy", "cym|wel|cymraeg"),
    Language("de", "German", "Deutsch", "de", "deu|ger"),
    Language("el", "Greek", "Ελληνικά", "el", "ell|gre|grea|grec|greek cypriot|modern greek"),
    Language("es", "Spanish", "Español", "es", "spa|castilian|espanol"),
    Language("fa", "Persian (Farsi, Dari)", "فارسی", "fa", "fas|per|prs|prsa|prsd|persian|farsi|dari|fa af", "rtl"),
    Language("fil", "Filipino (Tagalog)", "Filipino", "fil", "tl|tgl|tgl f|tagalog|filipino|pilipino"),
    Language("fr", "French", "Français", "fr", "fra|fre|frn|francais"),
    Language("gu", "Gujarati", "ગુજરાતી", "gu", "guj|gujerati|gujrati|gujarathi"),
    Language("hi", "Hindi", "हिन्दी", "hi", "hin|hindustani"),
    Language("hu", "Hungarian", "Magyar", "hu", "hun|magyar"),
    Language("ig", "Igbo", "Igbo", "ig", "ibo|igb|ibo igbo"),
    Language("it", "Italian", "Italiano", "it", "ita|itaa|itas"),
    Language("ku", "Kurdish (Kurmanji)", "Kurmancî", "ku", "kmr|kurm|kurmanji|kurmanci|northern kurdish"),
    Language("lt", "Lithuanian", "Lietuvių", "lt", "lit"),
    Language("lv", "Latvian", "Latviešu", "lv", "lav|ltv"),
    Language("ml", "Malayalam", "മലയാളം", "ml", "mal|mlm|malayalee"),
    Language("ne", "Nepali", "नेपाली", "ne", "nep|nepalese"),
    Language("nl", "Dutch", "Nederlands", "nl", "nld|dut|flemish|dutch flemish"),
    Language("pa-Arab", "Panjabi (Shahmukhi)", "پنجابی", "pa_Arab",
             "pnb|lah|pnja|pnjm|pnjp|mirpuri|pahari|pothwari|potwari|shahmukhi|western punjabi|panjabi mirpuri"
             "|punjabi mirpuri|panjabi pothwari|punjabi shahmukhi|panjabi pakistan|punjabi pakistan|pa pk", "rtl"),
    Language("pa-Guru", "Panjabi (Gurmukhi)", "ਪੰਜਾਬੀ", "pa_Guru",
             "pa|pan|pun|pnj|pnjg|panjabi|punjabi|panjabi gurmukhi|punjabi gurmukhi|gurmukhi|penjabi|pa in"),
    Language("pl", "Polish", "Polski", "pl", "pol|polski"),
    Language("ps", "Pashto", "پښتو", "ps", "pus|pst|pashtu|pushto|pakhto|pukhto|pathan", "rtl"),
    Language("pt-BR", "Portuguese (Brazil)", "Português (Brasil)", "pt_BR", "porb|brazilian|brazilian portuguese",
             kin="pt-PT"),
    Language("pt-PT", "Portuguese", "Português", "pt_PT", "pt|por|pora|portugese|portugues|portuguese portugal"),
    Language("ro", "Romanian", "Română", "ro", "ron|rum|rmn|rmnr|rmnm|moldovan|moldavian|roumanian|rumanian"),
    Language("rom", "Romani", "Romani čhib", None, "rmy|rmi|rma|romany|roma|romanes|romani international"),
    Language("ru", "Russian", "Русский", "ru", "rus"),
    Language("si", "Sinhala", "සිංහල", "si", "sin|snh|sinhalese|singhalese"),
    Language("sk", "Slovak", "Slovenčina", "sk", "slk|slo|slovakian"),
    Language("so", "Somali", "Soomaali", "so", "som|soomaali|somalian"),
    Language("sq", "Albanian", "Shqip", "sq", "sqi|alb|shqip|albanian shqip"),
    Language("sw", "Swahili", "Kiswahili", "sw", "swa|swh|swab|swac|swak|swam|swat|kiswahili|swahili kiswahili"),
    Language("ta", "Tamil", "தமிழ்", "ta", "tam"),
    Language("te", "Telugu", "తెలుగు", "te", "tel"),
    Language("ti", "Tigrinya", "ትግርኛ", "ti", "tir|tgr|tigrigna|tigrinia"),
    Language("tr", "Turkish", "Türkçe", "tr", "tur|turkish cypriot"),
    Language("uk", "Ukrainian", "Українська", "uk", "ukr"),
    Language("ur", "Urdu", "اردو", "ur", "urd", "rtl"),
    Language("vi", "Vietnamese", "Tiếng Việt", "vi", "vie"),
    Language("yo", "Yoruba", "Yorùbá", "yo", "yor"),
    Language("yue", "Chinese (Cantonese)", "廣東話", "yue", "chic|cantonese|zh hk|zh hant|zh tw|hong kong chinese"),
    Language("zh-Hans", "Chinese (Mandarin)", "中文", "zh_Hans",
             "zh|zho|chi|cmn|chim|mandarin|chinese|putonghua|zh cn|simplified chinese|chinese simplified"),
)  # fmt: skip


@cache
def table() -> dict[str, Language]:
    """Give the rows by tag."""
    return {language.tag: language for language in LANGUAGES}


def fallbacks(tag: str) -> tuple[str, ...]:
    """Give the tags to try, in order: the language, its base, what its readers read as well, English.

    A script is never left for another (``pa-Arab`` for ``pa-Guru``): half of its readers could not read it.
    """
    row = table().get(tag)
    kin = (row.kin,) if row and row.kin else ()
    return tuple(dict.fromkeys((tag, base(tag), *kin, ENGLISH)))


def base(tag: str) -> str:
    """Give the language without script and country: ``pt`` of ``pt-BR``."""
    return tag.replace("_", "-").partition("-")[0]


def english(tag: str) -> str:
    """Give the English name of a language, or the tag of one that is not in the table."""
    row = table().get(tag)
    return row.english if row else tag


def direction(tag: str) -> Direction:
    """Say which way the language is written; a tag that is not in the table counts as left to right."""
    row = table().get(tag) or table().get(base(tag))
    return row.direction if row else "ltr"


def match(text: str) -> str | None:
    """Find the tag for whatever stands in a school's records: a name, a code, an old spelling, ``Arabic (Iraq)``.

    None for what is no language (``Other than English``, ``Refused``) and for what may be two: ``Urdu/English``, or
    bare ``Kurdish``, written in two scripts of which half of its speakers cannot read each. A person has to say which.
    """
    names = _names()
    key = _key(text)
    if key in names:
        return names[key]
    outside = re.sub(r"\(.*?\)|[-_:].*", " ", text)
    found = {names.get(_key(piece)) for piece in re.split(r"[/,;&+]|\band\b|\bor\b", outside)}
    return found.pop() if len(found) == 1 else None


@cache
def _names() -> dict[str, str]:
    names: dict[str, str] = {}
    for row in LANGUAGES:
        for spelling in (row.tag, row.english, row.own, *row.aliases.split("|")):
            key = _key(spelling)
            if key and names.setdefault(key, row.tag) != row.tag:
                raise ValueError(f'The language table gives "{spelling}" to both {names[key]} and {row.tag}.')
    return names


def _key(text: str) -> str:
    """Fold case, Latin accents and punctuation: ``Português (Brasil)`` -> ``portugues brasil``."""
    folded = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(" " if not (c.isalnum() or unicodedata.category(c) == "Mc") else c
                   for c in folded if unicodedata.category(c) != "Mn")  # fmt: skip
    return " ".join(bare.split())
