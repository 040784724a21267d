"""MARKED: labels and results, by people and by models."""
