"""What stands in a telephone cell and is no telephone number: notes beside it, and things in its place."""

from __future__ import annotations

import re

from gateway.errors import Problem

_AGAIN = "Export again with the column formatted as text, and without opening the file in Excel."
_ELSEWHERE = "Put it into a column of its own, and a telephone number here."
_ASK = "Check it with the family and correct it in the school's records."

_MONTH = r"(?:jan|feb|mar|apr|may|june?|july?|aug|sep|sept|oct|nov|dec)[a-z]*"
_TIME = r"(?:[\ T]+\d{1,2}:\d\d(?::\d\d(?:\.\d+)?)?(?:\ ?[ap]m)?Z?)?"
_DATE = rf"""
    (?<![\w+(./\-]) (?:
        (?:0?[1-9]|[12]\d|3[01]) (?P<a>[./\-]) (?:0?[1-9]|[12]\d|3[01]) (?P=a) (?:19|20)?\d\d
      | (?:19|20)\d\d (?P<b>[./\-]) (?:0?[1-9]|1[0-2]) (?P=b) (?:0?[1-9]|[12]\d|3[01])
      | (?:0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th)? [\s\-]* {_MONTH} [\s\-,]* (?:19|20)?\d\d
      | {_MONTH} \s* (?:0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th)? [\s\-,]+ (?:19|20)\d\d
    ) {_TIME} (?![\w/] | [.\-]\d)
"""

#: Things that are taken for no number wherever they stand in a cell; what stands beside them may still be one.
LOOKS: tuple[tuple[re.Pattern[str], Problem], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE | re.VERBOSE), Problem(what, cure))
    for pattern, what, cure in (
        (
            r"(?<![\w.,]) \d (?:[.,]\d+)? \s? E \s? [+\-]? \d{1,2} (?!\w)",
            "A spreadsheet has shortened this telephone number and lost its digits.",
            _AGAIN,
        ),
        (r"[^\s/,;|&<>]* @ [^\s/,;|&<>]*", "This looks like an email address.", _ELSEWHERE),
        (r"(?:https?://|www\.) \S+", "This looks like a web address.", _ELSEWHERE),
        (r"(?<!\w) [a-z] \d{11} [a-z\d] (?!\w)", "This looks like a pupil's UPN.", _ELSEWHERE),
        (
            r"(?<!\w) [a-z]{1,2} \d [a-z\d]? [ ]? \d [a-z]{2} (?!\w)",
            "This looks like a postcode.",
            _ELSEWHERE,
        ),
        (
            r"""(?: [£$€¥] | \b(?:gbp|eur|usd)\b ) \s* [\d,]+ (?:\.\d+)?
              | (?<![\w.])(?<!\d\s) \d{1,5} (?:\.\d\d)? \s? (?: [£$€¥] | (?:p|pence|pounds?|gbp|euros?)\b(?!\.) )""",
            "This looks like an amount of money.",
            _ELSEWHERE,
        ),
        (_DATE, "This looks like a date.", _ELSEWHERE),
    )
)

#: The same, where the cell holds nothing else.
WHOLE: tuple[tuple[re.Pattern[str], Problem], ...] = tuple(
    (re.compile(pattern), Problem(what, cure))
    for pattern, what, cure in (
        (r"#.*", "The spreadsheet shows an error here instead of what stood in the cell.", _AGAIN),
        (
            r"[1-9]\d{4,6}0{5,}",
            "This number ends in so many noughts that a spreadsheet has probably lost its digits.",
            _AGAIN + " If the number is right, write it with its first nought and a space.",
        ),
        (r"\d{1,4}\.\d\d", "This looks like an amount of money.", _ELSEWHERE),
        (r"[1-9]\d*\.\d+", "This is a number with a decimal point, as a spreadsheet makes them.", _AGAIN),
        (r"[-−][1-9][\d.,]*", "This is a negative number, as a spreadsheet makes them.", _AGAIN),
        (r"\d{1,3}(?:,\d{3})+(?:\.\d+)?", "This looks like an amount, with commas between its digits.", _AGAIN),
        (r"\d{1,2}:\d\d(?::\d\d)?", "This looks like a time of day.", _ELSEWHERE),
    )
)

