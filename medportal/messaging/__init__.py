"""TOLD: event rows, signals to browsers, the one socket consumer, and work sent to workers by name."""
