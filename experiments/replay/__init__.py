"""A decision log lived again under another policy: same people, same luck, same draws."""
