"""Clients of Jupyter servers, also of the one that runs the kernel they are used in.

Nothing is asked of a server before an answer is needed.
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

# Seconds to connect, and to wait for an answer: a large notebook may go to a slow store meanwhile.
_TIMEOUT = (10, 600)

_PATIENCE = (10, 30)  # with a server that may not be the one we look for

# What a server says to those it does not know: it takes whoever sends no valid token for a browser,
# and misses what browsers send against cross-site requests. Refusals by others say something else.
_NOT_LET_IN = re.compile(r"Forbidden\.?|.*xsrf.*|")


def extract_kernel_id(connection_file: str) -> str:
    """Get the kernel's id from the name of its connection file, ``kernel-{id}.json``."""
    return re.sub(r"kernel-(.*)\.json", r"\1", os.path.basename(connection_file))


class NotebookClient:
    """A client of one Jupyter server.

    Parameters
    ----------
    nb_config : dict
        The server's record: all that `LiveNotebookRecord` takes; `url` is enough.
    token : str, optional
        In the place of the record's.
    password : str, optional
        To log in with, where the server wants that.
    verify : bool or str, optional
        The file or folder of the certificate authorities to trust, or False to trust any
        certificate. By default what the environment variable ``REQUESTS_CA_BUNDLE`` names, or
        those that `requests` trusts.

    Attributes
    ----------
    nb_config : dict
    nb_record : LiveNotebookRecord
    url : str
        Where the server's routes begin, without a slash at the end.
    token : str
    xsrf_token : str
        What the server wants with requests that change something and have no token.
    req_session : requests.Session
        Logged in, and used for all requests.
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
        """The server's record as it was found or given."""
        return self._nb_config

    @property
    def nb_record(self) -> LiveNotebookRecord:
        """The server's record."""
        return LiveNotebookRecord(**self.nb_config)

    @property
    def url(self) -> str:
        """Where the server's routes begin, without a slash at the end."""
        return str(self.nb_config["url"]).rstrip("/")

    @property
    def token(self) -> str:
        """The token that requests are authenticated with; "" where a login or nothing does it."""
        if self._password is not None:
            return ""
        token = (self.nb_record.token if self._token is None else self._token).strip()
        if not (token.isascii() and token.isprintable()):
            raise BookstoreError("token= is not a token: it has characters that none can have.")
        return token

    @property
    def headers(self) -> dict[str, str]:
        """What is sent with each request."""
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"token {self.token}"
        return headers

    @cached_property
    def req_session(self) -> requests.Session:
        """The session of all requests."""
        session = requests.Session()
        session.headers.update(self.headers)
        # Proxies in the environment are for other machines; few people exclude this one from them.
        session.trust_env = not servers.is_this_machine(urlsplit(self.url).hostname or "")
        # With any auth at all, requests does not replace the token by what ~/.netrc says.
        session.auth = _keep_headers
        if self._password is not None:
            self._log_in(session)
        return session

    @cached_property
    def xsrf_token(self) -> str:
        """What the server wants with requests that change something and have no token."""
        return self._get_xsrf_token(self.req_session)

    def setup_request_sessions(self) -> None:
        """Begin a new `req_session`, with the next request."""
        self.__dict__.pop("req_session", None)

    def setup_auth(self) -> None:
        """Authenticate anew with the next request, for instance when a login has expired."""
        self.setup_request_sessions()
        self.__dict__.pop("xsrf_token", None)

    @property
    def sessions(self) -> dict[str, NotebookSession]:
        """What is open now, by the ids of the kernels. Asks the server each time."""
        # A kernel that died leaves its session behind for a while, without a kernel.
        opened = [NotebookSession(**model) for model in self.get_sessions() if model.get("kernel")]
        return {session.kernel.id: session for session in opened}

    @property
    def sessions_endpoint(self) -> str:
        """Where the server tells what is open."""
        return f"{self.url}/api/sessions"

    def get_sessions(self) -> list[dict[str, Any]]:
        """Ask the server what is open."""
        return list(self._ask("GET", self.sessions_endpoint))

    @property
    def kernels(self) -> list[dict[str, Any]]:
        """The kernels that run now. Asks the server each time."""
        return self.get_kernels()

    @property
    def kernels_endpoint(self) -> str:
        """Where the server tells of its kernels."""
        return f"{self.url}/api/kernels"

    def get_kernels(self) -> list[dict[str, Any]]:
        """Ask the server for its kernels."""
        return list(self._ask("GET", self.kernels_endpoint))

    @property
    def contents_endpoint(self) -> str:
        """Where the server has its files."""
        return f"{self.url}/api/contents/"

    def get_contents(self, path: str) -> dict[str, Any]:
        """Ask the server for a file or folder.

        Parameters
        ----------
        path : str
            As the server has it: with ``/``, from the folder that the server started in.
        """
        return dict(self._ask("GET", self.contents_endpoint + quote(path.strip("/"))))

    def has_kernel(self, kernel_id: str) -> bool:
        """Whether something is open with a kernel; waits only briefly for the answer."""
        models = self._ask("GET", self.sessions_endpoint, timeout=_PATIENCE)
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
                    f"The Jupyter server at {self.url} refused the password."
                    if self._is_there(session)
                    else self._nowhere
                ),
                answer.status_code,
            )

    def _get_xsrf_token(self, session: requests.Session) -> str:
        # Any page sets it as a cookie, and this one is there for everybody.
        self._send(session, "GET", f"{self.url}/login", allow_redirects=True)
        return next(
            (cookie.value or "" for cookie in session.cookies if cookie.name == "_xsrf"), ""
        )

    def _ask(self, method: str, url: str, **options: Any) -> Any:
        """Send a request and return what the server answers, from JSON.

        Raises
        ------
        BookstoreError
            If the server does not answer, or refuses.
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
        # Told with each request: otherwise the environment would win over what we were told.
        verify = self._trusted()
        try:
            return session.request(method, url, verify=verify, **options)
        except requests.RequestException as error:
            # What requests says has addresses and headers in it, and so maybe a token.
            raise BookstoreError(self._failure(error)) from None

    def _trusted(self) -> bool | str:
        if self._verify is not None:
            return self._verify
        files = map(os.environ.get, ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"))
        return next(filter(None, files), True)

    def _is_there(self, session: requests.Session) -> bool:
        """Whether a Jupyter server begins at this address: it tells its version to everybody."""
        return self._send(session, "GET", f"{self.url}/api").ok

    @property
    def _nowhere(self) -> str:
        return f"There is no Jupyter server at {self.url}: is its base_url in the address?"

    def _failure(self, error: Exception) -> str:
        """Say why no answer came."""
        server = f"The Jupyter server at {self.url}"
        if isinstance(error, requests.exceptions.SSLError):
            return (
                f"{server} has a certificate that is not trusted here: name the file of the"
                " authority that signed it as verify=, or in REQUESTS_CA_BUNDLE."
            )
        if isinstance(error, requests.exceptions.ReadTimeout):
            return f"{server} takes too long to answer."
        if isinstance(error, requests.ConnectionError):
            return f"{server} cannot be reached: does it still run?"
        return f"{server} cannot be asked: {type(error).__name__}."

    def _refusal(self, answer: requests.Response) -> str:
        """Say what an answer that is no success means."""
        message = message_of(answer)
        if answer.status_code in (401, 403) and _NOT_LET_IN.fullmatch(message):
            if self._password is not None:
                return (
                    f"The Jupyter server at {self.url} no longer accepts the login: log in again by"
                    " setup_auth()."
                )
            if self.token:
                return (
                    f"The Jupyter server at {self.url} refused the token: pass another, as token=."
                )
            return f"The Jupyter server at {self.url} wants a login: pass password= or token=."
        if answer.is_redirect:
            return (
                f"The Jupyter server is elsewhere: {self.url} sends on. Pass its address as url=."
            )
        if message and message != "Unhandled error":
            return message
        answered = f"{answer.status_code} {answer.reason}"
        return f"The Jupyter server at {self.url} answered {answered}; its log may say why."


def message_of(answer: requests.Response) -> str:
    """Return the sentence in a server's answer; "" where there is none but a page for people."""
    try:
        message = answer.json()["message"]
    except (ValueError, TypeError, KeyError):
        return ""
    return message if isinstance(message, str) else ""


