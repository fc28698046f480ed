"""Starting, watching and ending processes: the only package that imports subprocess."""