_HOUR = r"\d{1,2}(?:[:.]\d\d)?"
_OCLOCK = r"(?:am|pm|a\.m\.?|p\.m\.?|noon|o'?clock|hrs?|hours?)"
_DAY = r"(?:mon|tues?|wed|thur?s?|fri|sat|sun|daily|weekdays?|term)[a-z]*"
#: From one hour to another, with nothing to say that they are hours: in brackets, or after days, nothing else is so.
_CLOCK = r"(?:[01]?\d|2[0-3])(?:[:.]?[0-5]\d)?"
_SPAN = rf"{_CLOCK}\s*(?:-|to|til|till|until)\s*{_CLOCK}"
_ALONE = r"(?!\d|[\s.\-()/,;]*[1-9])"  #: no digits follow that may belong to it; a number with its 0 or + may
_LATER = rf"(?![\s.\-()]*\d){_ALONE}"  #: no digits follow at all
_DATED = re.compile(rf"\b (?:from|until|till|since|new|updated|changed|as\ of) \s+ {_DATE}", re.IGNORECASE | re.VERBOSE)
#: Digits that belong to a note and never to a number.
_NOTES = re.compile(
    rf"""
    (?<![a-z]) (?:ext(?:ensions?|n)?|x|opt(?:ion)?|press|room|rm|flat|pin|code) [\s.:=\#]* \d{{1,6}} {_ALONE}
  | (?<!\d) \#\d{{1,6}} {_ALONE}
  | (?<![\d.+]) (?<!\d[\-(]) {_HOUR} \s* (?:{_OCLOCK})? \s* (?:-|to|til|till|until|and) \s*
        {_HOUR} \s? {_OCLOCK} (?![a-z])
  | (?<![\d.+]) (?<!\d[\-(]) {_HOUR} \s? {_OCLOCK} (?![a-z])
  | (?<!\d) (?:\(|\b{_DAY}) [\sa-z.,:\-]* (?<![\d.]) {_SPAN} [\sa-z.,:\-]* \)? {_LATER}
  | \b (?:after|before|from|until|till?|by|at|between|past) \s+ {_HOUR}
        (?: \s* (?:-|to|and) \s* {_HOUR})? {_LATER}
  | (?<!\d) \d{{1,2}}:\d\d (?!\d)
  | (?<!\d) 24/7 (?!\d)
  | (?<!\d) \d{{1,2}}(?:st|nd|rd|th)\b
  | (?<=[a-z]{{2}}) (?<!\bor) (?<!\band) \s? \d{{1,2}} {_LATER}
  | (?<![a-z\d]) (?:year|yr|age[d]?) \s? \d{{1,2}} {_LATER}
  | (?:^|(?<=[\n;,/\s])) \(?[1-9][).:] \s+ (?=\D*[+0])
  | (?<=[a-z]{{2}}) [1-9] (?=\s+\(?[+0])
  | (?<=[a-z]) \s? [1-9] \s* (?:[:=)]|\s-\s) \s* (?=\(?[+0])
    """,
    re.IGNORECASE | re.VERBOSE,
)
_BRACKETED = re.compile(r"\([^()\d]*\)|\[[^\[\]\d]*\]")
# Private characters stand in for what must not be read, so that the note can still be shown as it was.
_HIDDEN = dict(zip(map(ord, "0123456789/,;|&"), map(chr, range(0xE000, 0xE00F)), strict=True))
_SHOWN = {ord(hidden): chr(shown) for shown, hidden in _HIDDEN.items()}

# Eyes and keyboards mistake these for nought and one.
LETTERS_FOR_DIGITS = re.compile(
    r"(?<![^\W\d_])[OoIlQ]+(?=[\s().\-]*[+\d])|(?<=\d)[\s().\-]*[OoIlQ]+(?![^\W\d_])", re.ASCII
)

