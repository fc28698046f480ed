"""The service: it owns the run, so that a caller's death loses nothing, and ends what was lost."""
