"""The support bundle: what of this machine and of hookd a report of a problem needs."""
