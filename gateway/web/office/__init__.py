"""The office's pages, for people: read-only, rendered here, without a script.

Until people sign in by name, whoever looks gives an API token as the password.
"""
