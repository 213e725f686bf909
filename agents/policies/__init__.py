"""One agent per file; the file name is its name everywhere."""
