"""Keys of notebooks."""

import pytest

from bookstore.s3_paths import s3_display_path, s3_key, s3_path, s3_url


@pytest.mark.parametrize(
    ("prefix", "path", "key"),
    [
        ("workspace", "a.ipynb", "workspace/a.ipynb"),
        ("/workspace/", "/deep/er/a.ipynb", "workspace/deep/er/a.ipynb"),
        ("", "a.ipynb", "a.ipynb"),
        ("workspace", "", "workspace"),
        ("team/ann", "ü %+#.ipynb", "team/ann/ü %+#.ipynb"),
    ],
)
def test_key_joins_prefix_and_path(prefix: str, path: str, key: str) -> None:
    assert s3_key(prefix, path) == key


def test_path_begins_with_the_bucket() -> None:
    assert s3_path("bucket", "workspace", "a.ipynb") == "bucket/workspace/a.ipynb"
    assert s3_path("bucket", "workspace") == "bucket/workspace"


def test_display_path_is_a_url() -> None:
    assert s3_display_path("bucket", "workspace", "a.ipynb") == "s3://bucket/workspace/a.ipynb"


def test_an_object_is_named_as_it_is() -> None:
    assert s3_url("bucket", "workspace/a//b ü") == "s3://bucket/workspace/a//b ü"
    assert s3_url("bucket", "a", "v1") == "s3://bucket/a?versionId=v1"
