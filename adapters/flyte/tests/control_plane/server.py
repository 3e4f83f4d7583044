"""
What uvicorn runs: the services under their own paths. There is no image service, as in the open-source backend, but for
flyteplugins-hitl, which asks for an image before each first question and gets no further without one.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from flyteidl2.actions.actions_service_connect import ActionsServiceASGIApplication
from flyteidl2.app.app_service_connect import AppServiceASGIApplication
from flyteidl2.cluster.service_connect import ClusterServiceASGIApplication
from flyteidl2.imagebuilder.service_connect import ImageServiceASGIApplication
from flyteidl2.workflow.run_service_connect import RunServiceASGIApplication

from .book import Book
from .services import Actions, Apps, Clusters, Images, Runs


def make_app() -> Any:
    """Make the ASGI application; what it needs is in the environment."""
    endpoint, public_url = os.environ["PLANE_ENDPOINT"], os.environ["PLANE_APP_URL"]
    code, work = Path(os.environ["PLANE_CODE"]), Path(os.environ["PLANE_WORK"])
    book = Book(work / "diary.jsonl")
    services: list[Any] = [
        ActionsServiceASGIApplication(Actions(book, endpoint, code, work)),
        RunServiceASGIApplication(Runs(book, work)),
        ClusterServiceASGIApplication(Clusters(endpoint)),
        AppServiceASGIApplication(Apps(book, public_url)),
    ]
    if os.environ.get("FAULTS_OF"):
        services.append(ImageServiceASGIApplication(Images(book)))

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for service in services:
            if scope["path"].startswith(service.path):
                await service(scope, receive, send)
                return
        book.note("unknown", path=scope["path"])
        await send({"type": "http.response.start", "status": 404, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    return app
