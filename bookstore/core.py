"""Create the `Bookstore` of this process: once, by `get_bookstore`, and close it at exit."""

from __future__ import annotations

import asyncio
import atexit
import json
from collections.abc import Coroutine
from logging import Logger
from typing import Any, BinaryIO, Literal, TypeVar, cast, get_args

from traitlets.config import Configurable

from ._version import __version__
from .bookstore_config import (
    BookstoreSettings,
    expand_prefix,
    is_mixed,
    require_working,
    validate_bookstore,
)
from .history.catalogue import Catalogue
from .history.lineage import Entry
from .history.versions import History
from .s3_paths import s3_key
from .saves.identities import Identities
from .saves.outbox import Outbox
from .saves.recorder import Recorder
from .saves.status import ArchiveStatus, Status
from .storage import LocalOptions, NoStore, S3Options, open_index
from .storage.loop import StoreLoop
from .storage.stores import Stores
from .validation import BadInput, object_key, shown

T = TypeVar("T")
Section = Literal["workspace", "published"]

MIXED = (
    "All users of this JupyterHub save under the same keys, and see and replace each other's"
    ' notebooks. Set c.BookstoreSettings.workspace_prefix to "workspace/{username}".'
)

_open: dict[str, Bookstore] = {}


def section_of(name: str) -> Section:
    """Check the name of a section. Raises `BadInput`."""
    if name in get_args(Section):
        return cast(Section, name)
    raise BadInput(f"in must be workspace or published, not {shown(name)}.")


def get_bookstore(parent: Configurable) -> Bookstore:
    """Get the `Bookstore` for the settings that apply to a contents manager or an application.

    Raises
    ------
    TraitError
        If a setting cannot work.
    """
    settings = BookstoreSettings(parent=parent)
    require_working(settings)
    # The folder that is served makes a difference only where a prefix asks for it.
    prefix = expand_prefix(settings, "workspace_prefix")
    wanted = json.dumps([prefix, settings.values()], sort_keys=True)
    if wanted not in _open:
        bookstore = _open[wanted] = Bookstore(settings)
        atexit.register(bookstore.close)
        bookstore.log.info("Bookstore %s: %s", __version__, bookstore.description)
    return _open[wanted]


