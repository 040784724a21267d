"""LEARNT: a training run of a recipe on a cohort."""
