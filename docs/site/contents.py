"""What stands where in the menu. A page that stands nowhere fails the build."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

#: Headings, and the pages below them: first by reader, then by subject, then to look things up.
GROUPS: Final = MappingProxyType(
    {
        "What do you want to do?": ("for-the-office", "for-teachers", "for-the-safeguarding-lead", "for-it"),
        "Children and families": (
            "absence", "emergency", "good-news", "replies", "desk", "phone-line", "events", "surveys", "preferences",
            "fresh-details", "letters", "reports",
        ),
        "Words and languages": ("words", "languages-and-voices", "languages", "translating", "wordings"),
        "Running it": (
            "operations", "going-live", "monitoring", "upgrading", "imports", "mail", "campaigns", "signing-in",
            "security", "data-protection", "trust", "scaling",
        ),
        "To look up": ("settings", "commands", "definitions", "metrics", "provider-codes", "api", "glossary"),
        "How it is built": ("how-it-works", "pages", "reading", "benchmarks", "reliability", "decisions/index"),
    }
)  # fmt: skip
#: Whose tasks stand on the front page.
GUIDES: Final = GROUPS["What do you want to do?"]
