"""The side of AWS: what its agent on this machine knows of a run, read from files and processes."""
