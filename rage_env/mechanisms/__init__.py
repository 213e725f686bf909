"""One causal mechanism per file; the file name is its name."""
