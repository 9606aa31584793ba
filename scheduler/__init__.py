"""Time: when a rule fires, when people may be disturbed, and the ticker that wakes the gateway."""
