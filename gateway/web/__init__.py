"""The web: webhooks of the providers, the unsubscribe page, health, and the JSON API, in one application."""
