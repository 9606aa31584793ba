"""The wires: how a message leaves the house and how answers come back. Nothing here knows a pupil or a table."""
