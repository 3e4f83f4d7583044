"""The log of `serve` as JSON lines: one object to a line, for programs that collect logs."""

from __future__ import annotations

import json
import logging
import sys
import traceback
from datetime import datetime, timezone
from typing import Any

from ..app.journal import http_id

LEVELS = {"": logging.WARNING, "pausepoint": logging.INFO, "uvicorn": logging.INFO}
"""The least level by logger. Libraries may log addresses in full, which have whole ids in them, so they are to warn."""


class JsonLines(logging.Formatter):
    """
    Writes a record as one line of JSON.

    `time` (UTC), `level`, `logger` and `message` are always there; `http_id` where the line belongs to an HTTP request;
    of the line that ends a request also `method`, `route`, `status` and `milliseconds`; of a failure `error`, its kind,
    and `frames`, where it happened. The words of an error are left out: they may repeat what somebody typed.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its end."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if belongs := http_id.get():
            line["http_id"] = belongs
        line.update(getattr(record, "http", {}))
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = record.exc_info[0].__name__
            line["frames"] = traceback.format_tb(record.exc_info[2])
        return json.dumps(line, ensure_ascii=True, default=str)


def log_as_json() -> None:
    """Write everything that this process logs to standard error, as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers = [handler]
    for name, level in LEVELS.items():
        logging.getLogger(name).setLevel(level)
