"""Judges snapshots and changes: one file per subject, all ids in one table (table.py)."""
