"""Send requests to Jupyter servers, also to the one that runs this kernel.

No request is sent before its answer is needed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cached_property
from typing import Any
from urllib.parse import quote, urlsplit

import requests

from . import servers
from .errors import BookstoreError
from .records import KernelInfo, LiveNotebookRecord, NotebookSession

__all__ = [
    "CurrentNotebookClient",
    "KernelInfo",
    "LiveNotebookRecord",
    "NotebookClient",
    "NotebookClientCollection",
    "NotebookSession",
    "extract_kernel_id",
]

# Seconds to connect, and to wait for an answer, in which a large notebook may go to a slow store.
_TIMEOUT = (10, 600)

_SEARCH_TIMEOUT = (10, 30)  # the same, for a server that may not be the one we look for

# The messages of a server that does not know who asks. It takes a request without a valid token for
# a browser's, and so asks for the XSRF token. Refusals for other reasons have other messages.
_UNAUTHENTICATED = re.compile(r"Forbidden\.?|.*xsrf.*|")


def extract_kernel_id(connection_file: str) -> str:
    """Return the kernel's id from the name of its connection file, ``kernel-{id}.json``."""
    return re.sub(r"kernel-(.*)\.json", r"\1", os.path.basename(connection_file))


class NotebookClient:
    """Send requests to one Jupyter server.

    Parameters
    ----------
    nb_config : dict
        The server's record, with the fields of `LiveNotebookRecord`; `url` is enough.
    token : str, optional
        Used instead of the record's token.
    password : str, optional
        Used to log in instead of a token.
    verify : bool or str, optional
        The file or directory of the certificate authorities to trust, or False to trust any
        certificate. The default is what the environment variable ``REQUESTS_CA_BUNDLE`` names, or
        the authorities that `requests` trusts.

    Attributes
    ----------
    nb_config : dict
    nb_record : LiveNotebookRecord
    url : str
        The server's address with its `base_url`, without a slash at the end.
    token : str
    xsrf_token : str
        Sent with requests that change something and have no token.
    req_session : requests.Session
        Authenticated, and used for all requests.
    """

    def __init__(
        self,
        nb_config: Mapping[str, Any],
        *,
        token: str | None = None,
        password: str | None = None,
        verify: bool | str | None = None,
    ) -> None:
        self._nb_config = dict(nb_config)
        self._token = token
        self._password = password
        self._verify = verify

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r})"

    @property
    def nb_config(self) -> dict[str, Any]:
        """Return the server's record as it was found or passed."""
        return self._nb_config

    @property
    def nb_record(self) -> LiveNotebookRecord:
        """Return the server's record."""
        return LiveNotebookRecord(**self.nb_config)

    @property
    def url(self) -> str:
        """Return the server's address with its `base_url`, without a slash at the end."""
        return str(self.nb_config["url"]).rstrip("/")

    @property
    def token(self) -> str:
        """Return the token that is sent with each request; "" if none is needed."""
        if self._password is not None:
            return ""
        token = (self.nb_record.token if self._token is None else self._token).strip()
        if not (token.isascii() and token.isprintable()):
            raise BookstoreError("token= is not a token: it has characters that none can have.")
        return token

    @property
    def headers(self) -> dict[str, str]:
        """Return the headers that are sent with each request."""
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"token {self.token}"
        return headers

    @cached_property
    def req_session(self) -> requests.Session:
        """Return the session that all requests are sent with."""
        session = requests.Session()
        session.headers.update(self.headers)
        # Proxies in the environment are for other machines; NO_PROXY seldom names this one.
        session.trust_env = not servers.is_this_machine(urlsplit(self.url).hostname or "")
        # With an auth callable, requests does not replace the token by an entry of ~/.netrc.
        session.auth = lambda request: request
        if self._password is not None:
            self._log_in(session)
        return session

    @cached_property
    def xsrf_token(self) -> str:
        """Return the token against cross-site requests, for requests that change something."""
        return self._get_xsrf_token(self.req_session)

    def setup_request_sessions(self) -> None:
        """Open a new `req_session` with the next request."""
        self.__dict__.pop("req_session", None)

    def setup_auth(self) -> None:
        """Authenticate anew with the next request, for instance when a login has expired."""
        self.setup_request_sessions()
        self.__dict__.pop("xsrf_token", None)

    @property
    def sessions(self) -> dict[str, NotebookSession]:
        """Return the sessions that are open now, by kernel id. Each access sends a request."""
        # The session of a kernel that died stays for a while, without a kernel.
        opened = [NotebookSession(**model) for model in self.get_sessions() if model.get("kernel")]
        return {session.kernel.id: session for session in opened}

    @property
    def sessions_endpoint(self) -> str:
        """Return the address of the server's sessions API."""
        return f"{self.url}/api/sessions"

    def get_sessions(self) -> list[dict[str, Any]]:
        """Return the models of the sessions that are open now."""
        return list(self._ask("GET", self.sessions_endpoint))

    @property
    def kernels(self) -> list[dict[str, Any]]:
        """Return the models of the kernels that run now. Each access sends a request."""
        return self.get_kernels()

    @property
    def kernels_endpoint(self) -> str:
        """Return the address of the server's kernels API."""
        return f"{self.url}/api/kernels"

    def get_kernels(self) -> list[dict[str, Any]]:
        """Return the models of the kernels that run now."""
        return list(self._ask("GET", self.kernels_endpoint))

    @property
    def contents_endpoint(self) -> str:
        """Return the address of the server's contents API."""
        return f"{self.url}/api/contents/"

    def get_contents(self, path: str) -> dict[str, Any]:
        """Return the contents model of a file or folder.

        Parameters
        ----------
        path : str
            Relative to the server's root folder, with ``/`` between its parts.
        """
        return dict(self._ask("GET", self.contents_endpoint + quote(path.strip("/"))))

    def has_kernel(self, kernel_id: str) -> bool:
        """Return whether a session with this kernel is open on the server."""
        models = self._ask("GET", self.sessions_endpoint, timeout=_SEARCH_TIMEOUT)
        return any((model.get("kernel") or {}).get("id") == kernel_id for model in models)

    def _log_in(self, session: requests.Session) -> None:
        answer = self._send(
            session,
            "POST",
            f"{self.url}/login",
            data={"password": self._password, "_xsrf": self._get_xsrf_token(session)},
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        )
        if not answer.is_redirect:
            raise BookstoreError(
                (
                    f"{self._server} refused the password."
                    if self._is_jupyter(session)
                    else self._not_found
                ),
                answer.status_code,
            )

    def _get_xsrf_token(self, session: requests.Session) -> str:
        # Every page sets it as a cookie; the login page needs no authentication.
        self._send(session, "GET", f"{self.url}/login", allow_redirects=True)
        return next(
            (cookie.value or "" for cookie in session.cookies if cookie.name == "_xsrf"), ""
        )

    def _ask(self, method: str, url: str, **options: Any) -> Any:
        """Send a request and return the decoded JSON of its answer.

        Raises
        ------
        BookstoreError
            If the server does not answer, or answers with an error.
        """
        if method != "GET" and not self.token:
            options["headers"] = {"X-XSRFToken": self.xsrf_token}
        answer = self._send(self.req_session, method, url, **options)
        if answer.status_code >= 300:
            raise BookstoreError(self._refusal(answer), answer.status_code)
        try:
            return answer.json()
        except ValueError:
            raise BookstoreError(f"What answers at {self.url} is not a Jupyter server.") from None

    def _send(
        self, session: requests.Session, method: str, url: str, **options: Any
    ) -> requests.Response:
        options = {"allow_redirects": False, "timeout": _TIMEOUT, **options}
        # Passed with each request, since the environment would win over the session's own value.
        verify = self._trusted()
        try:
            return session.request(method, url, verify=verify, **options)
        except requests.RequestException as error:
            # The text of its errors has addresses and headers in it, and so maybe a token.
            raise BookstoreError(self._failure(error)) from None

    def _trusted(self) -> bool | str:
        if self._verify is not None:
            return self._verify
        files = map(os.environ.get, ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"))
        return next(filter(None, files), True)

    def _is_jupyter(self, session: requests.Session) -> bool:
        """Return whether a Jupyter server answers here; its version needs no authentication."""
        return self._send(session, "GET", f"{self.url}/api").ok

    @property
    def _server(self) -> str:
        return f"The Jupyter server at {self.url}"

    @property
    def _not_found(self) -> str:
        return f"There is no Jupyter server at {self.url}: is its base_url in the address?"

    def _failure(self, error: Exception) -> str:
        """Return the message for a request that got no answer."""
        if isinstance(error, requests.exceptions.SSLError):
            return (
                f"{self._server} has a certificate that is not trusted here: name the file of the"
                " authority that signed it as verify=, or in REQUESTS_CA_BUNDLE."
            )
        if isinstance(error, requests.exceptions.ReadTimeout):
            return f"{self._server} takes too long to answer."
        if isinstance(error, requests.ConnectionError):
            return f"{self._server} cannot be reached: does it still run?"
        return f"The request to {self.url} failed: {type(error).__name__}."

    def _refusal(self, answer: requests.Response) -> str:
        """Return the message for an answer that is an error."""
        message = message_of(answer)
        if answer.status_code in (401, 403) and _UNAUTHENTICATED.fullmatch(message):
            if self._password is not None:
                return f"{self._server} no longer accepts the login: log in again by setup_auth()."
            if self.token:
                return f"{self._server} refused the token: pass another, as token=."
            return f"{self._server} wants a login: pass password= or token=."
        if answer.is_redirect:
            return (
                f"{self.url} redirects to another address: pass the Jupyter server's own as url=."
            )
        if message and message != "Unhandled error":
            return message
        answered = f"{answer.status_code} {answer.reason}"
        return f"{self._server} answered {answered}; its log may say why."


def message_of(answer: requests.Response) -> str:
    """Return the message in a server's JSON answer; "" where there is none."""
    try:
        message = answer.json()["message"]
    except (ValueError, TypeError, KeyError):
        return ""
    return message if isinstance(message, str) else ""


class _Collection(type):
    @property
    def sessions(cls) -> dict[str, dict[str, NotebookSession]]:
        """Return the sessions that are open now, by server and kernel id.

        Servers that do not answer, or refuse, are left out.
        """
        found = {}
        for client in NotebookClientCollection.nb_client_gen():
            with suppress(BookstoreError):
                found[client.url] = client.sessions
        return found


class NotebookClientCollection(metaclass=_Collection):
    """Find the Jupyter servers that run on this machine.

    Attributes
    ----------
    sessions : dict
        The sessions that are open now: for each server's url a dict of kernel ids to
        `NotebookSession`. Each access sends a request to each server; those that do not answer, or
        refuse, are left out.
    """

    @classmethod
    def nb_client_gen(cls, **options: Any) -> Iterator[NotebookClient]:
        """Yield a client for each server; `options` are those of `NotebookClient`."""
        for record in servers.running_servers():
            yield NotebookClient(record, **options)

    @classmethod
    def current_server(cls, **options: Any) -> NotebookClient:
        """Return a client for the server that runs this kernel.

        Parameters
        ----------
        **options
            Those of `NotebookClient`.

        Returns
        -------
        NotebookClient
            For the server that has the kernel. Outside of a kernel, or where no server has it, for
            the only server that runs.

        Raises
        ------
        BookstoreError
            If no server runs, or several do and none of them has the kernel.
        """
        kernel_id = extract_kernel_id(servers.connection_file())
        clients = list(cls.nb_client_gen(**options))
        if not clients:
            raise BookstoreError("No Jupyter server was found here: pass url= and token=.")
        refusals: dict[NotebookClient, BookstoreError] = {}
        for client in clients if kernel_id else []:
            try:
                if client.has_kernel(kernel_id):
                    return client
            except BookstoreError as error:
                refusals[client] = error
        first = clients[0]
        if len(clients) > 1 and not servers.started_this_kernel(first.nb_config):
            urls = ", ".join(client.url for client in clients)
            raise BookstoreError(
                "Several Jupyter servers run here, and none of them has this kernel: pass the"
                f" right one as url= ({urls})."
            )
        if first in refusals:
            raise refusals[first]
        return first


class CurrentNotebookClient(NotebookClient):
    """Send requests to the server that runs this kernel; it is looked for when first needed.

    Parameters
    ----------
    url : str, optional
        The server's address; also in the form that a server prints at its start,
        ``http://localhost:8888/lab?token=…``. By default the server is looked for.
    path : str, optional
        The path of this notebook from the server's root folder. By default it is looked for.
    token, password, verify : optional
        As for `NotebookClient`.

    Attributes
    ----------
    nb_client : NotebookClient
        A client for the server that was found.
    connection_file : str
    kernel_id : str
    session : NotebookSession
    path : str
    """

    def __init__(
        self,
        *,
        url: str | None = None,
        token: str | None = None,
        password: str | None = None,
        path: str | None = None,
        verify: bool | str | None = None,
    ) -> None:
        super().__init__({}, token=token, password=password, verify=verify)
        self._url = url
        self._path = path

    def __repr__(self) -> str:
        # Showing the client must not send requests.
        found = "nb_client" in self.__dict__
        return super().__repr__() if found else f"{type(self).__name__}()"

    @cached_property
    def nb_client(self) -> NotebookClient:
        """A client for the server that was found."""
        options: dict[str, Any] = {
            "token": self._token,
            "password": self._password,
            "verify": self._verify,
        }
        if self._url is not None:
            return NotebookClient(servers.server_at(self._url), **options)
        return NotebookClientCollection.current_server(**options)

    @property
    def nb_config(self) -> dict[str, Any]:
        """Return the record of the server that was found."""
        return self.nb_client.nb_config

    @property
    def connection_file(self) -> str:
        """Return the path of this kernel's connection file; "" outside of a kernel."""
        return servers.connection_file()

    @property
    def kernel_id(self) -> str:
        """Return the id of this kernel."""
        return extract_kernel_id(self.connection_file)

    @property
    def session(self) -> NotebookSession:
        """Return the session of the notebook open with this kernel. Each access sends a request.

        Raises
        ------
        BookstoreError
            If no notebook, or more than one, is open with this kernel.
        """
        return self._only(self._notebooks())

    @property
    def path(self) -> str:
        """Return the path of this notebook: the one that was passed, else of the one that is open.

        Raises
        ------
        BookstoreError
            As `session` does.
        """
        if self._path is not None:
            return self._path
        notebooks = self._notebooks()
        if not notebooks and (path := servers.notebook_at_start(self.nb_config)):
            return path
        return self._only(notebooks).path

    def _only(self, notebooks: dict[str, NotebookSession]) -> NotebookSession:
        if not notebooks:
            raise BookstoreError(
                f"{self._server} has no notebook open with this kernel: pass path= to say which"
                " one is meant."
            )
        if len(notebooks) > 1:
            raise BookstoreError(
                f"Several notebooks are open with this kernel ({', '.join(sorted(notebooks))}):"
                " pass path= to say which one is meant."
            )
        return next(iter(notebooks.values()))

    def _notebooks(self) -> dict[str, NotebookSession]:
        # Consoles may be open with the notebook's kernel, too.
        return {
            model["path"]: NotebookSession(**model)
            for model in self.get_sessions()
            if (model.get("kernel") or {}).get("id") == self.kernel_id
            and model.get("type", "notebook") == "notebook"
        }
