"""The documentation as a site: Markdown pages of this repository, and a reference made from code, by `make docs`."""