def _keep_headers(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


class _Collection(type):
    @property
    def sessions(cls) -> dict[str, dict[str, NotebookSession]]:
        """What is open now, by server and kernel; without the servers that do not tell."""
        found = {}
        for client in NotebookClientCollection.nb_client_gen():
            with suppress(BookstoreError):
                found[client.url] = client.sessions
        return found


class NotebookClientCollection(metaclass=_Collection):
    """The Jupyter servers that run here.

    Attributes
    ----------
    sessions : dict
        What is open now, a `NotebookSession` by kernel id, by the url of the server; without
        those servers that do not tell. Asks them each time.
    """

    @classmethod
    def nb_client_gen(cls, **options: Any) -> Iterator[NotebookClient]:
        """Yield a client of each server; `options` are those of `NotebookClient`."""
        for record in servers.running_servers():
            yield NotebookClient(record, **options)

    @classmethod
    def current_server(cls, **options: Any) -> NotebookClient:
        """Find the server of the kernel that this runs in.

        Parameters
        ----------
        **options
            Those of `NotebookClient`.

        Returns
        -------
        NotebookClient
            Of the server that has the kernel; where the kernel is of no server, or this is not
            run in a kernel, of the only server that runs.

        Raises
        ------
        BookstoreError
            If there is no server, or more than one to choose from.
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
                "Several Jupyter servers run here and none of them says that this kernel is its"
                f" own: pass the right one as url= ({urls})."
            )
        if first in refusals:
            raise refusals[first]
        return first


class CurrentNotebookClient(NotebookClient):
    """A client of the server that has the kernel it is used in; finds it when it is first needed.

    Parameters
    ----------
    url : str, optional
        The server's address, where it shall not be found; also as a server shows it at its start,
        ``http://localhost:8888/lab?token=…``.
    path : str, optional
        The notebook this is, as the server has it.
    token, password, verify : optional
        As for `NotebookClient`.

    Attributes
    ----------
    nb_client : NotebookClient
        Of the server that was found.
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
        # To show it is no reason to look for the server.
        found = "nb_client" in self.__dict__
        return super().__repr__() if found else f"{type(self).__name__}()"

    @cached_property
    def nb_client(self) -> NotebookClient:
        """A client of the server that was found."""
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
        """The record of the server that was found."""
        return self.nb_client.nb_config

    @property
    def connection_file(self) -> str:
        """The connection file of this kernel; "" where none runs."""
        return servers.connection_file()

    @property
    def kernel_id(self) -> str:
        """The id of this kernel."""
        return extract_kernel_id(self.connection_file)

    @property
    def session(self) -> NotebookSession:
        """The notebook that is open with this kernel, now. Asks the server each time.

        Raises
        ------
        BookstoreError
            If the server knows of none, or of several.
        """
        return self._only(self._notebooks())

    @property
    def path(self) -> str:
        """The notebook this is, now: the one that was told, or else the one that is open.

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
                f"The Jupyter server at {self.url} has no notebook open with this kernel: pass"
                " path= to say which one is meant."
            )
        if len(notebooks) > 1:
            raise BookstoreError(
                f"Several notebooks are open with this kernel ({', '.join(sorted(notebooks))}):"
                " pass path= to say which one is meant."
            )
        return next(iter(notebooks.values()))

    def _notebooks(self) -> dict[str, NotebookSession]:
        # Consoles may be open with the notebook's kernel too.
        return {
            model["path"]: NotebookSession(**model)
            for model in self.get_sessions()
            if (model.get("kernel") or {}).get("id") == self.kernel_id
            and model.get("type", "notebook") == "notebook"
        }