class Bookstore:
    """Own the settings, the stores and the recorder of this process.

    Coroutines that use the stores are run with `run`, in an event loop of their own.

    Attributes
    ----------
    settings : BookstoreSettings
    features : dict of str to bool
        What the settings turn on, by `validate_bookstore`.
    stores : Stores
    recorder : Recorder or None
        None where archiving is off.
    naming : asyncio.Lock
        Held from the search for a free file name until the file is there.
    log : Logger
        The server's.
    """

    def __init__(self, settings: BookstoreSettings) -> None:
        self.settings = settings
        self.log: Logger = settings.log
        self.features = validate_bookstore(settings)
        self._options = settings.store_options()
        self._prefixes: dict[Section, str] = {
            "workspace": s3_key(expand_prefix(settings, "workspace_prefix")),
            "published": s3_key(expand_prefix(settings, "published_prefix")),
        }
        self.naming = asyncio.Lock()
        self._loop = StoreLoop()
        self.stores = Stores(self._options, settings.s3_options(""))
        self.recorder: Recorder | None = None
        self._history: History | None = None
        self._catalogue: Catalogue | None = None
        if self._options:
            outbox = Outbox(settings.local_path, self._options.url)
            identities = Identities(outbox.directory)
            folders = [self.shown_folder(section) for section in self.sections]
            index = open_index(self._options)
            self._history = History(self.stores, outbox, index, identities, folders)
            self._catalogue = Catalogue(self.stores, outbox, index, identities)
            if self.features["archive_valid"]:
                prefix = self._prefixes["workspace"]
                self.recorder = Recorder(settings, prefix, outbox, identities, self.log)

    @property
    def description(self) -> str:
        """Return where saves are archived, or how to have them archived."""
        if self._options is None:
            return f"saves are not archived. {NoStore()}"
        if self.recorder is None:
            return "saves are not archived. Set c.BookstoreSettings.workspace_prefix."
        return f"saves are archived to {self._options.place(self._prefixes['workspace'])}."

    @property
    def history(self) -> History:
        """Return the histories of notebooks, to be used with `run`. Raises `NoStore`."""
        if self._history is None:
            raise NoStore
        return self._history

    @property
    def catalogue(self) -> Catalogue:
        """Return the list of notebooks, to be used with `run`. Raises `NoStore`."""
        if self._catalogue is None:
            raise NoStore
        return self._catalogue

    def require_store(self) -> LocalOptions | S3Options:
        """Return which store the settings name. Raises `NoStore`."""
        if self._options is None:
            raise NoStore
        return self._options

    @property
    def bucket(self) -> str:
        """Return the bucket of the saves, as links name it; empty where no store is named."""
        return self._options.bucket if self._options else ""

    def key(self, section: Section, path: str) -> str:
        """Return the key of a notebook in a section.

        Where each user publishes to a folder of their own, ``~ann/report.ipynb`` is Ann's.

        Raises
        ------
        NoStore
            If the prefix is empty, which turns that feature off.
        BadInput
            If the path of somebody else's notebook leads elsewhere.
        """
        folder, shown = self.folder(section), self.shown_folder(section)
        if path.startswith("~") and shown != folder:
            return object_key(shown + path[1:])
        return folder + path

    def path_of(self, section: Section, key: str) -> str:
        """Return the path by which `key` finds a notebook again."""
        folder, shown = self.folder(section), self.shown_folder(section)
        path = key.removeprefix(folder)
        if shown == folder or (key.startswith(folder) and not path.startswith("~")):
            return path
        return f"~{key.removeprefix(shown)}"

    def shown_folder(self, section: Section) -> str:
        """Return the prefix of the keys that are listed: the user's own, or all published."""
        return self.shared_folder(section) if section == "published" else self.folder(section)

    def shared_folder(self, section: Section) -> str:
        """Return the prefix of all users' keys: the setting up to its ``{username}``.

        It is that of the user's own keys if ``{username}`` begins no folder, or is not used.
        """
        prefix = getattr(self.settings, f"{section}_prefix")
        before, username, _ = prefix.lstrip("/").partition("{username}")
        return before if username and before.endswith("/") else self.folder(section)

    def folder(self, section: Section) -> str:
        """Return the prefix of the user's keys in a section, with its slash.

        Raises
        ------
        NoStore
            If the prefix is empty, which turns that feature off.
        """
        prefix = self._prefixes[section]
        if not prefix:
            raise NoStore(f"This is off: set c.BookstoreSettings.{section}_prefix.")
        return f"{prefix}/"

    @property
    def sections(self) -> list[Section]:
        """Return the sections that are on: those whose prefix is not empty."""
        return [section for section, prefix in self._prefixes.items() if prefix]

    async def read(
        self, key: str, version_id: str | None, target: BinaryIO, *, limit: int | None = None
    ) -> Entry:
        """Write the bytes of a version to an open file, and go back to its beginning.

        They are `max_clone_size`, or `limit`, at most. Run this with `run` or `wait`; it raises
        what `History.read` raises.
        """
        most = self.settings.max_clone_size
        limit = most if limit is None else min(limit, most)
        entry = await self.history.read(key, version_id, target, limit=limit)
        target.seek(0)
        return entry

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Await a coroutine that uses the stores; it runs in the stores' thread."""
        return await self._loop.run(work)

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """Run such a coroutine and block until it is done; not for an event loop's thread."""
        return self._loop.submit(work).result()

    def start(self) -> None:
        """Begin to upload in the background."""
        if self.recorder:
            self.recorder.start()
            self.recorder.warn_of_others()
            if is_mixed(self.settings):
                self.log.warning("Bookstore: %s", MIXED)

    def close(self) -> None:
        """Upload what is pending, for `shutdown_timeout` seconds at most."""
        if self.recorder:
            self.recorder.close()
        self._loop.close(self.stores.close())

    def status(self) -> Status:
        """Return the state of archiving, from files of this machine."""
        return Status(
            release=__version__,
            description=self.description,
            features=self.features,
            store=self.recorder.store_status() if self.recorder else None,
            archive=self.recorder.archive_status() if self.recorder else ArchiveStatus(),
        )
