"""Absence: every child accounted for."""
