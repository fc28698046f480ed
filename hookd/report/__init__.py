"""Sinks: they fold results into bytes and decide nothing."""
