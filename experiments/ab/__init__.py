"""Mode `ab`: one population shared out among agents, watched week by week, and verdicts marked by the truth."""
