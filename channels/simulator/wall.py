"""What whoever shows the practice phones must know of their words."""

from __future__ import annotations

# Enough to choose a fitting font and line height; the languages of Latin script are left to the browser.
_SCRIPTS = (
    ("ٹڈڑںےہھگچپ", "ur"),
    ("ابتثجحخدذرزسشصضطظعغفقكلمنهوي", "ar"),
    ("ਅਆਇਕਖਗਘਚਜਟਡਤਦਨਪਬਮਯਰਲਵਸਹਾਿੀੁੂੇੈੋੌ", "pa"),
    ("அஆஇஈஉஎஏஐஒககசடதநபமயரலவழளறனாிீுூெேைொோ", "ta"),
    ("অআইউএকখগঘচছজটডতদনপবমযরলশসহািীুূেো", "bn"),
)


def guess_language(words: str) -> str:
    """The language tag that the letters tell, ``""`` where they do not."""
    return next((tag for letters, tag in _SCRIPTS if any(letter in letters for letter in words)), "")
