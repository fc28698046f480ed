"""Tries what admins expect of the running node; one file for each kind of expectation."""
