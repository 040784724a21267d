"""ARRAYS: headers, frames, codecs, volumes, geometry, phantoms. No Django, no torch."""
