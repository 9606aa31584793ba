"""Good news: praise a child in seconds, see it in each family's language, and look at the balance of good and bad.

``page``     a class as tiles, the longest wait first, and what is said of those who are ticked
``tiles``    the values of it: who has waited for how long, what is on its way, what families wrote back
``letters``  what each family would get
``balance``  good and bad by form and group, for whoever sees reports
"""

from __future__ import annotations

from starlette.routing import BaseRoute

from gateway.web.office import frame
from gateway.web.office.good_news import balance, page


def routes(pages: frame.Pages) -> list[BaseRoute]:
    """``/good-news`` and everything below."""
    return [*balance.routes(pages), *page.routes(pages)]
