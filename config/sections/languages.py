"""Languages, and the service that drafts words in them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr

from config import values


class Languages(values.Section):
    """Translations."""

    allow_drafts: bool = Field(default=False, description="Send translations that no person has reviewed yet")
    fold_accents: Annotated[tuple[values.LanguageTag, ...], values.Listed] = Field(
        default=(), description="Languages texted without accents, such as pl, where that saves a part: Prosze"
    )
    folder: Path | None = Field(
        default=None,
        description="Folder of the school's own translations, laid over ours (docs/languages.md); "
        "empty: words in database.state_dir",
    )
    instead: Annotated[tuple[values.LanguagesInstead, ...], values.Listed] = Field(
        default=(),
        description="What comes before English where there are no words in a family's language and it named no second "
        "one, such as “ps: fa ur”. There is no list of ours: which languages are near is for your families to say",
    )

    def chosen_instead(self) -> dict[str, tuple[str, ...]]:
        """Give the school's own choices: language on file -> the languages to try."""
        return {tag.strip(): tuple(tags.split()) for tag, _, tags in (one.partition(":") for one in self.instead)}


class Translation(values.Section):
    """A service that drafts translations of the school's own words, which leave the school for it.

    What they are, and what never leaves, says docs/translating.md.
    """

    service: Literal["off", "libretranslate", "deepl"] = Field(
        default="off", description="libretranslate: a server that speaks LibreTranslate's API; deepl; off: none"
    )
    url: values.WebAddress = Field(default="", description="Where it answers; empty: DeepL's own address")
    key: SecretStr = Field(default=values.NO_SECRET, description="The key that it asks for")
    pence_per_million_characters: float = Field(
        default=0.0,
        ge=0,
        le=1_000_000,
        description="What it charges, for the cost that is shown before anything is sent",
    )
    timeout_s: float = Field(default=30.0, gt=0, le=300, description="Patience for an answer, in seconds")
    glossary: Path | None = Field(
        default=None, description="The school's own terms and how each language puts them, a .toml file"
    )
    replies: bool = Field(
        default=False,
        description="Send it what families answer in other languages too, for an English gist; that is personal data",
    )
