"""Label Studio's HTTP interface, as much of it as faces need."""

from __future__ import annotations

import json
import time
import weakref
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx

from data.errors import InputError

SECONDS = 60.0  # a request may take
TRIES = 5  # of a request that may be sent twice
WAIT = 0.3  # seconds before the second try, twice as many before each further one
PAGE = 200  # tasks a request


class StudioError(InputError):
    """What Label Studio would not do; one sentence for people."""


class LostError(StudioError):
    """Label Studio did not answer, or broke while it did: the same may go well later."""


class NotThereError(StudioError):
    """404."""


class Studio:
    """A server. token: a legacy token or a personal access token; which one it is, it is tried.

    Requests that change nothing twice are tried again; others raise LostError at once, for
    nobody knows whether they were carried out.
    """

    def __init__(self, url: str, token: str, transport: httpx.BaseTransport | None = None):
        try:
            self.url = str(httpx.URL(url)).rstrip("/")
            if httpx.URL(url).scheme not in ("http", "https") or not httpx.URL(url).host:
                raise httpx.InvalidURL("no host")
        except httpx.InvalidURL:
            raise InputError(f"{url} is no address such as http://127.0.0.1:8080") from None
        if not token.isascii() or not token.isprintable() or " " in token:
            raise InputError("the token holds characters that no token has; copy it again")
        self._token = token
        self._access = ""  # of a personal access token, good for minutes
        limits = httpx.Timeout(SECONDS, connect=5.0)
        # trust_env: a proxy of the environment has no business between here and loopback.
        self._client = httpx.Client(
            base_url=self.url, timeout=limits, transport=transport, trust_env=False
        )
        weakref.finalize(self, self._client.close)

    def get(self, path: str, **query: Any) -> Any:
        return self._again("GET", path, params=query)

    def patch(self, path: str, body: dict[str, Any]) -> Any:
        return self._again("PATCH", path, json=body)

    def delete(self, path: str) -> None:
        with suppress(NotThereError):
            self._again("DELETE", path)

    def post(self, path: str, body: Any = None, files: Any = None, **query: Any) -> Any:
        """Sent once. Raises LostError when nobody knows whether it was carried out."""
        return self._once("POST", path, json=body, files=files, params=query)

    def told(self, project: int, since: str) -> Iterator[dict[str, Any]]:
        """Tasks with annotations that changed since a time, oldest change first.

        One that changes meanwhile may come twice.
        """
        page, last = 1, since
        while True:
            found = self._tasks(
                project,
                "id,updated_at,meta,annotations,result,completed_by,was_cancelled",
                [
                    _filter("updated_at", "greater_or_equal", "Datetime", last),
                    _filter("total_annotations", "greater", "Number", 0),
                ],
                "tasks:updated_at",
                page,
            )
            yield from found
            if len(found) < PAGE:
                return
            # By time, not by page: pages shift when a task changes. But many may share one time.
            newest = found[-1]["updated_at"]
            page, last = (page + 1, last) if newest == last else (1, newest)

    def sent(self, project: int, above: int) -> Iterator[dict[str, Any]]:
        """Tasks whose id is greater, with `data` and the number of their annotations."""
        while True:
            fields = "id,data,total_annotations"
            by_id = [_filter("id", "greater", "Number", above)]
            found = self._tasks(project, fields, by_id, "tasks:id", 1)
            yield from found
            if len(found) < PAGE:
                return
            above = found[-1]["id"]

    def _tasks(
        self, project: int, fields: str, items: list[dict[str, Any]], order: str, page: int
    ) -> list[dict[str, Any]]:
        filters = {"conjunction": "and", "items": items}
        query = json.dumps({"filters": filters, "ordering": [order]})
        asked = {"project": project, "fields": "all", "include": fields, "query": query}
        try:
            found = self.get("/api/tasks/", page=page, page_size=PAGE, **asked)["tasks"]
        except NotThereError as error:
            if "Invalid page" in str(error):
                return []
            raise
        return list(found)

    def _again(self, method: str, path: str, **more: Any) -> Any:
        for number in range(TRIES - 1):
            try:
                return self._once(method, path, **more)
            except LostError:
                time.sleep(WAIT * 2**number)
        return self._once(method, path, **more)

    def _once(self, method: str, path: str, **more: Any) -> Any:
        answer = self._send(method, path, more)
        if answer.status_code == 401 and self._is_personal:
            self._access = ""
            answer = self._send(method, path, more)
        if answer.status_code == 401:
            raise StudioError(
                f"{self.url} does not take the token: {_detail(answer)}; copy it again from "
                "Account & Settings, or switch legacy tokens on for the organization"
            )
        if answer.status_code == 404:
            raise NotThereError(f"{self.url} has no {path}: {_detail(answer)}")
        if answer.status_code >= 500 or answer.status_code == 429:
            raise LostError(f"{self.url} broke at {path}: {_detail(answer)}; try again")
        if answer.status_code >= 400:
            raise StudioError(f"{self.url} refuses {path}: {_detail(answer)}")
        if answer.status_code == 204 or not answer.content:
            return None
        try:
            return answer.json()
        except ValueError:
            raise StudioError(f"{self.url} is no Label Studio: it answers without JSON") from None

    def _send(self, method: str, path: str, more: dict[str, Any]) -> httpx.Response:
        if self._is_personal and not self._access:
            self._renew()
        scheme = f"Bearer {self._access}" if self._access else f"Token {self._token}"
        try:
            return self._client.request(method, path, headers={"Authorization": scheme}, **more)
        except httpx.TransportError as error:
            raise self._lost(error) from error

    def _renew(self) -> None:
        """A personal access token buys an access token that is good for minutes."""
        body = {"refresh": self._token}
        try:
            answer = self._client.post("/api/token/refresh", json=body)
            self._access = str(answer.json()["access"]) if answer.status_code == 200 else ""
        except httpx.TransportError as error:
            raise self._lost(error) from error
        except (ValueError, KeyError):
            self._access = ""

    @property
    def _is_personal(self) -> bool:
        return self._token.count(".") == 2

    def _lost(self, error: Exception) -> LostError:
        why = " ".join(str(error).split())[:120] or type(error).__name__
        return LostError(
            f"Label Studio does not answer at {self.url} ({why}); start it, or check --url"
        )


def read_token(name: str, environment: dict[str, str], file: Path | None) -> str:
    """A secret of the environment, or of a file's first line. Raises InputError without either."""
    if file is not None:
        try:
            lines = file.read_text("utf-8").split("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{file} cannot be read ({error}); put the token in it") from None
        told = lines[0].strip()
    else:
        told = environment.get(name, "").strip()
    if not told:
        raise InputError(
            f"no token: set {name} to the one under Account & Settings in Label Studio, "
            "or name a file that holds it with --token-file"
        )
    return told


def _filter(name: str, operator: str, kind: str, value: Any) -> dict[str, Any]:
    return {"filter": f"filter:tasks:{name}", "operator": operator, "type": kind, "value": value}


def _detail(answer: httpx.Response) -> str:
    """What the server says of a refusal, one line."""
    try:
        told = answer.json()
        told = told.get("validation_errors") or told.get("detail") or told
    except (ValueError, AttributeError):
        told = answer.reason_phrase
    return f"{answer.status_code} {' '.join(str(told).split())[:300]}"
