"""TRUSTED: models, versions, packages on disk, promotion."""
