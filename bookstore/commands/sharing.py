"""Publish notebooks, and print links to them: ``publish`` and ``link``."""

from __future__ import annotations

import os
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from traitlets import Bool, Unicode

from ..history.models import clone_link
from ..notebooks.json import read_notebook, write_notebook
from ..operations.publish import publish
from ..s3_paths import s3_url
from .arguments import UsageError
from .base import BookstoreCommand
from .versions import path_and_version

_USUAL = "http://localhost:8888"
_BADGE = "https://img.shields.io/badge/bookstore-clone-blue"


class _PublishedCommand(BookstoreCommand):
    def require_publishing(self) -> None:
        """Refuse where there is nothing published."""
        self.bookstore.require_store()
        if not self.bookstore.features["publish_valid"]:
            raise UsageError("Publishing is off: set c.BookstoreSettings.published_prefix.")


class Publish(_PublishedCommand):
    """Publish a notebook."""

    name = "jupyter bookstore publish"
    description = """Publish a notebook as it is on disk, so that others can clone it by a link.
    `link` prints the link. A notebook that another user published under the same path is
    replaced only with `--replace`; its versions are kept."""
    usage = "PATH"
    examples = """
    jupyter bookstore publish team/report.ipynb
    jupyter bookstore publish team/report.ipynb --replace
    """

    replace = Bool(help="Publish over a notebook that another user published.").tag(config=True)

    async def answer(self, *arguments: str) -> dict[str, Any]:
        """Publish it, as the server does."""
        self.require_publishing()
        path = self.path_of(arguments[0])
        if not path.endswith(".ipynb"):
            raise UsageError(f"{path} cannot be published: its name must end in .ipynb.")
        write = partial(_notebook, os.path.join(self.root, path))
        version = await self.bookstore.run(
            publish(self.bookstore, path, write, replace=self.replace)
        )
        return {
            "path": path,
            "s3_path": s3_url(self.bookstore.bucket, version.key),
            "versionID": version.version_id,
        }

    def show(self, answer: dict[str, Any]) -> None:
        """Print where it is."""
        print(f"{answer['s3_path']}, version {answer['versionID']}")
        print(f"jupyter bookstore link {answer['path']} gives the link to share.")


def _notebook(file: str) -> bytes:
    with open(file, "rb") as opened:
        return write_notebook(read_notebook(opened.read()))


class Link(_PublishedCommand):
    """Print the link to a published notebook."""

    name = "jupyter bookstore link"
    description = """Print the links that clone a published notebook: the clone link, the same as a
    Markdown badge and, if the address may be that of a JupyterHub, both in the form that leads each
    user to their own server. Without a version, a link always leads to the newest one.

    Without `--url`, the links use the public address of the JupyterHub that this command runs
    on, or else the address of the only server that runs on this machine. If there is none, or
    there are several, they use `http://localhost:8888`, with a warning on standard error."""
    usage = "PATH[@VERSION]"
    examples = """
    jupyter bookstore link team/report.ipynb
    jupyter bookstore link team/report.ipynb@3sL4kqtJlcpXroDTDmJ --url https://hub.example.org
    """

    url = Unicode(
        help="The address of the server or the JupyterHub, such as https://hub.example.org.",
    ).tag(config=True)

    async def answer(self, *arguments: str) -> dict[str, Any]:
        """Look whether it is there, and write the links."""
        self.require_publishing()
        file, version_id = path_and_version(arguments[0])
        key = self.bookstore.key("published", self.path_of(file))
        store = self.bookstore.stores.home()
        found = await self.bookstore.run(store.describe(key, version_id or None))
        link = clone_link(self.bookstore.bucket, key, version_id)
        known = self.url or _hub() or _only_server()
        url = (known or _USUAL).rstrip("/")
        server = f"{url}/{link}"
        hub = f"{url}/hub/user-redirect/{link}" if _may_be_hub(url) else None
        return {
            "clone_url": server,
            "badge": _badge(server),
            "hub_url": hub,
            "hub_badge": hub and _badge(hub),
            "newest": found.version_id,
            "problem": None if known else f"It is a guess that the server is at {url}: give --url.",
        }

    def show(self, answer: dict[str, Any]) -> None:
        """Print them."""
        print(f"Clone link:       {answer['clone_url']}")
        print(f"Markdown badge:   {answer['badge']}")
        if answer["hub_url"]:
            print(f"On a JupyterHub:  {answer['hub_url']}")
            print(f"Markdown badge:   {answer['hub_badge']}")

    def problems(self, answer: dict[str, Any]) -> list[str]:
        """Return whether something was guessed."""
        return [answer["problem"]] if answer["problem"] else []

    def code(self, answer: dict[str, Any]) -> int:
        """Print the problems; with a guess, the command has done its work."""
        super().code(answer)
        return 0


def _badge(url: str) -> str:
    return f"[![Clone this notebook]({_BADGE})]({url})"


def _hub() -> str:
    """Return the address of the JupyterHub that we are a user of, without its ``/hub/``."""
    return os.environ.get("JUPYTERHUB_PUBLIC_HUB_URL", "").removesuffix("/").removesuffix("/hub")


def _only_server() -> str:
    """Return the address of the server that runs here, if there is one and no hub before it."""
    from ..client.servers import running_servers  # with it comes requests

    servers = [] if "JUPYTERHUB_SERVICE_PREFIX" in os.environ else running_servers()
    return str(servers[0]["url"]) if len(servers) == 1 else ""


def _may_be_hub(url: str) -> bool:
    from ..client.servers import is_this_machine

    address = urlsplit(url)
    return not is_this_machine(address.hostname or "") and "/user/" not in address.path
