"""Real counterparts for the tests: databases, processes, a school to talk to."""
