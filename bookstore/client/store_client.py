"""Send requests to Bookstore on the server that has this notebook open."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import requests

from .errors import BookstoreError
from .nb_client import CurrentNotebookClient, message_of

if TYPE_CHECKING:
    from .results import (
        CopyResult,
        DiffResult,
        Pages,
        PublishResult,
        StatusResult,
        Version,
        Versions,
    )

_PAGE = 200  # versions in a request; the server sends no more

__all__ = ["BookstoreClient", "BookstoreError"]


class BookstoreClient(CurrentNotebookClient):
    """Publish, list, compare, restore and clone notebooks from within a notebook.

    Paths are relative to the server's root folder, with ``/`` between their parts.

    Parameters
    ----------
    s3_bucket : str, optional
        The bucket that `clone` reads from by default.
    url : str, optional
        The server's address; also in the form that a server prints at its start,
        ``http://localhost:8888/lab?token=…``. By default the server is looked for.
    token, password : str, optional
        How to authenticate. By default the token of the server that was found; a server with a
        password has none.
    path : str, optional
        The path of this notebook. By default it is looked for.
    verify : bool or str, optional
        The file of the certificate authorities to trust. The default is what the environment
        variable ``REQUESTS_CA_BUNDLE`` names, or the authorities that `requests` trusts.

    Attributes
    ----------
    default_bucket : str or None
        The bucket that `clone` reads from by default.

    Examples
    --------
    >>> from bookstore.client import BookstoreClient
    >>> client = BookstoreClient("notebooks")  # looks for the server at the first request
    >>> client.default_bucket
    'notebooks'
    """

    def __init__(
        self,
        s3_bucket: str | None = None,
        *,
        url: str | None = None,
        token: str | None = None,
        password: str | None = None,
        path: str | None = None,
        verify: bool | str | None = None,
    ) -> None:
        super().__init__(url=url, token=token, password=password, path=path, verify=verify)
        self.default_bucket = s3_bucket

    @property
    def bookstore_endpoint(self) -> str:
        """Return the address of Bookstore's API."""
        return f"{self.url}/api/bookstore"

    @property
    def publish_endpoint(self) -> str:
        """Return the address to publish at."""
        return f"{self.bookstore_endpoint}/publish/"

    @property
    def clone_endpoint(self) -> str:
        """Return the address to clone at."""
        return f"{self.bookstore_endpoint}/clone"

    def publish(self, path: str | None = None, *, replace: bool = False) -> PublishResult:
        """Publish a notebook as it was last saved.

        Edits that are not saved are not published: a kernel cannot save the notebook.

        Parameters
        ----------
        path : str, optional
            The default is this notebook.
        replace : bool
            Whether to publish over a notebook that another user published.

        Returns
        -------
        PublishResult
            With the link to share, and when the notebook was last saved.

        Raises
        ------
        BookstoreError
        """
        from .results import PublishResult, read_time

        path = self._path_or_own(path)
        saved = self._saved(path)
        body = {"type": saved["type"], "content": saved["content"]}
        url = self.publish_endpoint + quote(path) + "?replace=true" * replace
        answer = self._ask("PUT", url, data=json.dumps(body))
        return PublishResult(
            path=path,
            last_saved=read_time(saved.get("last_modified")),
            s3_path=str(answer.get("s3_path") or ""),
            version_id=str(answer.get("versionID") or ""),
            clone_url=str(answer.get("clone_url") or ""),
            note=str(answer.get("note") or ""),
            model=answer,
            pages=self._pages(),
        )

    def clone(
        self,
        s3_bucket: str = "",
        s3_key: str = "",
        target_path: str = "",
        s3_version_id: str | None = None,
    ) -> CopyResult:
        """Copy a version from a bucket into a new file.

        Parameters
        ----------
        s3_bucket : str, optional
            The default is the client's `default_bucket`.
        s3_key : str
        target_path : str, optional
            The default is the key's last part. A file that exists is not replaced: the copy gets
            the next free name.
        s3_version_id : str, optional
            The default is the newest version.

        Returns
        -------
        CopyResult
            Its `path` is that of the new file.

        Raises
        ------
        BookstoreError
        """
        from .results import CopyResult

        bucket = s3_bucket or self.default_bucket
        if not bucket:
            raise BookstoreError(
                "No bucket to clone from: pass s3_bucket= to clone() or to BookstoreClient()."
            )
        if not s3_key:
            raise BookstoreError("No key to clone: pass s3_key=.")
        wanted = {
            "s3_bucket": bucket,
            "s3_key": s3_key,
            "target_path": target_path,
            "s3_version_id": s3_version_id,
        }
        wanted = {name: value for name, value in wanted.items() if value}
        answer = self._ask("POST", self.clone_endpoint, json=wanted)
        return CopyResult(
            path=answer["path"],
            source=answer.get("s3_path") or f"s3://{bucket}/{s3_key}",
            replaced=False,
            model=answer,
            pages=self._pages(),
        )

    def versions(
        self, path: str | None = None, *, published: bool = False, limit: int | None = 100
    ) -> Versions:
        """List the versions of a notebook, newest first.

        Parameters
        ----------
        path : str, optional
            The default is this notebook.
        published : bool, optional
            List the published versions instead of the saved ones.
        limit : int, optional
            The most versions to list; None for all.

        Returns
        -------
        Versions
            A sequence.

        Raises
        ------
        BookstoreError
        """
        from .results import Version, Versions

        path = self._path_or_own(path)
        section = "published" if published else "workspace"
        query: dict[str, Any] = {"in": section}
        found: list[Version] = []
        while True:
            query["limit"] = _PAGE if limit is None else min(_PAGE, limit - len(found))
            page = self._ask("GET", self._url_of("versions", path), params=query)
            found += map(Version.from_model, page["versions"])
            query["after"] = page.get("next")
            if not query["after"] or (limit is not None and len(found) >= limit):
                break
        return Versions(
            path=path,
            items=tuple(found[:limit]),
            more=bool(query["after"]) or len(found) > len(found[:limit]),
            section=section,
            pages=self._pages(),
        )

    def name(
        self,
        name: str,
        version_id: str | Version | None = None,
        path: str | None = None,
        *,
        note: str = "",
    ) -> Version:
        """Give a version of a notebook a name, by which it is found again, and a note.

        Parameters
        ----------
        name : str
            At most 100 characters. Name and note take the place of those that the version has; an
            empty name takes them away.
        version_id : str or Version, optional
            The default is the newest version: this notebook as it was last saved.
        path : str, optional
            The default is this notebook.
        note : str
            At most 300 characters, shown beside the name.

        Returns
        -------
        Version

        Raises
        ------
        BookstoreError
        """
        from .results import Version

        wanted = {"name": name, "note": note}
        if version_id:
            wanted["version_id"] = _id_of(version_id)
        url = self._url_of("name", self._path_or_own(path))
        return Version.from_model(self._ask("POST", url, json=wanted))

    def restore(
        self,
        version_id: str | Version,
        path: str | None = None,
        target_path: str | None = None,
    ) -> CopyResult:
        """Restore a version of a notebook; the file that it replaces is archived first.

        Parameters
        ----------
        version_id : str or Version
        path : str, optional
            The default is this notebook; reload it in the browser afterwards, without saving it.
        target_path : str, optional
            Write the version to this path instead of the notebook's own.

        Returns
        -------
        CopyResult

        Raises
        ------
        BookstoreError
        """
        from .results import CopyResult

        path = self._path_or_own(path)
        version = _id_of(version_id)
        wanted = {"version_id": version, **({"target_path": target_path} if target_path else {})}
        answer = self._ask("POST", self._url_of("restore", path), json=wanted)
        return CopyResult(
            path=answer["path"],
            source=f"version {version} of {path}",
            replaced=answer["path"] == path,
            model=answer,
            pages=self._pages(),
        )

    def diff(self, base: str | Version, head: str | Version, path: str | None = None) -> DiffResult:
        """Compare two versions of a notebook.

        Parameters
        ----------
        base, head : str or Version
            The older and the newer version.
        path : str, optional
            The default is this notebook.

        Returns
        -------
        DiffResult

        Raises
        ------
        BookstoreError
        """
        from .results import DiffResult

        path = self._path_or_own(path)
        compared = {"base": _id_of(base), "head": _id_of(head)}
        answer = self._ask("GET", self._url_of("diff", path), params=compared)
        return DiffResult(
            path=path,
            **compared,
            changes=answer["changes"],
            cells=answer["cells"],
            lines=answer["lines"],
            diff=answer["diff"],
            pages=self._pages(),
        )

    def status(self) -> StatusResult:
        """Return the state of archiving on the server.

        Returns
        -------
        StatusResult

        Raises
        ------
        BookstoreError
        """
        from .results import StatusResult

        answer = self._ask("GET", self.bookstore_endpoint)
        return StatusResult(
            release=answer.get("release", ""),
            description=answer.get("description", ""),
            features=answer.get("features", {}),
            store=answer.get("store"),
            archive=answer.get("archive", {}),
            model=answer,
            pages=self._pages(),
        )

    def _url_of(self, route: str, path: str) -> str:
        return f"{self.bookstore_endpoint}/{route}/{quote(path)}"

    def _path_or_own(self, path: str | None) -> str:
        return (self.path if path is None else path).strip("/")

    def _saved(self, path: str) -> dict[str, Any]:
        """Return the contents model of a notebook as it was last saved."""
        try:
            return self.get_contents(path)
        except BookstoreError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            raise BookstoreError(
                f"There is no file {path} on the Jupyter server at {self.url}.", error.status
            ) from None

    def _pages(self) -> Pages:
        from .results import Pages

        # The browser that shows the links may reach a server that was found by another address.
        return Pages(url=self.url, from_root=self._url is None)

    def _refusal(self, answer: requests.Response) -> str:
        if answer.status_code == HTTPStatus.NOT_FOUND and not message_of(answer):
            # A 404 of Bookstore's own has a message.
            if not self._is_jupyter(self.req_session):
                return self._not_found
            return (
                f"Bookstore is not enabled on the Jupyter server at {self.url}: install it there,"
                " run `jupyter server extension enable bookstore` and start the server again."
            )
        return super()._refusal(answer)


def _id_of(version: str | Version) -> str:
    return version if isinstance(version, str) else version.version_id
