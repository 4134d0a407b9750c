"""Define the settings of Bookstore, ``c.BookstoreSettings.…``, and check them."""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterator
from pathlib import Path
from string import Formatter
from typing import Any
from urllib.parse import quote, urlsplit

from jupyter_core.paths import jupyter_data_dir
from traitlets import Bool, Dict, Float, Int, List, TraitError, Unicode, default
from traitlets.config import LoggingConfigurable

from .storage.options import AWS_ENDPOINT_URL, LocalOptions, S3Options, put_option_problems
from .validation import BadInput, bucket_name, key_prefix, shown

_Problem = tuple[str, str]  # the name of a setting; what is wrong with it, and what to do

LOCAL = "local"
CHECKSUM_MODES = ("", "when_required", "when_supported")
_LEAST = (
    ("max_threads", 1, "uploads at once are none"),
    ("max_clone_size", 1, "bytes are no file"),
    ("shutdown_timeout", 0, "is negative"),
)


class Text(Unicode):  # type: ignore[type-arg]
    """Take a text; None in a configuration file stands for the default, as where it is not set.

    Parameters
    ----------
    default_value : str
    environment : str
        The variable whose value is the default, if it is set.
    **options
        As for `Unicode`.
    """

    def __init__(self, default_value: str = "", *, environment: str = "", **options: Any) -> None:
        super().__init__(default_value, **options)
        self._environment = environment

    def default(self, obj: Any = None) -> str:
        """Return the default."""
        return os.environ.get(self._environment, str(self.default_value))

    def validate(self, obj: Any, value: Any) -> Any:
        """Replace None."""
        return super().validate(obj, obj.trait_defaults(self.name) if value is None else value)


