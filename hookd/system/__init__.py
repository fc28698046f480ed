"""Adapters: the only room that touches Linux. They return records of core/ and judge nothing."""
