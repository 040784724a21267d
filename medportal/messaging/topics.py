"""Who may watch a topic: upper rooms register a rule for each prefix of topic names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

# Returns the right by which the user may watch (a role, say, or True), or something falsy. A socket whose right is
# no longer the one it subscribed with is closed.
MayWatch = Callable[[Any, str], Any]
_RULES: dict[str, MayWatch] = {}


def register(prefix: str, may_watch: MayWatch) -> None:
    """Let `may_watch(user, rest of the name)` decide on topics named `prefix:rest`."""
    _RULES[prefix] = may_watch


def right_to_watch(user: Any, topic: str) -> Any:
    """Return the right by which the user may watch the topic, or None; a topic of an unknown kind is nobody's."""
    prefix, _, rest = topic.partition(":")
    rule = _RULES.get(prefix)
    return (rule(user, rest) or None) if rule and rest else None


def may_watch(user: Any, topic: str) -> bool:
    """Say whether the user may watch the topic."""
    return right_to_watch(user, topic) is not None
