"""How often intervals hold the truth: fresh populations, held against the value of the superpopulation."""
