"""Errors as HTTP's: bad input is the user's, a ValueError is ours."""

import logging
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPResponse
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application, RequestHandler

from bookstore.validation import BadInput
from bookstore.web.base import ApiHandler, http_errors

SECRET = "a key's secret"


class Failing(ApiHandler):
    """Raises the error that it is given; nobody has to log in."""

    def initialize(self, error: Exception) -> None:  # type: ignore[override]
        super().initialize(SimpleNamespace())  # type: ignore[arg-type]
        self.error = error

    def prepare(self) -> None:  # type: ignore[override]
        """Let everybody in."""

    async def get(self) -> None:
        with http_errors():
            raise self.error


@pytest.fixture
async def answer_to(
    caplog: pytest.LogCaptureFixture,
) -> Callable[[Exception], Awaitable[HTTPResponse]]:
    async def ask(error: Exception) -> HTTPResponse:
        socket, port = bind_unused_port()
        log = logging.getLogger("bookstore.tests")
        app = Application(
            [("/", Failing, {"error": error})],
            base_url="/",
            headers={},
            log_function=_no_access_log,
            serverapp=SimpleNamespace(log=log),
        )
        server = HTTPServer(app)
        server.add_socket(socket)
        try:
            return await AsyncHTTPClient().fetch(f"http://127.0.0.1:{port}/", raise_error=False)
        finally:
            server.stop()

    return ask


def _no_access_log(handler: RequestHandler) -> None:
    pass


async def test_bad_input_is_answered_with_its_sentence(answer_to: Any) -> None:
    answer = await answer_to(BadInput("limit must be from 1 to 200."))
    assert answer.code == 400
    assert b"limit must be from 1 to 200." in answer.body


async def test_a_value_error_is_a_fault_of_ours(
    answer_to: Any, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await answer_to(ValueError(SECRET))
    assert answer.code == 500
    assert SECRET.encode() not in answer.body
    assert b"Unexpected error" in answer.body
    assert any(record.exc_info for record in caplog.records)
