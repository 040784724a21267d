"""How good a model is on a cohort's split: asked for, worked out, shown."""
