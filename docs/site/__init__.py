"""The site: every page of ``docs/`` as one folder of files that a browser opens, with a search and without a server."""
