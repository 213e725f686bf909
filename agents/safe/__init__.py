"""What `safe_exploration` is made of: rare late cases, evidence for a bound, a quota, and guardrails kept on them."""
