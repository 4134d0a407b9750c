"""Settings: where they come from, what they turn on, and what cannot work."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from traitlets import TraitError
from traitlets.config import Config, Configurable

from bookstore.bookstore_config import (
    BookstoreSettings,
    expand_prefix,
    is_mixed,
    require_working,
    validate_bookstore,
)
from bookstore.storage import LocalOptions, S3Options

ENVIRONMENT = {
    "s3_access_key_id": "JPYNB_S3_ACCESS_KEY_ID",
    "s3_secret_access_key": "JPYNB_S3_SECRET_ACCESS_KEY",
    "s3_endpoint_url": "JPYNB_S3_ENDPOINT_URL",
    "s3_region_name": "JPYNB_S3_REGION_NAME",
    "s3_bucket": "JPYNB_S3_BUCKET",
}


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in (*ENVIRONMENT.values(), "JUPYTERHUB_USER"):
        monkeypatch.delenv(variable, raising=False)


def test_defaults_are_those_documented() -> None:
    settings = BookstoreSettings()
    assert settings.workspace_prefix == "workspace"
    assert settings.published_prefix == "published"
    assert settings.s3_endpoint_url == "https://s3.amazonaws.com"
    assert settings.s3_region_name == "us-east-1"
    assert settings.s3_bucket == ""
    assert settings.max_threads == 16
    assert settings.enable_s3_cloning is True
    assert settings.fs_cloning_basedir == ""


@pytest.mark.parametrize(("setting", "variable"), ENVIRONMENT.items())
def test_config_beats_environment(
    setting: str, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "from-environment")
    assert getattr(BookstoreSettings(), setting) == "from-environment"
    config = Config(BookstoreSettings={setting: "from-config"})
    assert getattr(BookstoreSettings(config=config), setting) == "from-config"


@pytest.mark.parametrize(
    ("settings", "turned_on"),
    [
        ({}, {"s3_clone_valid"}),
        (
            {"s3_bucket": "b"},
            {"bookstore_valid", "archive_valid", "publish_valid", "s3_clone_valid"},
        ),
        (
            {"store_url": "local"},
            {"bookstore_valid", "archive_valid", "publish_valid", "s3_clone_valid"},
        ),
        ({"s3_bucket": "b", "s3_endpoint_url": ""}, {"s3_clone_valid"}),
        (
            {"s3_bucket": "b", "workspace_prefix": ""},
            {"bookstore_valid", "publish_valid", "s3_clone_valid"},
        ),
        (
            {"s3_bucket": "b", "published_prefix": ""},
            {"bookstore_valid", "archive_valid", "s3_clone_valid"},
        ),
        ({"enable_s3_cloning": False, "fs_cloning_basedir": "/books"}, {"fs_clone_valid"}),
        ({"enable_s3_cloning": False, "fs_cloning_basedir": "books"}, set()),
        ({"store_url": "nonsense"}, {"s3_clone_valid"}),
    ],
)
def test_validate_tells_what_is_turned_on(settings: dict[str, Any], turned_on: set[str]) -> None:
    features = validate_bookstore(BookstoreSettings(**settings))
    assert {name for name, on in features.items() if on} == turned_on
    assert set(features) == {
        "bookstore_valid",
        "archive_valid",
        "publish_valid",
        "s3_clone_valid",
        "fs_clone_valid",
    }


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"workspace_prefix": "/notebooks of all/", "published_prefix": "notebooks"},
        {"workspace_prefix": "", "published_prefix": "p"},
        {"workspace_prefix": "w", "published_prefix": ""},
        {"workspace_prefix": "w" * 1016},
        {"s3_bucket": "Upper_case.and-more"},
        {"local_dir": "~/of mine"},
        {"s3_put_options": {"StorageClass": "COLD", "Tagging": "a=b", "BucketKeyEnabled": True}},
        {"s3_put_options": {"ChecksumAlgorithm": "SHA256"}},
    ],
)
def test_settings_that_work_pass(settings: dict[str, Any]) -> None:
    require_working(BookstoreSettings(**settings))


def test_the_local_directory_may_be_in_the_home_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    assert BookstoreSettings(local_dir="~/saves").local_path == Path("/home/ann/saves")
    monkeypatch.setenv("JUPYTER_DATA_DIR", "relative")
    require_working(BookstoreSettings())


def test_folders_of_a_user_may_not_be_one_inside_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTERHUB_USER", "published")
    with pytest.raises(TraitError, match="are the same or one is inside the other"):
        require_working(BookstoreSettings(workspace_prefix="{username}"))


def test_options_are_checked_without_loading_an_s3_client() -> None:
    code = (
        "import sys; from bookstore.bookstore_config import *;"
        "require_working(BookstoreSettings(s3_put_options={'StorageClass': 'COLD'}));"
        "print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"aiobotocore", "botocore.loaders", "urllib3"} & set(done.stdout.split())


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"fs_cloning_basedir": "books"}, "fs_cloning_basedir: 'books' is relative"),
        ({"store_url": "somewhere"}, "store_url: 'somewhere' is not of the form file:///"),
        ({"store_url": "file://host/dir"}, "store_url: 'file://host/dir' is not of the form"),
        ({"store_url": "file:relative"}, "store_url"),
        ({"store_url": "http://[broken"}, "store_url"),
        ({"max_threads": 0}, "max_threads: 0"),
        ({"shutdown_timeout": -1.0}, "shutdown_timeout: -1 is negative"),
        ({"s3_endpoint_url": "minio:9000"}, "s3_endpoint_url: 'minio:9000' is not a URL"),
        ({"s3_endpoint_url": "http://[broken"}, "s3_endpoint_url"),
        ({"s3_bucket": "s3://x"}, "s3_bucket: 's3://x' is not the name of a bucket. Give"),
        ({"s3_bucket": "b/sub"}, "s3_bucket: 'b/sub' is not the name of a bucket."),
        ({"s3_bucket": "UPPER CASE"}, "s3_bucket: 'UPPER CASE' is not the name of a bucket."),
        ({"local_dir": "here"}, "local_dir: 'here' is not an absolute path. Write it as /a/"),
        ({"local_dir": ""}, "local_dir: '' is not an absolute path."),
        ({"local_dir": "~nobody-of-that-name/x"}, "local_dir: '~nobody-of-that-name/x' is not"),
        ({"local_dir": "/a\0b"}, "local_dir: '/a\\x00b' is not"),
        ({"store_url": "file:///a%00b"}, "store_url: 'file:///a%00b' is not"),
        ({"s3_put_options": {"Expires": object()}}, "s3_put_options: 'Expires' is object. Use a"),
        ({"s3_put_options": {"Tagging": {"team": "a"}}}, "s3_put_options: 'Tagging' is dict."),
        ({"s3_put_options": {"Metadata": {}}}, "s3_put_options: 'Metadata' is set by Bookstore"),
        ({"s3_put_options": {"Key": "k"}}, "s3_put_options: 'Key' is set by Bookstore: leave it"),
        ({"s3_put_options": {"ChecksumSHA256": ""}}, "'ChecksumSHA256' cannot be the same for"),
        ({"s3_put_options": {"SSECustomerKey": "k"}}, "makes versions that Bookstore cannot read"),
        ({"s3_put_options": {"storageClass": "X"}}, "s3_put_options: PutObject has no 'storageC"),
        ({"s3_checksum_mode": "always"}, "s3_checksum_mode: 'always' is unknown"),
        (
            {"published_prefix": "{group}/p"},
            "published_prefix: In '{group}/p', only {username}",
        ),
        (
            {"workspace_prefix": "{username:{x}}"},
            "In '{username:{x}}', only {username} and {folder}",
        ),
        ({"workspace_prefix": "w/{"}, "workspace_prefix: 'w/{' has a brace without its pair."),
        ({"workspace_prefix": "a//b"}, "workspace_prefix: The prefix 'a//b' may not have empty"),
        ({"workspace_prefix": "./w"}, "workspace_prefix: The prefix './w' may not have"),
        ({"published_prefix": "w/.."}, "published_prefix: The prefix 'w/..' may not have"),
        ({"workspace_prefix": "s3://q"}, "workspace_prefix: The prefix 's3://q' may not have"),
        ({"workspace_prefix": "//"}, "workspace_prefix: A prefix is more than slashes. Write it"),
        ({"workspace_prefix": "a\nb"}, "workspace_prefix: The prefix 'a\\nb' has control"),
        ({"workspace_prefix": "w" * 1017}, "w…' is longer than 1016 bytes. Write it like"),
        ({"workspace_prefix": "all/", "published_prefix": "all"}, "published_prefix: 'all' and"),
        ({"published_prefix": "workspace/p"}, "are the same or one is inside the other"),
        ({"workspace_prefix": "published/w"}, "are the same or one is inside the other"),
    ],
)
def test_a_setting_that_cannot_work_is_named(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(TraitError, match=r"c\.BookstoreSettings") as refusal:
        require_working(BookstoreSettings(**settings))
    assert says in str(refusal.value)


def test_all_problems_are_said_at_once() -> None:
    with pytest.raises(TraitError, match=r"max_threads.*fs_cloning_basedir"):
        require_working(BookstoreSettings(max_threads=0, fs_cloning_basedir="books"))


def expanded(prefix: str) -> str:
    return expand_prefix(BookstoreSettings(workspace_prefix=prefix), "workspace_prefix")


def test_a_prefix_takes_the_hub_users_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTERHUB_USER", "ann")
    assert expanded("users/{username}/notebooks") == "users/ann/notebooks"


def test_without_a_hub_a_prefix_takes_the_operating_systems_user(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("JUPYTERHUB_USER", raising=False)
    monkeypatch.setattr("getpass.getuser", lambda: "bob")
    assert expanded("users/{username}") == "users/bob"


def test_none_stands_for_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JPYNB_S3_ACCESS_KEY_ID", "from the environment")
    config = Config({"BookstoreSettings": {"s3_access_key_id": None, "workspace_prefix": None}})
    settings = BookstoreSettings(config=config)
    assert settings.s3_access_key_id == "from the environment"
    assert settings.workspace_prefix == "workspace"


@pytest.mark.parametrize(
    ("user", "settings", "mixed"),
    [
        ("ann", {"s3_bucket": "b"}, True),
        ("ann", {"s3_bucket": "b", "workspace_prefix": "w/{username}"}, False),
        ("ann", {"store_url": "local"}, False),
        ("", {"s3_bucket": "b"}, False),
    ],
)
def test_users_of_a_hub_that_share_a_prefix_are_noticed(
    monkeypatch: pytest.MonkeyPatch, user: str, settings: dict[str, Any], mixed: bool
) -> None:
    monkeypatch.setenv("JUPYTERHUB_USER", user)
    assert is_mixed(BookstoreSettings(**settings)) is mixed


def test_a_users_name_is_one_segment_of_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTERHUB_USER", "../bob")
    assert expanded("users/{username}") == "users/..%2Fbob"


@pytest.mark.parametrize(
    ("root", "folder"),
    [
        ("home", "~"),
        ("~", "~"),
        ("home/projects/sales ü", "~/projects/sales ü"),
        ("link", "~/projects"),
        ("home of others", None),
    ],
)
def test_a_prefix_takes_the_folder_that_is_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: str, folder: str | None
) -> None:
    (tmp_path / "home/projects").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "home/projects")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    served = root if root == "~" else str(tmp_path / root)
    folder = folder or f"{tmp_path.resolve()}/{root}".lstrip("/")

    class Server(Configurable):
        root_dir = served

    settings = BookstoreSettings(parent=Server(), store_url="local")
    assert expand_prefix(settings, "workspace_prefix") == f"workspace/{folder}"
    assert expand_prefix(settings, "published_prefix") == "published"
    require_working(settings)


def test_store_options_follow_store_url(tmp_path: Path) -> None:
    assert BookstoreSettings().store_options() is None
    local = BookstoreSettings(store_url="local", local_dir=str(tmp_path))
    assert local.store_options() == LocalOptions(directory=tmp_path / "store")
    elsewhere = BookstoreSettings(store_url="file:///with%20space", s3_bucket="b")
    assert elsewhere.store_options() == LocalOptions(directory=Path("/with space"))
    in_bucket = BookstoreSettings(s3_bucket="b", max_threads=3).store_options()
    assert isinstance(in_bucket, S3Options)
    assert in_bucket.url == "https://s3.amazonaws.com/b"
    assert in_bucket.max_connections == 3


def test_options_show_no_secret() -> None:
    options = BookstoreSettings(
        s3_bucket="b", s3_secret_access_key="hush", s3_session_token="hush"
    ).store_options()
    assert "hush" not in repr(options)
