"""What the machine says about its packages: one file per source."""
