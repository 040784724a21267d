"""Segments that people draw on series: kept frame by frame as runs, with their history, never silently overwritten."""
