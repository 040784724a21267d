"""WIRING: settings, routes, ASGI, Celery and the supervisor; the only place that knows every room."""
