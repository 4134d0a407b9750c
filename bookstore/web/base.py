"""Define what the handlers share: authorization, answers and errors.

An error is one sentence, as JSON to programs and as a page to people. Neither a traceback
nor a secret is in either.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import wraps
from http.client import responses
from logging import Logger
from typing import Any
from urllib.parse import urlsplit

from tornado import web

from .. import flavours
from .._version import __version__
from ..core import Bookstore
from ..history.models import clone_link
from ..notebooks.json import NotANotebook, parse_json
from ..operations.clone import NotAllowed, NotOffered
from ..operations.publish import PublishedByAnother
from ..s3_paths import s3_url
from ..storage import NoStore, StoreError, StoreUnavailable, TooLarge, VersionNotFound
from ..storage.base import format_time
from ..storage.options import LocalOptions
from ..validation import BadInput, shown
from .pages import heading, logo, render

# The most specific first. What the store refuses is refused to us, not to the user.
_STATUS: tuple[tuple[type[Exception], int], ...] = (
    (NoStore, 404),
    (VersionNotFound, 404),
    (TooLarge, 413),
    (StoreUnavailable, 503),
    (StoreError, 502),
    (NotANotebook, 422),
    (NotAllowed, 403),
    (PublishedByAnother, 409),
    (NotOffered, 404),
    (BadInput, 400),
)
_PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self';"
    " frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'self'"
)


def endpoint(method: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None] | None]:
    """Make a coroutine a handler's method: for users who may use it, its errors as HTTP's."""

    @web.authenticated
    @flavours.authorized
    @wraps(method)
    async def answered(self: Any, *args: Any, **kwargs: Any) -> None:
        with http_errors():
            await method(self, *args, **kwargs)

    return answered


@contextmanager
def http_errors() -> Iterator[None]:
    """Translate what can go wrong into HTTP's errors."""
    try:
        yield
    except web.HTTPError:
        raise
    except tuple(error for error, _ in _STATUS) as error:
        status = next(status for kind, status in _STATUS if isinstance(error, kind))
        raise web.HTTPError(status, str(error)) from error


class _Handler:
    """Define what API and pages share."""

    auth_resource = "bookstore"

    def initialize(self, bookstore: Bookstore) -> None:
        """Keep what the route passes."""
        self.bookstore = bookstore

    def require_feature(self, feature: str, message: str) -> None:
        """Refuse what the settings have turned off."""
        if not self.bookstore.features[feature]:
            raise web.HTTPError(404, message)

    def server_url(self, path: str) -> str:
        """Return the whole path of something below the server's ``base_url``."""
        return f"{self.base_url.rstrip('/')}/{path}"  # type: ignore[attr-defined]

    def location_of(self, path: str) -> str:
        """Return where the server's own interface shows a file."""
        return self.server_url(flavours.location_of(path, self.settings))  # type: ignore[attr-defined]

    def links(self, bucket: str, key: str, version_id: str) -> dict[str, str]:
        """Return the addresses of a version: for people, and for a colleague's server."""
        return {
            "s3_path": s3_url(bucket, key),
            "versionID": version_id,
            "clone_url": self._everybodys_url() + clone_link(bucket, key, version_id),
        }

    def share_note(self, bucket: str, key: str, version_id: str) -> str:
        """Return for whom the clone link of a version works, where that is not everybody."""
        if bucket == LocalOptions.bucket:
            return "This link works only on servers with the same embedded store, such as your own."
        if urlsplit(self._everybodys_url()).hostname in ("localhost", "127.0.0.1", "::1"):
            return (
                "Others cannot reach this server by this link. They put the address of their own"
                f" server before /{clone_link(bucket, key, version_id)}."
            )
        return ""

    def _everybodys_url(self) -> str:
        """Return a URL under which each user finds their own server.

        On a JupyterHub that is what the hub redirects
        (https://jupyterhub.readthedocs.io/en/stable/reference/urls.html#hub-user-redirect). Where
        it knows its public address, that is taken: a kernel asks us by another.
        """
        if public := os.environ.get("JUPYTERHUB_PUBLIC_HUB_URL"):
            return f"{public.rstrip('/')}/user-redirect/"
        request = self.request  # type: ignore[attr-defined]
        # Each proxy on the way adds what it was reached by, and tornado takes the last; the browser
        # has the first. Who forges it gets a wrong link themselves, and nobody else does.
        first, *others = request.headers.get("X-Forwarded-Proto", "").split(",")
        protocol = first.strip() if others else request.protocol
        here = f"{'https' if protocol == 'https' else 'http'}://{request.host}"
        if hub := os.environ.get("JUPYTERHUB_BASE_URL"):
            return f"{here}{hub}hub/user-redirect/"
        return here + self.server_url("")

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """Log what has gone wrong, without the request's query: a token may be in it."""
        request = self.request  # type: ignore[attr-defined]
        log: Logger = self.log  # type: ignore[attr-defined]
        place = f"{request.method} {shown(request.path)}"
        if isinstance(value, web.HTTPError):
            log.warning("Bookstore: %d %s: %s", value.status_code, place, _sentence_of(value))
        else:
            log.error("Bookstore: %s", place, exc_info=(typ, value, tb))


