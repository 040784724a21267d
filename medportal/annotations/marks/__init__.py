"""Measurements, regions, arrows and key images: rows that people draw, change, delete and restore."""
