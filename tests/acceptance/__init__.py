"""What has to be true of a machine with the RPM, asked by testinfra over ssh or in the lab."""
