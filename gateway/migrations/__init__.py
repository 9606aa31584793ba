"""The steps from one version's tables to the next (Alembic). ``gateway.migrate`` runs them, ``env`` says how."""
