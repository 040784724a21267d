"""RUN: a model version run on a series, and its results as they come."""