class BookstoreSettings(LoggingConfigurable):
    """Configure where versions are kept, and how they get there.

    Each setting can be given in a Jupyter config file, as in ``c.BookstoreSettings.s3_bucket =
    "notebooks"``, or on the command line, as in ``--BookstoreSettings.s3_bucket=notebooks``.
    """

    store_url = Text(
        help="""Which store keeps the versions. Empty: the S3 bucket that `s3_bucket` names; if that
        is empty too, archiving is off. "local": an embedded store in `local_dir`.
        "file:///a/directory": an embedded store in that directory.""",
    ).tag(config=True)
    local_dir = Text(
        help="""Directory for what is kept on this machine: pending saves, and the embedded store.
        An absolute path; ~ stands for the home directory. Several servers of one user may share
        it. Default: `bookstore` in Jupyter's data directory.""",
    ).tag(config=True)
    workspace_prefix = Text(
        help="""Prefix of the keys of saved notebooks. "{username}" in it stands for the user's
        name on the JupyterHub, or without a hub for that of the operating system's user; "{folder}"
        for the folder that the server shows, such as "~/projects", so that notebooks of two folders
        do not meet. Default: "workspace"; with `store_url`, "workspace/{folder}".""",
    ).tag(config=True)
    published_prefix = Text(
        "published",
        help="""Prefix of the keys of published notebooks. "{username}" in it stands for the user's
        name, as in `workspace_prefix`.""",
    ).tag(config=True)
    s3_bucket = Text(
        environment="JPYNB_S3_BUCKET",
        help="The bucket that keeps the versions. Default: $JPYNB_S3_BUCKET.",
    ).tag(config=True)
    s3_endpoint_url = Text(
        AWS_ENDPOINT_URL,
        environment="JPYNB_S3_ENDPOINT_URL",
        help=f"""Address of the object store. Default: $JPYNB_S3_ENDPOINT_URL, or
        {AWS_ENDPOINT_URL}.""",
    ).tag(config=True)
    s3_region_name = Text(
        "us-east-1",
        environment="JPYNB_S3_REGION_NAME",
        help="Region of the bucket. Default: $JPYNB_S3_REGION_NAME, or us-east-1.",
    ).tag(config=True)
    s3_access_key_id = Text(
        environment="JPYNB_S3_ACCESS_KEY_ID",
        help="""Access key id. Default: $JPYNB_S3_ACCESS_KEY_ID; if that is empty too, botocore
        looks for credentials.""",
    ).tag(config=True)
    s3_secret_access_key = Text(
        environment="JPYNB_S3_SECRET_ACCESS_KEY",
        help="Secret access key. Default: $JPYNB_S3_SECRET_ACCESS_KEY.",
    ).tag(config=True)
    s3_session_token = Text(
        help="Session token of temporary credentials.",
    ).tag(config=True)
    s3_profile = Text(
        help="Profile of the AWS configuration files to take credentials from.",
    ).tag(config=True)
    s3_put_options = Dict(
        key_trait=Unicode(),
        help="""Further arguments of every PutObject, such as {"StorageClass": "STANDARD_IA"},
        {"Tagging": "team=a"} or {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "…"}.""",
    ).tag(config=True)
    s3_checksum_mode = Text(
        help="""When uploads carry the newer checksums of S3: "when_supported" or "when_required".
        Empty: when supported at AWS, when required elsewhere.""",
    ).tag(config=True)
    allow_unversioned = Bool(
        False,
        help="""Whether to archive to a bucket that does not keep versions, where each save replaces
        the one before. Otherwise saves wait until its versioning is turned on.""",
    ).tag(config=True)
    max_threads = Int(16, help="Maximum number of uploads and downloads at once.").tag(config=True)
    shutdown_timeout = Float(
        10.0,
        help="""For how many seconds a server that is shut down may go on uploading pending saves.
        The others wait in `local_dir` for the next start.""",
    ).tag(config=True)
    skip_unchanged = Bool(
        False,
        help="""Whether a save with the same bytes as the newest version makes no version.""",
    ).tag(config=True)
    enable_s3_cloning = Bool(
        True, help="Whether notebooks can be cloned from a bucket.", config=True
    )
    clone_buckets = List(
        Unicode(),
        ["*"],
        help="""Names of the buckets that may be cloned from; * matches anything.""",
    ).tag(config=True)
    max_clone_size = Int(
        512 * 1024**2,
        help="""Maximum size in bytes of a file that is cloned, read or restored.""",
    ).tag(config=True)
    fs_cloning_basedir = Text(
        help="""Absolute path of a directory whose files can be cloned. Empty: cloning from the file
        system is off.""",
    ).tag(config=True)

    @default("workspace_prefix")
    def _workspace_prefix_default(self) -> str:
        return "workspace/{folder}" if self.store_url else "workspace"

    @default("local_dir")
    def _local_dir_default(self) -> str:
        return str(Path(jupyter_data_dir()).absolute() / "bookstore")

    @property
    def folder(self) -> str:
        """Return the folder with the notebooks, as ``{folder}`` in a prefix stands for it.

        It is that of the contents manager or application that these settings belong to.
        """
        served = getattr(self.parent, "root_dir", "") or getattr(self.parent, "notebook_dir", "")
        root, home = map(os.path.realpath, map(os.path.expanduser, (served or ".", "~")))
        if os.path.commonpath([root, home]) == home:
            return os.path.normpath(os.path.join("~", os.path.relpath(root, home)))
        return root.strip("/") or "root"

    @property
    def local_path(self) -> Path:
        """Return `local_dir`, with its ``~`` filled in."""
        return Path(os.path.expanduser(self.local_dir))  # pathlib's own fails for unknown users

    def values(self) -> dict[str, Any]:
        """Return all settings by name, to be passed on to another process; secrets included."""
        return {name: getattr(self, name) for name in sorted(self.class_own_traits(config=True))}

    def store_options(self) -> LocalOptions | S3Options | None:
        """Return which store is named and how to reach it; None where none is.

        Raises
        ------
        ValueError
            If `store_url` is no URL of a store.
        """
        if self.store_url == LOCAL:
            return LocalOptions(directory=self.local_path / "store")
        if self.store_url:
            return LocalOptions.from_url(self.store_url)
        if not (self.s3_bucket and self.s3_endpoint_url):
            return None
        return self.s3_options(self.s3_bucket)

    def s3_options(self, bucket: str) -> S3Options:
        """Return how to reach a bucket of the object store that is configured."""
        return S3Options(
            bucket=bucket,
            index_directory=self.local_path / "index",
            endpoint_url=self.s3_endpoint_url,
            region_name=self.s3_region_name,
            access_key_id=self.s3_access_key_id,
            secret_access_key=self.s3_secret_access_key,
            session_token=self.s3_session_token,
            profile=self.s3_profile,
            put_options=self.s3_put_options,
            checksum_mode=self.s3_checksum_mode,
            allow_unversioned=self.allow_unversioned,
            max_connections=self.max_threads,
        )


def validate_bookstore(settings: BookstoreSettings) -> dict[str, bool]:
    """Return which features the settings turn on.

    Parameters
    ----------
    settings : BookstoreSettings

    Returns
    -------
    dict of str to bool
        ``bookstore_valid``: a store is named. ``archive_valid`` and ``publish_valid``: and there is
        a prefix for it. ``s3_clone_valid``, ``fs_clone_valid``: cloning is turned on.
    """
    try:
        named = settings.store_options() is not None
    except ValueError:
        named = False
    return {
        "bookstore_valid": named,
        "archive_valid": named and settings.workspace_prefix != "",
        "publish_valid": named and settings.published_prefix != "",
        "s3_clone_valid": settings.enable_s3_cloning,
        "fs_clone_valid": os.path.isabs(settings.fs_cloning_basedir),
    }


def require_working(settings: BookstoreSettings) -> None:
    """Refuse settings that cannot work, with what to do about each.

    Raises
    ------
    TraitError
        A server reports it as a bad configuration and does not start.
    """
    checks = (_of_the_store, _of_the_bucket, _of_numbers, _of_folders, _of_prefixes)
    problems = [problem for check in checks for problem in check(settings)]
    if problems:
        raise TraitError(" ".join(f"c.BookstoreSettings.{name}: {what}" for name, what in problems))


