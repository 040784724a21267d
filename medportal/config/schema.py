"""Adds the payloads of events to the OpenAPI document, so that the page's types have one source for both."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from django.apps import apps


def _events() -> dict[str, Any]:
    """Collect `EVENTS` of every room's serializers: event type → serializer of its data."""
    events: dict[str, Any] = {}
    for config in apps.get_app_configs():
        name = f"{config.name}.serializers"
        if config.name.startswith("medportal.") and find_spec(name):
            events |= getattr(import_module(name), "EVENTS", {})
    return events


def add_events(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:  # noqa: ARG001
    """Add a component for each event's payload, and `Events`, which maps event types to them."""
    schemas = result["components"].setdefault("schemas", {})
    view = next(iter(generator.endpoints or []), None)
    auto_schema = _auto_schema(generator)
    properties: dict[str, Any] = {}
    for type_, serializer in sorted(_events().items()):
        component = auto_schema.resolve_serializer(serializer(), "response")
        properties[type_] = component.ref
    if properties and view is not None:
        built = generator.registry.build({})
        schemas.update(built.get("schemas", {}))
        schemas["Events"] = {"type": "object", "properties": properties, "required": sorted(properties)}
    return result


def _auto_schema(generator: Any) -> Any:
    """Return an AutoSchema that writes into the generator's registry."""
    from drf_spectacular.openapi import AutoSchema
    from rest_framework.views import APIView

    view: Any = APIView()
    view.request = None
    auto_schema = AutoSchema()
    auto_schema.view = view
    auto_schema.registry = generator.registry
    auto_schema.method, auto_schema.path, auto_schema.path_prefix = "GET", "/", ""
    view.schema = auto_schema
    return auto_schema
