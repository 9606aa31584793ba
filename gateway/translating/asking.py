"""One question to the translation service, counted. Nothing of the words is logged."""

from __future__ import annotations

from collections.abc import Sequence

from channels.translators import base
from gateway import context, errors

_PER = 1_000_000


def service(gateway: context.Gateway) -> base.Translator:
    """The service in use. Raises :class:`errors.NotReady` where the school has chosen none."""
    if gateway.translator is None:
        what = "No translation service is set, and nothing was sent anywhere."
        raise errors.NotReady(f"{what} Set translation.service: docs/translating.md says what would leave the school.")
    return gateway.translator


async def ask(
    gateway: context.Gateway, texts: Sequence[base.Marked], *, source: str, target: str, around: str = ""
) -> Sequence[base.Marked]:
    """Translate. Raises :class:`base.NotTranslated`, :class:`errors.NotReady`."""
    translator = service(gateway)
    if not texts:
        return []
    try:
        answers = await translator.translate(texts, source=source, target=target, context=around)
    except base.NotTranslated as error:
        gateway.metrics.translation_failures.labels(translator.name, error.trouble.value).inc()
        raise
    gateway.metrics.translated.labels(translator.name).inc(base.characters(texts))
    return answers


def pence(gateway: context.Gateway, characters: int) -> float:
    """What so many characters cost, as good as the figure in the settings."""
    return characters * gateway.settings.translation.pence_per_million_characters / _PER