_RETIRED = re.compile(
    r"""\b(?: (?<!year\ )(?<!yr\ )old | wrong | incorrect | disconnected | ceased | invalid | unobtainable | no\ longer
      | defunct | expired | inactive | cancelled | stolen | dnu | dnc | previous | prev | former(?:ly)?
      | dead | deceased | died | rip | r\.i\.p
      | out\ of\ (?:use|service|order)
      | (?:number|no|phone)\.?\ (?:has\ )?changed
      | not\ (?:in\ use|working|used|valid|current|his|hers?|theirs|this\ contact) | no\ contact
      | (?:do\ not|don'?t|never|must\ not|mustn'?t|should\ not|not\ to)
        \ (?:under\ any\ circumstances\ )?(?:be\ )?(?:(?:text|sms)\ (?:or|nor|and)\ )?
        (?:used?|(?:call|ring|rung|phone|contact)(?:ed)?(?!\ (?:before|after|at|during|until|on|in)\b))
      | court\ order | injunction | restraining\ order | non-?\ ?mol(?:estation)? | prohibited\ steps | barred
    )\b | \b was \s* $""",
    re.IGNORECASE | re.VERBOSE,
)
_DOUBTED = re.compile(r"\?|\b(?:unsure|not sure|unconfirmed|to be confirmed|tbc)\b", re.IGNORECASE)
_FAX = re.compile(r"\bfax\b", re.IGNORECASE)
_NO_TEXTS = re.compile(
    r"\b(?:no|not?\s+for|do\s+not|don'?t|never|cannot|can'?t)\s+(?:send\s+|take\s+|receive\s+)?(?:text|texts|texting|sms)\b"
    r"|\b(?:calls?|voice)\s+only\b",
    re.IGNORECASE,
)

_SHORT = {
    "h": "home", "hm": "home", "w": "work", "wk": "work", "m": "mobile", "mob": "mobile",
    **{word: word for word in ("home", "work", "mobile")},
    **dict.fromkeys(("t", "tel", "telephone", "phone", "no", "number", "n"), ""),
}  # fmt: skip


_PLACES = {
    "work": frozenset({"work", "wk", "office", "job", "daytime"}),
    "home": frozenset({"home", "house", "landline"}),
    "mobile": frozenset({"mobile", "mob", "cell"}),
}


def strangers(text: str) -> tuple[str, list[Problem]]:
    """Take out what only looks like a number, and say what it is. A date that says since when is a note."""
    text, problems = _DATED.sub(_hidden, text), []
    for pattern, problem in LOOKS:
        text, found = pattern.subn(" ; ", text)
        problems += [problem] if found else []
    return text, problems


def hide(text: str) -> str:
    """Make the digits of notes (hours, extensions, numbering) and what stands in brackets unreadable for a while."""
    return _BRACKETED.sub(_hidden, _NOTES.sub(_hidden, text))


def label(text: str) -> str:
    """The note as it stood in the cell, tidied; ``H``, ``W`` and ``M`` written out."""
    text = re.sub(r"\s+", " ", text.translate(_SHOWN)).strip(" ()[]{}<>-–:;,./|=&+\"'*_")
    text = re.sub(r"^(?:or|and)\b\s*|\s*\b(?:or|and)$", "", text, flags=re.IGNORECASE).strip(" :-")
    text = _SHORT.get(text.casefold(), text)
    return text if any(map(str.isalpha, text)) or re.search(r"\d\D+\d|#\d", text) else ""


def place(note: str) -> str:
    """Which telephone the note says it is: ``mobile``, ``home`` or ``work``, else ``""``."""
    words = set(re.findall(r"[a-z]+", note.casefold()))
    return next((name for name, spellings in _PLACES.items() if words & spellings), "")


def objection(note: str) -> Problem | None:
    """Why a number with this note is not taken, if it is not."""
    if _FAX.search(note):
        return Problem("The note beside this number says that it is a fax.", "Remove it from the telephone numbers.")
    if _RETIRED.search(note):
        return Problem(
            "The note beside this number says that it is not to be used.",
            "Remove the number from the school's records, or the note if it is out of date.",
        )
    if _DOUBTED.search(note):
        return Problem("The note beside this number says that it is not certain.", _ASK)
    return None


def no_texts(note: str) -> bool:
    """Whether the note says that the number is for calls only."""
    return _NO_TEXTS.search(note) is not None


def _hidden(found: re.Match[str]) -> str:
    return found[0].translate(_HIDDEN)
