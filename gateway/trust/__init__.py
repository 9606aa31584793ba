"""A trust: several schools in one installation, each within its own walls, and the people who work at several."""
