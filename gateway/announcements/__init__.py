"""Announcements to many families: written by the office, counted in families, followed until everybody knows."""