class ApiHandler(_Handler, flavours.APIHandler):  # type: ignore[misc]
    """Answer programs, in JSON."""

    async def model(self) -> dict[str, Any]:
        """Parse the request's body: a JSON object."""
        if not self.request.body.strip():
            raise BadInput("A body is needed: a JSON object.")
        model = await asyncio.to_thread(parse_json, self.request.body)
        if not isinstance(model, dict):
            raise BadInput("The body must be a JSON object.")
        return model

    async def answer(self, model: dict[str, Any]) -> None:
        """Answer with JSON."""
        self.finish(await asyncio.to_thread(json.dumps, model, default=_as_json))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Write an error as ``{message, reason}``."""
        reason = responses.get(status_code, "Error")
        self.finish(json.dumps({"message": _message(status_code, kwargs), "reason": reason}))


class PageHandler(_Handler, flavours.JupyterHandler):  # type: ignore[misc]
    """Answer people, with pages."""

    @property
    def content_security_policy(self) -> str:
        """Allow no scripts but Bookstore's own, and no frames but the server's, as JupyterLab's."""
        return _PAGE_POLICY

    async def page(self, template: str, **parameters: Any) -> None:
        """Answer with a page."""
        parameters |= self._everywhere(xsrf_token=self.xsrf_token.decode())
        self.finish(await asyncio.to_thread(render, template, **parameters))

    def _everywhere(self, xsrf_token: str = "") -> dict[str, Any]:
        theme = self.get_cookie("bookstore-theme", "")  # JupyterLab's, set by its extension
        return {
            "base_url": self.base_url,
            "xsrf_token": xsrf_token,
            "release": __version__,
            "server": flavours.SERVER,
            "logo": logo(tuple(self.settings["static_path"])),
            "theme": theme if theme in ("light", "dark") else "",
        }

    def set_default_headers(self) -> None:
        """Forbid other sites to frame a page or to learn its address, and guesses of its type."""
        super().set_default_headers()
        self.set_header("X-Frame-Options", "SAMEORIGIN")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Referrer-Policy", "same-origin")

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Write an error as a page."""
        title = heading(status_code)
        message = _message(status_code, kwargs)
        # There is no XSRF token for an error that comes before the user is known.
        self.finish(render("error.html", title=title, message=message, **self._everywhere()))


def _message(status_code: int, error: dict[str, Any]) -> str:
    exception = error.get("exc_info", (None, None))[1]
    if isinstance(exception, web.HTTPError):
        return _sentence_of(exception)
    if status_code >= 500:
        return "Unexpected error; the server's log has the details."
    return f"{responses.get(status_code, 'This cannot be done')}."


def _sentence_of(error: web.HTTPError) -> str:
    if error.log_message:
        return str(error.log_message % error.args)
    return f"{responses.get(error.status_code, 'This cannot be done')}."


def _as_json(value: object) -> str:
    if isinstance(value, datetime):
        return format_time(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")
