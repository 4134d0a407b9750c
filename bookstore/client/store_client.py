"""The client of Bookstore on the server that has this notebook."""

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

_PAGE = 200  # versions asked for at once; the server gives no more

__all__ = ["BookstoreClient", "BookstoreError"]


class BookstoreClient(CurrentNotebookClient):
    """A client of Bookstore, for the notebook it is used in.

    Paths are those of the server: with ``/``, from the folder that it started in.

    Parameters
    ----------
    s3_bucket : str, optional
        The bucket to clone from where none is named.
    url : str, optional
        The address of the server, where it shall not be found; also as a server shows it at its
        start, ``http://localhost:8888/lab?token=…``.
    token, password : str, optional
        What the server wants, where it is not found. A server with a password tells no token.
    path : str, optional
        The notebook this is, where it shall not be found.
    verify : bool or str, optional
        The file of the certificate authorities to trust. By default what the environment variable
        ``REQUESTS_CA_BUNDLE`` names, or those that `requests` trusts.

    Attributes
    ----------
    default_bucket : str or None
        The bucket to clone from where none is named.

    Examples
    --------
    >>> from bookstore.client import BookstoreClient
    >>> client = BookstoreClient("notebooks")  # finds the server when it is first asked
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
        """Where Bookstore's own routes begin."""
        return f"{self.url}/api/bookstore"

    @property
    def publish_endpoint(self) -> str:
        """Where notebooks are published."""
        return f"{self.bookstore_endpoint}/publish/"

    @property
    def clone_endpoint(self) -> str:
        """Where notebooks are cloned."""
        return f"{self.bookstore_endpoint}/clone"

    def publish(self, path: str | None = None) -> PublishResult:
        """Publish a notebook as it was last saved.

        What is edited and not yet saved is not in it: the front end saves, not the kernel.

        Parameters
        ----------
        path : str, optional
            By default this notebook.

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
        answer = self._ask("PUT", self.publish_endpoint + quote(path), data=json.dumps(body))
        return PublishResult(
            path=path,
            last_saved=read_time(saved.get("last_modified")),
            s3_path=str(answer.get("s3_path") or ""),
            version_id=str(answer.get("versionID") or ""),
            clone_url=str(answer.get("clone_url") or ""),
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
            By default the client's `default_bucket`.
        s3_key : str
        target_path : str, optional
            By default the key's last part. Where there is a file already the copy gets another
            name.
        s3_version_id : str, optional
            By default the newest.

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
                "Which bucket? Pass s3_bucket= to clone() or to BookstoreClient()."
            )
        if not s3_key:
            raise BookstoreError("What shall be cloned? Pass its key as s3_key=.")
        wanted = {
            "s3_bucket": bucket,
            "s3_key": s3_key,
            "target_path": target_path,
            "s3_version_id": s3_version_id,
        }
        wanted = {name: value for name, value in wanted.items() if value}
        answer = self._ask("POST", self.clone_endpoint, data=json.dumps(wanted))
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
            By default this notebook.
        published : bool, optional
            Those that were published, instead of those that saves became.
        limit : int, optional
            How many at most; None for all.

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
            page = self._ask(
                "GET", f"{self.bookstore_endpoint}/versions/{quote(path)}", params=query
            )
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

    def restore(
        self,
        version_id: str | Version,
        path: str | None = None,
        target_path: str | None = None,
    ) -> CopyResult:
        """Bring back a version of a notebook; what was there is archived first.

        Parameters
        ----------
        version_id : str or Version
        path : str, optional
            By default this notebook. Reload it in the browser then, without saving it.
        target_path : str, optional
            Where to put the version, instead of in its notebook's place.

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
        answer = self._ask(
            "POST", f"{self.bookstore_endpoint}/restore/{quote(path)}", data=json.dumps(wanted)
        )
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
            The older and the newer one.
        path : str, optional
            By default this notebook.

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
        answer = self._ask("GET", f"{self.bookstore_endpoint}/diff/{quote(path)}", params=compared)
        return DiffResult(path=path, **compared, diff=answer["diff"], pages=self._pages())

    def status(self) -> StatusResult:
        """Tell how archiving goes on the server.

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

    def _path_or_own(self, path: str | None) -> str:
        return (self.path if path is None else path).strip("/")

    def _saved(self, path: str) -> dict[str, Any]:
        """Get a notebook as it was last saved."""
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

        # A server that was found may have another address in the browser that shows the links.
        return Pages(url=self.url, from_root=self._url is None)

    def _refusal(self, answer: requests.Response) -> str:
        if answer.status_code == HTTPStatus.NOT_FOUND and not message_of(answer):
            # Bookstore would have said what there is not.
            if not self._is_there(self.req_session):
                return self._nowhere
            return (
                f"Bookstore is not enabled on the Jupyter server at {self.url}: install it there,"
                " run `jupyter server extension enable bookstore` and start the server again."
            )
        return super()._refusal(answer)


def _id_of(version: str | Version) -> str:
    return version if isinstance(version, str) else version.version_id
