"""Is this machine ready to be patched with hooks? Examinations that change nothing."""
