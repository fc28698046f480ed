"""The lab: real machines, booted in containers, that hookd runs phases on."""
