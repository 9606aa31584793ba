"""Words: (notice key, language, values, medium) -> text. Knows no person, no provider and no table."""
