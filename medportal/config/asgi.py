"""The ASGI application: Django for HTTP, one consumer for the socket."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "medportal.config.settings")

from django.core.asgi import get_asgi_application

http = get_asgi_application()

# Rooms can be imported once Django is set up.
from channels.routing import ProtocolTypeRouter  # noqa: E402

from medportal.config.socket_entry import signed_in_by  # noqa: E402
from medportal.messaging.consumers import EventConsumer  # noqa: E402

Scope = dict[str, Any]
_events = EventConsumer.as_asgi()


async def websocket(scope: Scope, receive: Callable[..., Any], send: Callable[..., Any]) -> None:
    """Let in who shows a token, or the page's cookie from an allowed Origin; refuse others with HTTP 403."""
    signed_in = signed_in_by(scope) if scope["path"] == "/ws/" else None
    if signed_in is None:
        await send({"type": "websocket.close"})
        return
    await _events({**scope, "signed_in": signed_in}, receive, send)


async def lifespan(scope: Scope, receive: Callable[..., Any], send: Callable[..., Any]) -> None:  # noqa: ARG001
    """Answer the server's start and stop: nothing has to be made ready."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


application = ProtocolTypeRouter({"http": http, "websocket": websocket, "lifespan": lifespan})
