"""The soak: a gateway at a trust's load for an hour, and whether it is then as it was."""
