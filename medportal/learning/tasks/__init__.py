"""Tasks: what each recipe does with samples, losses and figures; the loop knows none of it."""
