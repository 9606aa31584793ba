"""The service that drafts translations, by the settings."""

from __future__ import annotations

from channels.translators.base import Translator
from config.settings import Settings


def translator(settings: Settings) -> Translator | None:
    """The one that is set up. What only it needs is imported here, as most schools have none."""
    wanted = settings.translation
    key, seconds = wanted.key.get_secret_value(), wanted.timeout_s
    match wanted.service:
        case "libretranslate":
            from channels.translators.libretranslate import LibreTranslate

            return LibreTranslate(wanted.url, key=key, seconds=seconds)
        case "deepl":
            from channels.translators.deepl import DeepL

            return DeepL(wanted.url, key=key, seconds=seconds)
        case "off":
            return None
