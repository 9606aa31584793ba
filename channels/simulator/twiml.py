"""TwiML: the few verbs that a school's calls are made of, read strictly.

Source: twilio.com/docs/voice/twiml. What is not known here is refused, so that a gateway cannot lean on it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from xml.etree import ElementTree as ET

VERBS = {
    "Say": {"voice", "language", "loop"},
    "Play": {"loop", "digits"},
    "Pause": {"length"},
    "Gather": {
        "action",
        "method",
        "timeout",
        "numDigits",
        "finishOnKey",
        "actionOnEmptyResult",
        "input",
        "language",
    },
    "Record": {
        "action",
        "method",
        "timeout",
        "finishOnKey",
        "maxLength",
        "playBeep",
        "trim",
        "recordingStatusCallback",
        "recordingStatusCallbackMethod",
        "recordingStatusCallbackEvent",
    },
    "Dial": {"action", "method", "timeout", "callerId"},
    "Redirect": {"method"},
    "Hangup": set[str](),
    "Reject": {"reason"},
}
NESTED = frozenset({"Say", "Play", "Pause"})


class BadTwiml(ValueError):
    """A document that Twilio, or the simulator, would not understand; ``str()`` says why."""


@dataclass(frozen=True, slots=True)
class Verb:
    """One instruction. ``inside`` are the verbs nested in a Gather."""

    name: str
    text: str = ""
    attributes: dict[str, str] = field(default_factory=dict)
    inside: tuple[Verb, ...] = ()

    def get(self, name: str, otherwise: str = "") -> str:
        """An attribute's value."""
        return self.attributes.get(name, otherwise)

    def number(self, name: str, otherwise: float) -> float:
        """An attribute's value as a number. Raises :class:`BadTwiml` if it is none."""
        value = self.attributes.get(name)
        if value is None or value == "auto":
            return otherwise
        try:
            return float(value)
        except ValueError as problem:
            raise BadTwiml(f"{name} of {self.name} is {value!r}, which is no number") from problem


def parse(document: str) -> tuple[Verb, ...]:
    """Read a document. Raises :class:`BadTwiml` with a sentence where Twilio would report 12100 or 12200."""
    if "<!DOCTYPE" in document:  # entities can be declared nowhere else
        raise BadTwiml("The document has a DOCTYPE, which TwiML has no use for")
    try:
        # From our own gateway, and without a DOCTYPE there are no entities.
        root = ET.fromstring(document)  # noqa: S314  # nosec B314
    except ET.ParseError as problem:
        raise BadTwiml(f"The document is not XML: {problem}") from problem
    if root.tag != "Response":
        raise BadTwiml(f"The document begins with {root.tag}, not with Response")
    return tuple(_read(element) for element in root)


def _read(element: ET.Element, *, nested: bool = False) -> Verb:
    name = element.tag
    if name not in VERBS or (nested and name not in NESTED):
        raise BadTwiml(f"The verb {name} is not known to the practice phones")
    strange = set(element.attrib) - VERBS[name]
    if strange:
        raise BadTwiml(f"{name} has no attribute {', '.join(sorted(strange))}")
    if name == "Gather":
        inside = tuple(_read(child, nested=True) for child in element)
        return Verb(name, "", dict(element.attrib), inside)
    text = "".join(element.itertext()).strip()
    return Verb(name, " ".join(text.split()), dict(element.attrib))
