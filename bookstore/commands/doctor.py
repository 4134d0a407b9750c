"""Check by trying whether archiving can work, and say what to do where it cannot."""

from __future__ import annotations

import asyncio
import io
import os
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from tempfile import NamedTemporaryFile
from typing import Any, Literal

from ..bookstore_config import is_mixed, username
from ..core import MIXED, Section
from ..formatting import print_table
from ..saves.outbox import Outbox
from ..storage import Provenance, Store, StoreError, Version
from .base import FAILED, BookstoreCommand

_CONTENT = b"jupyter bookstore doctor tried whether this can be written. It can be deleted.\n"
_NAME = "bookstore-doctor.txt"
_UNKNOWN_HUB = (
    "Links that are made in a kernel or by the shell do not have this JupyterHub's address: its"
    " administrator sets c.JupyterHub.public_url."
)
_MOST_SKEW = 60.0  # seconds; object stores refuse requests where it is 15 minutes

State = Literal["ok", "note", "problem"]


@dataclass(frozen=True)
class Check:
    """Hold the outcome of one check.

    Attributes
    ----------
    name : str
    state : "ok", "note" or "problem"
        A note is of something that archiving can do without.
    message : str
        What was seen, and what to do about it.
    """

    name: str
    state: State
    message: str


class Doctor(BookstoreCommand):
    """Find out whether archiving can work."""

    name = "jupyter bookstore doctor"
    description = """Check whether the store is reachable, keeps every version and permits what
    Bookstore does there; compare clocks; show the checksum mode; read every version of the embedded
    store; check whether saves can be recorded on this machine, and whether some are pending. Each
    check is a line that begins with `ok`, `problem`, or `note` (archiving works without it), and
    says what to do.

    The check of permissions writes `bookstore-doctor.txt` under the workspace prefix and deletes
    it. Where deleting is not permitted, which only `prune` needs, this small object stays."""
    examples = """
    jupyter bookstore doctor
    jupyter bookstore doctor --json
    """

    async def answer(self, *arguments: str) -> dict[str, Any]:
        """Try everything, one after the other."""
        self.bookstore.require_store()
        checks = [self._settings()]
        if is_mixed(self.bookstore.settings):
            checks.append(Check("users", "problem", MIXED))
        hub = os.environ.get("JUPYTERHUB_BASE_URL")
        if hub and not os.environ.get("JUPYTERHUB_PUBLIC_HUB_URL"):
            checks.append(Check("links", "note", _UNKNOWN_HUB))
        checks += await self.bookstore.run(self._tried())
        checks += [self._checksums(), await self.bookstore.run(self._kept())]
        checks += await asyncio.to_thread(self._on_this_machine)
        return {"checks": [asdict(check) for check in checks]}

    def show(self, answer: dict[str, Any]) -> None:
        """Print a line for each check."""
        print_table([(c["state"], c["name"], c["message"]) for c in answer["checks"]])

    def code(self, answer: dict[str, Any]) -> int:
        """Fail if there is a problem."""
        return FAILED if any(c["state"] == "problem" for c in answer["checks"]) else 0

    def _settings(self) -> Check:
        is_on = self.bookstore.recorder is not None
        where = self.bookstore.description
        return Check("settings", "ok" if is_on else "problem", where[0].upper() + where[1:])

    async def _tried(self) -> list[Check]:
        section: Section = "workspace" if self.bookstore.recorder else "published"
        key = self.bookstore.key(section, _NAME)
        store = self.bookstore.stores.home()
        return [check async for check in _try(store, key, self._advice())]

    async def _kept(self) -> Check:
        """Read every version that is kept on this machine."""
        try:
            faults = await self.bookstore.stores.home().verify()
        except StoreError as error:
            faults = [str(error)]
        if not faults:
            return Check("kept", "ok", "What is kept on this machine is as it was archived.")
        more = f" There are {len(faults) - 1} more of these." if len(faults) > 1 else ""
        return Check("kept", "problem", f"{faults[0]}{more}")

    def _advice(self) -> str:
        """Return what to do where nothing can be written."""
        advice = "Saves are pending until this works."
        settings = self.bookstore.settings
        if settings.s3_put_options and not settings.store_url:
            advice += " Try whether it does without s3_put_options."
        return advice

    def _checksums(self) -> Check:
        mode = self.bookstore.require_store().checksums
        if not mode:
            return Check("checksums", "ok", "The embedded store needs none.")
        chosen = "as set" if self.bookstore.settings.s3_checksum_mode else "chosen by the endpoint"
        when = mode.replace("_", " ")
        return Check(
            "checksums", "ok", f"Uploads carry one {when}, {chosen}; s3_checksum_mode changes that."
        )

    def _on_this_machine(self) -> list[Check]:
        recorder = self.bookstore.recorder
        if recorder is None:
            return []
        status = recorder.archive_status()
        return [
            self._recording(),
            _none("pending", status.pending, "Run jupyter bookstore drain."),
            _none("failed", status.failed, "See jupyter bookstore status."),
            *(
                Check(
                    "elsewhere",
                    "note",
                    f"{other.pending} wait for {other.store}, which is not configured now:"
                    f" jupyter bookstore drain --from {other.store} uploads them to this one.",
                )
                for other in status.elsewhere
            ),
        ]

    def _recording(self) -> Check:
        """Check that the outbox is writable, by writing to it."""
        url = self.bookstore.require_store().url
        outbox = Outbox(self.bookstore.settings.local_path, url)
        try:
            outbox.create()
            with NamedTemporaryFile(dir=outbox.directory) as file:
                file.write(_CONTENT)
                file.flush()
        except OSError as error:
            place, reason = error.filename or outbox.directory, error.strerror or error
            message = f"Saves cannot be recorded: {reason} ({place})."
            return Check("local_dir", "problem", f"{message} Correct local_dir, or the folder.")
        return Check("local_dir", "ok", "Saves can be recorded on this machine.")


