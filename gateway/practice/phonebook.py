"""Numbers and addresses that belong to nobody: Ofcom's numbers for drama and the example domains of RFC 2606."""

from __future__ import annotations

import unicodedata
from random import Random

#: No family has a mobile below 07700 900010 or above 07700 900899: those are the simulator's, and fail on purpose.
#: Nor one of the first ten landlines of an area, the school's own.
KEPT = 10
MOBILES = range(KEPT, 900)

#: Prefixes of Ofcom's drama landlines; three figures follow. https://www.ofcom.org.uk/…/numbers-for-drama
LANDLINES = (
    "0113 496 0", "0114 496 0", "0115 496 0", "0116 496 0", "0117 496 0", "0118 496 0", "0121 496 0", "0131 496 0",
    "0141 496 0", "0151 496 0", "0161 496 0", "020 7946 0", "0191 498 0",
)  # fmt: skip
AREA = LANDLINES[0]  #: Oakfield's own area: most families live near

DOMAINS = ("example.com", "example.org", "example.net")


class Phonebook:
    """Gives out each number and address once. There are only 890 mobiles: asking for more raises IndexError."""

    def __init__(self, rng: Random):
        self._rng = rng
        self._mobiles = rng.sample(MOBILES, len(MOBILES))
        self._landlines: set[str] = set()
        self._mailboxes: set[str] = set()

    def mobile(self) -> str:
        """A mobile number, written as people write theirs."""
        tail = f"{self._mobiles.pop():03}"
        shape = self._rng.choices(("07700 900{}", "07700900{}", "+44 7700 900{}", "07700-900-{}"), (70, 20, 7, 3))[0]
        return shape.format(tail)

    def landline(self) -> str:
        """A landline, four in five from the school's own area."""
        while True:
            prefix = AREA if self._rng.random() < 0.8 else self._rng.choice(LANDLINES)
            number = f"{prefix}{self._rng.randrange(KEPT, 1000):03}"
            if number not in self._landlines:
                self._landlines.add(number)
                return number

    def mailbox(self, forename: str, surname: str) -> str:
        """An email address made of a name, at a domain that receives nothing."""
        first, last = _ascii(forename), _ascii(surname)
        domain = self._rng.choice((*DOMAINS, f"{last}.family.example"))
        local, tries = f"{first}.{last}", 1
        while f"{local}@{domain}" in self._mailboxes:
            tries += 1
            local = f"{first}.{last}{tries}"
        self._mailboxes.add(f"{local}@{domain}")
        return f"{local}@{domain}"


def _ascii(name: str) -> str:
    """The name in plain letters: Łukasz becomes lukasz."""
    plain = unicodedata.normalize("NFKD", name.replace("ł", "l").replace("Ł", "L")).encode("ascii", "ignore").decode()
    return "".join(c for c in plain.lower() if c.isalnum())