def _of_the_store(settings: BookstoreSettings) -> Iterator[_Problem]:
    try:
        settings.store_options()
    except ValueError as error:
        yield "store_url", f'{error}. Use "", "local" or such a URL.'


def _of_the_bucket(settings: BookstoreSettings) -> Iterator[_Problem]:
    if settings.s3_bucket:
        try:
            bucket_name(settings.s3_bucket)
        except BadInput as error:
            yield "s3_bucket", f"{error} Give the name alone, without s3:// and without a folder."
    if settings.s3_endpoint_url and not _is_http_url(settings.s3_endpoint_url):
        yield (
            "s3_endpoint_url",
            f"{settings.s3_endpoint_url!r} is not a URL."
            " Write it as https://host or http://host:port.",
        )
    if settings.s3_checksum_mode not in CHECKSUM_MODES:
        yield (
            "s3_checksum_mode",
            f"{settings.s3_checksum_mode!r} is unknown."
            f" Use one of {', '.join(map(repr, CHECKSUM_MODES))}.",
        )
    for problem in put_option_problems(settings.s3_put_options):
        yield "s3_put_options", problem


def _of_numbers(settings: BookstoreSettings) -> Iterator[_Problem]:
    for setting, least, instead in _LEAST:
        if (value := getattr(settings, setting)) < least:
            yield setting, f"{value:g} {instead}. Use {least} or more."


def _of_folders(settings: BookstoreSettings) -> Iterator[_Problem]:
    # A relative one would be another folder for each that a server or a command is started in.
    if not _is_absolute(os.path.expanduser(settings.local_dir)):
        yield (
            "local_dir",
            f"{shown(settings.local_dir)} is not an absolute path."
            " Write it as /a/directory or ~/a/directory.",
        )
    if settings.fs_cloning_basedir and not os.path.isabs(settings.fs_cloning_basedir):
        yield (
            "fs_cloning_basedir",
            f"{settings.fs_cloning_basedir!r} is relative."
            " Give an absolute path, or leave it empty to turn cloning from the file system off.",
        )


def _of_prefixes(settings: BookstoreSettings) -> Iterator[_Problem]:
    folders = []
    for setting in ("workspace_prefix", "published_prefix"):
        try:
            if prefix := expand_prefix(settings, setting):
                folders.append(f"{_key_prefix(prefix)}/")
        except BadInput as error:
            yield setting, str(error)
    if len(folders) == 2 and (
        folders[0].startswith(folders[1]) or folders[1].startswith(folders[0])
    ):
        # An empty one turns its feature off, and is in nobody's way.
        yield (
            "published_prefix",
            f"{shown(settings.published_prefix)} and workspace_prefix,"
            f" {shown(settings.workspace_prefix)}, are the same or one is inside the other:"
            " removing old saves would remove what is published. Give them folders side by side.",
        )


def _key_prefix(prefix: str) -> str:
    try:
        return key_prefix(prefix)
    except BadInput as error:
        raise BadInput(f"{error} Write it like notebooks or team/notebooks.") from None


def _is_absolute(path: str) -> bool:
    try:
        return os.path.isabs(path) and b"\0" not in os.fsencode(path)
    except UnicodeEncodeError:
        return False


def _is_http_url(text: str) -> bool:
    try:
        url = urlsplit(text)
        return url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError:  # no such host, or port, can be written
        return False


def expand_prefix(settings: BookstoreSettings, setting: str) -> str:
    """Fill in ``{username}`` in a prefix, and ``{folder}`` in that of saved notebooks.

    Parameters
    ----------
    settings : BookstoreSettings
    setting : str
        ``workspace_prefix`` or ``published_prefix``.

    Raises
    ------
    BadInput
        If the prefix asks for anything else.
    """
    prefix = getattr(settings, setting)
    values = {"username": quote(username(), safe="@ ~!$&'()*+,;=:")}  # one segment of the key
    if setting == "workspace_prefix":
        values["folder"] = settings.folder
    try:
        fields = [field for _, *field in Formatter().parse(prefix) if field[0] is not None]
    except ValueError:
        raise BadInput(
            f"{shown(prefix)} has a brace without its pair. Leave it out, or double it."
        ) from None
    if any(name not in values or form != ["", None] for name, *form in fields):
        known = " and ".join(f"{{{name}}}" for name in values)
        raise BadInput(f"In {shown(prefix)}, only {known} can be filled in.")
    return str(prefix.format(**values))


def username() -> str:
    """Return the user's name: that of the JupyterHub or, without one, of the operating system."""
    if name := os.environ.get("JUPYTERHUB_USER"):
        return name
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user id without a name, as containers have them
        return str(os.getuid())


def is_mixed(settings: BookstoreSettings) -> bool:
    """Return whether users of a JupyterHub, who share a bucket, save under one prefix."""
    is_shared = bool(os.environ.get("JUPYTERHUB_USER") and not settings.store_url)
    return is_shared and bool(settings.s3_bucket) and "{username}" not in settings.workspace_prefix