def _none(name: str, count: int, advice: str) -> Check:
    if count == 0:
        return Check(name, "ok", "None.")
    return Check(name, "problem" if name == "failed" else "note", f"{count}. {advice}")


async def _try(store: Store, key: str, advice: str) -> AsyncIterator[Check]:
    answer = await store.check()
    if answer.versioned is None:
        try:
            await store.keys(key, limit=1)
        except StoreError as error:
            yield Check("reach", "problem", str(error))
            return
    yield Check("reach", "ok", f"{store.url} answers.")
    if answer.credentials:
        yield Check("credentials", "ok", answer.credentials)
    if answer.versioned or answer.problem:
        message = answer.problem or "The store keeps every version."
        yield Check("versioning", "ok" if answer.versioned else "problem", message)
    else:
        yield Check("versioning", "note", "Each save replaces the one before: allow_unversioned.")
    if answer.versioned is False and answer.problem:
        return
    try:
        version = await _put(store, key)
    except StoreError as error:
        yield Check("put", "problem", f"{error} {advice}")
        return
    yield Check("put", "ok", "A version can be written.")
    yield await _get(store, version)
    yield await _list(store, version)
    yield await _clock(store, version)
    yield await _delete(store, version)


async def _put(store: Store, key: str) -> Version:
    content = io.BytesIO(_CONTENT)
    return await store.put(key, content, Provenance.new(content, author=username()))


async def _get(store: Store, version: Version) -> Check:
    target = io.BytesIO()
    try:
        await store.download(version.key, target, version.version_id)
    except StoreError as error:
        return Check("get", "problem", f"{error} Versions cannot be shown or restored.")
    if target.getvalue() != _CONTENT:
        return Check("get", "problem", "What comes back is not what was written: do not trust it.")
    return Check("get", "ok", "A version can be read, and is what was written.")


async def _list(store: Store, version: Version) -> Check:
    try:
        await store.keys(version.key, limit=1)
        page = await store.versions(version.key, limit=10)
    except StoreError as error:
        return Check("list", "problem", f"{error} The archive cannot be looked through.")
    if all(listed.version_id != version.version_id for listed in page.versions):
        return Check("list", "problem", "What was just written is not among the versions listed.")
    return Check("list", "ok", "Versions can be listed.")


async def _clock(store: Store, version: Version) -> Check:
    """Compare the store's clock with ours, by two times of the version that was just written."""
    try:
        stored_at = (await store.describe(version.key, version.version_id)).stored_at
    except StoreError as error:
        return Check("clock", "note", f"The store's time is not known: {error}")
    skew = (stored_at - version.stored_at).total_seconds()
    if abs(skew) < _MOST_SKEW:
        return Check("clock", "ok", "The store's clock agrees with this machine's.")
    relation = "ahead of" if skew > 0 else "behind"
    return Check(
        "clock",
        "problem",
        f"The store's clock is {abs(skew):.0f} s {relation} this machine's: correct the wrong one,"
        " or the store will refuse requests.",
    )


async def _delete(store: Store, version: Version) -> Check:
    try:
        is_refused = bool(await store.delete([version]))
    except StoreError:
        is_refused = True
    if is_refused:
        return Check(
            "delete",
            "note",
            "Versions cannot be deleted. Only prune needs that; but what was tried stays, as"
            f" {version.key}.",
        )
    return Check("delete", "ok", "A version can be deleted. Only prune needs that.")
