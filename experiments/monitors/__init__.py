"""One sequential method per file."""
