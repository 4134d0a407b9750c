"""Names from outside: what may be used, and how what may not is shown."""

from functools import partial
from typing import Any

import pytest

from bookstore import validation

LONG = "x" * 1_000_000


@pytest.mark.parametrize(
    ("check", "given", "used"),
    [
        (validation.notebook_path, "/a b/ünï 漢.ipynb/", "a b/ünï 漢.ipynb"),
        (validation.notebook_path, ".hidden/..a", ".hidden/..a"),
        (validation.target_path, "a/b.ipynb", "a/b.ipynb"),
        (validation.object_key, "published/a b#?.ipynb", "published/a b#?.ipynb"),
        (validation.object_key, "/".join(["x" * 300] * 3), "/".join(["x" * 300] * 3)),
        (validation.bucket_name, "my.bucket_1-A", "my.bucket_1-A"),
        (
            validation.version_name,
            "3sL4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY~",
            "3sL4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY~",
        ),
    ],
)
def test_what_may_be_used_comes_back(check: Any, given: str, used: str) -> None:
    assert check(given) == used


@pytest.mark.parametrize(
    ("check", "given", "says"),
    [
        (validation.notebook_path, "", "A path is needed"),
        (validation.notebook_path, "///", "A path is needed"),
        (validation.notebook_path, "a/../b", "may not have empty, . or .. parts"),
        (validation.notebook_path, "a/./b", "may not have empty, . or .. parts"),
        (validation.notebook_path, "a//b", "may not have empty, . or .. parts"),
        (validation.notebook_path, "a\x00b", r"'a\\x00b' has characters that S3 cannot list"),
        (validation.target_path, "a\r\nb", r"'a\\r\\nb' has control characters"),
        (validation.key_prefix, "a\tb", r"'a\\tb' has control characters"),
        (validation.notebook_path, "a\ud800", r"'a\\ud800' is not valid Unicode"),
        (validation.notebook_path, "ü" * 128, "too long for a file's name"),
        (validation.notebook_path, LONG, "is longer than 1024 bytes"),
        (validation.target_path, "/a", "begins with /"),
        (validation.target_path, "a/", "ends with /"),
        (validation.target_path, "a/.b/c", "is hidden"),
        (validation.target_path, "a/  ", "has a part that is blank"),
        (partial(validation.target_path, of="b.ipynb"), "a", "does not end with .ipynb"),
        (validation.object_key, "", "A key is needed"),
        (validation.object_key, "a/", "names a folder"),
        (validation.object_key, "a/../b", "may not have empty, . or .. parts"),
        (validation.object_key, "/a", "may not have empty, . or .. parts"),
        (validation.object_key, LONG, "is longer than 1024 bytes"),
        (validation.bucket_name, "", "A bucket is needed"),
        (validation.bucket_name, "a/b", "is not the name of a bucket"),
        (validation.bucket_name, "..", "is not the name of a bucket"),
        (validation.bucket_name, LONG, "is not the name of a bucket"),
        (validation.version_name, "", "The id of a version is needed"),
        (validation.version_name, "a b", "is not the id of a version"),
        (validation.version_name, "ü", "is not the id of a version"),
        (validation.version_name, LONG, "is not the id of a version"),
    ],
    ids=lambda value: (
        value[:20].encode("ascii", "replace").decode() if isinstance(value, str) else ""
    ),
)
def test_what_may_not_be_used_is_told_in_a_short_sentence(
    check: Any, given: str, says: str
) -> None:
    with pytest.raises(validation.BadInput, match=says) as raised:
        check(given)
    assert len(str(raised.value)) < 250
    assert str(raised.value).isprintable()


def test_a_text_is_taken_from_a_json_object() -> None:
    model = {"text": "text", "null": None}
    assert validation.text_field(model, "text") == "text"
    assert validation.text_field(model, "null") == validation.text_field(model, "none") == ""


@pytest.mark.parametrize(
    ("value", "kind"),
    [(3, "a number"), (1.5, "a number"), (True, "a boolean"), ([], "a list"), ({}, "an object")],
)
def test_what_is_no_text_is_told_by_its_kind(value: object, kind: str) -> None:
    with pytest.raises(validation.BadInput, match=f"name must be a text, not {kind}"):
        validation.text_field({"name": value}, "name")
