"""Which hooks there are, whether they may be trusted, and what their metadata says."""
