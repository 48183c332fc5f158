"""One small server for Label Studio's two hooks: the ML backend's contract, and the webhook.

Standard library alone. Every request must show the secret, as Basic or Bearer; what is wrong gets
a 4xx and a line in the log. A hook is written to disk and acknowledged; what is done with it is
the business of `annotation.hooks`, and never keeps Label Studio waiting.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import logging
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

log = logging.getLogger("toolkit.label")

LARGEST = 64 * 2**20  # bytes of a request
SECONDS = 30.0  # that a client may take to send one
USER = "toolkit"  # of Basic authentication

Predict = Callable[[list[dict[str, Any]], Any], list[dict[str, Any]]]  # tasks, context
Notice = Callable[[dict[str, Any]], None]  # raises OSError when it cannot be kept


class WrongError(Exception):
    """A request that is answered with `status`."""

    def __init__(self, status: int, words: str):
        super().__init__(words)
        self.status = status


def hooks_server(
    host: str, port: int, secret: str, model: str, predict: Predict, notice: Notice
) -> ThreadingHTTPServer:
    """A server that listens; the caller runs and closes it.

    model: version that is told. Raises OSError when the port cannot be had.
    """

    def health(_: Any) -> Any:
        return {"status": "UP", "model_class": "toolkit"}

    def versions(_: Any) -> Any:
        return {"versions": [model]}

    def setup(_: Any) -> Any:
        return {"model_version": model}

    def predictions(body: Any) -> Any:
        tasks, params = body.get("tasks"), body.get("params") or {}
        if not isinstance(tasks, list) or not all(isinstance(one, dict) for one in tasks):
            raise WrongError(400, "tasks must be a list of objects")
        if not isinstance(params, dict):
            raise WrongError(400, "params must be an object")
        return {"results": predict(tasks, params.get("context")), "model_version": model}

    def webhook(body: Any) -> Any:
        if not isinstance(body.get("action"), str):
            raise WrongError(400, "a hook without an action")
        try:
            notice(body)
        except OSError as error:
            raise WrongError(503, f"the hook could not be kept: {error.strerror}") from error
        return {"status": "kept"}

    routes = {
        ("GET", "/"): health,
        ("GET", "/health"): health,
        ("GET", "/versions"): versions,
        ("POST", "/setup"): setup,
        ("POST", "/predict"): predictions,
        ("POST", "/webhook"): webhook,
    }

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = SECONDS

        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        do_PUT = do_DELETE = do_PATCH = do_POST  # noqa: N815 - names of the standard library

        def _answer(self) -> None:
            try:
                status, told = 200, self._told()
            except WrongError as error:
                self.close_connection = True  # what was not read would be the next request
                status, told = error.status, {"detail": str(error)}
                log.warning("%s %s: %s %s", self.command, self._path, status, error)
            except Exception as error:
                self.close_connection = True
                status, told = 500, {"detail": type(error).__name__}
                log.exception("%s %s", self.command, self._path)
            content = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            if self.close_connection:
                self.send_header("Connection", "close")
            if status == 401:
                self.send_header("WWW-Authenticate", 'Basic realm="toolkit"')
            self.end_headers()
            self.wfile.write(content)

        @property
        def _path(self) -> str:
            return self.path.partition("?")[0].rstrip("/")[:80] or "/"

        def _told(self) -> Any:
            if not allowed(self.headers.get("Authorization", ""), secret):
                raise WrongError(401, "the secret is missing or wrong")
            do = routes.get((self.command, self._path))
            if do is None:
                known = any(path == self._path for _, path in routes)
                raise WrongError(405 if known else 404, "there is no such hook")
            return do(self._body() if self.command == "POST" else None)

        def _body(self) -> dict[str, Any]:
            told = self.headers.get("Content-Length", "")
            if not told.isdecimal():
                raise WrongError(411, "how long the request is must be told")
            if int(told) > LARGEST:
                raise WrongError(413, f"a request may have {LARGEST} bytes")
            try:
                body = json.loads(self.rfile.read(int(told)))
            except (ValueError, RecursionError):
                raise WrongError(400, "the request is no JSON") from None
            if not isinstance(body, dict):
                raise WrongError(400, "the request is no object")
            return body

        def log_message(self, format: str, *words: Any) -> None:
            log.debug(format, *words)

    server = ThreadingHTTPServer((host, port), Handler)
    server.daemon_threads = True
    return server


def allowed(header: str, secret: str) -> bool:
    """Whether an Authorization header shows the secret, as Bearer or as Basic's password."""
    scheme, _, told = header.partition(" ")
    if scheme.lower() == "basic":
        try:
            told = base64.b64decode(told, validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return False
    elif scheme.lower() != "bearer":
        return False
    return hmac.compare_digest(told.strip().encode(), secret.encode())
