"""Letters: for families whom nothing else reaches."""
