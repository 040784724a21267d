"""Loaded into a worker by tests: its turns are so short that those who wait need not be waited for."""

from __future__ import annotations

from medportal.jobs import turns

turns.TURN_S = 2.0
