"""Data sets as others lay them out on disk, read as one kind of item each with its target; knows no database."""
