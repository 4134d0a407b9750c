"""docs/openapi.yaml and the route table tell of the same API."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from openapi_spec_validator import validate
from tornado.web import RequestHandler

from bookstore.handlers import ROUTES

DESCRIPTION = Path(__file__).resolve().parents[2] / "docs" / "openapi.yaml"
METHODS = {"get", "put", "post", "delete", "patch"}  # HEAD and OPTIONS are the server's own


@pytest.fixture(scope="module")
def description() -> Any:
    return yaml.safe_load(DESCRIPTION.read_text(encoding="utf-8"))


def test_it_is_openapi(description: Any) -> None:
    validate(description)


def test_it_has_all_routes_and_methods_and_no_other(description: Any) -> None:
    described = {
        (path, method)
        for path, operations in description["paths"].items()
        for method in METHODS & set(operations)
    }
    assert described == {
        (plain(route), method)
        for route, handler in ROUTES
        for method in METHODS
        if getattr(handler, method) is not RequestHandler._unimplemented_method
    }


def test_every_operation_of_the_api_tells_its_errors_in_one_form(description: Any) -> None:
    for path, operations in description["paths"].items():
        for method in METHODS & set(operations):
            answers = operations[method]["responses"]
            assert {"200", "403"} <= set(answers), (path, method)
            for status in set(answers) - {"200", "302"}:
                answer = resolved(description, answers[status])
                kind = "application/json" if path.startswith("/api/") else "text/html"
                assert set(answer["content"]) == {kind}, (path, method, status)


def plain(route: str) -> str:
    route = route.removesuffix("/?").replace("(?P<path>[a-z.]+)", "{file}")
    return route.replace("(?P<path>(?:/.*)?)", "/{path}")


def resolved(description: Any, value: Any) -> Any:
    if "$ref" in value:
        for name in value["$ref"].removeprefix("#/").split("/"):
            description = description[name]
        return description
    return value
