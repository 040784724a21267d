"""CHOSEN: named, versioned selections of series with labels and patient-level splits."""
