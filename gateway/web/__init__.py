"""The web: the providers' webhooks, the unsubscribe and office pages, health, and the JSON API, in one application."""
