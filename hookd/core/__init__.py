"""Pure functions of values: no files, no processes, no clock, no logging."""
