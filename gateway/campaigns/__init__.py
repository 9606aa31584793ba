"""Campaigns: notices that go out again and again, or by their distance from a date. Each firing happens once."""
