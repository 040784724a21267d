"""DURABLE: a job is a row, a lease and a log of its pieces; this room knows no kind of work."""
