"""Settings: one frozen object out of a file, the environment and systemd credentials."""
