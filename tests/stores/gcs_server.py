"""
The part of Google Cloud Storage's XML interface that a store needs, kept in memory: `python gcs_server.py PORT`.

A write with `x-goog-if-generation-match: 0` creates, or is refused with 412. No emulator that was tried honours that.
"""

from __future__ import annotations

import bisect
import sys
from email.utils import formatdate
from xml.sax.saxutils import escape

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

BUCKET = "pausepoint-test"
PAGE = 1000

objects: dict[str, bytes] = {}
keys: list[str] = []


async def one(request: Request) -> Response:
    """Serve one object."""
    bucket, key = request.path_params["bucket"], request.path_params["key"]
    if bucket != BUCKET:
        return failure(404, "NoSuchBucket")
    if request.method == "PUT":
        # The body is awaited first: from here on nothing else runs, so that check and write are one step.
        body = await request.body()
        return written(key, body, request.headers.get("x-goog-if-generation-match"))
    if key not in objects:
        return failure(404, "NoSuchKey")
    if request.method == "DELETE":
        del objects[key]
        keys.remove(key)
        return Response(status_code=204)
    return Response(objects[key], headers=facts(), media_type="application/octet-stream")


def written(key: str, body: bytes, generation: str | None) -> Response:
    if generation == "0" and key in objects:
        return failure(412, "PreconditionFailed")
    if key not in objects:
        bisect.insort(keys, key)
    objects[key] = body
    return Response(headers=facts())


async def listing(request: Request) -> Response:
    """List objects, 1,000 to a page; with a delimiter what is below it becomes one name."""
    asked = request.query_params
    prefix, delimiter = asked.get("prefix", ""), asked.get("delimiter", "")
    after = asked.get("continuation-token") or asked.get("start-after", "")
    found: list[str] = []
    folders: list[str] = []
    last = ""
    for key in keys[bisect.bisect_right(keys, after) :]:
        if not key.startswith(prefix) or (folders and key.startswith(folders[-1])):
            continue
        if len(found) + len(folders) == PAGE:
            break
        head, cut, _ = key.removeprefix(prefix).partition(delimiter) if delimiter else (key, "", "")
        if cut:
            folders.append(f"{prefix}{head}{cut}")
            last = f"{prefix}{head}{chr(ord(cut) + 1)}"  # sorts after everything below the folder
        else:
            found.append(key)
            last = key
    else:
        last = ""
    return Response(page(found, folders, last), media_type="application/xml")


def page(found: list[str], folders: list[str], more: str) -> str:
    entries = "".join(
        f"<Contents><Key>{escape(key)}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
        f'<ETag>"1"</ETag><Size>{len(objects[key])}</Size></Contents>'
        for key in found
    )
    entries += "".join(f"<CommonPrefixes><Prefix>{escape(folder)}</Prefix></CommonPrefixes>" for folder in folders)
    token = f"<NextContinuationToken>{escape(more)}</NextContinuationToken>" if more else ""
    truncated = str(bool(more)).lower()
    return f"<ListBucketResult><IsTruncated>{truncated}</IsTruncated>{token}{entries}</ListBucketResult>"


def facts() -> dict[str, str]:
    return {"ETag": '"1"', "x-goog-generation": "1", "Last-Modified": formatdate(usegmt=True)}


def failure(status: int, code: str) -> Response:
    return Response(f"<Error><Code>{code}</Code></Error>", status, media_type="application/xml")


app = Starlette(
    routes=[
        Route("/{bucket}", listing, methods=["GET"]),
        Route("/{bucket}/{key:path}", one, methods=["GET", "HEAD", "PUT", "DELETE"]),
    ]
)

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", access_log=False)
