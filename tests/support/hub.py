"""A real JupyterHub as a subprocess, with its proxy and single-user servers of either kind."""

import os
import secrets
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import requests

from .notebooks import Notebook
from .ports import free_port
from .servers import ARCHIVER, DISABLED_EXTENSIONS, contents_url, inherited_environment
from .waiting import wait_for

PROXY = "BOOKSTORE_TEST_HTTP_PROXY"
INSTALLED_PROXY = (
    Path(__file__).resolve().parents[2] / ".tox/npm/node_modules/.bin/configurable-http-proxy"
)
# for each kind of server: the application, and the name of its configuration file
APPLICATIONS = {
    "classic": ("notebook.notebookapp.NotebookApp", "jupyter_notebook_config.py"),
    "jupyter_server": ("jupyter_server.serverapp.ServerApp", "jupyter_server_config.py"),
}
# many hubs are not at the root of their host
BASE = "/jupyter"
STATE_CHANGES = ("POST", "PUT", "PATCH", "DELETE")


class ProxyUnavailable(Exception):
    """There is no configurable-http-proxy; the message says what to do about it."""


class JupyterHub:
    """A hub where anybody may log in, and each user has a server with Bookstore.

    Parameters
    ----------
    kind
        What single-user servers are built on: "classic" or "jupyter_server".
    directory
        For everything of this hub: its database, the users' homes, configuration, log.
    settings
        `BookstoreSettings` of the users' servers, by name.

    Attributes
    ----------
    url
        Where people reach the hub, without a slash at the end.
    """

    def __init__(self, kind: str, directory: Path, **settings: Any) -> None:
        self.kind = kind
        self.directory = directory
        self.settings = {"workspace_prefix": "workspace/{username}", **settings}
        self.url = f"http://127.0.0.1:{free_port()}{BASE}"
        self._token = secrets.token_hex(16)
        self._log_file = directory / "hub.log"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "JupyterHub":
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    @property
    def log(self) -> str:
        """What the hub, the proxy and the users' servers have written so far."""
        return self._log_file.read_text(errors="replace") if self._log_file.exists() else ""

    def start(self) -> None:
        """Start the hub and its proxy, and wait until they answer.

        Raises
        ------
        ProxyUnavailable
            When configurable-http-proxy is not installed.
        AssertionError
            When the hub ended instead or takes too long. The message shows the end of its log.
        """
        proxy = _proxy()
        for name in ("config", "homes"):
            (self.directory / name).mkdir(parents=True)
        application, config_name = APPLICATIONS[self.kind]
        (self.directory / "config" / config_name).write_text(
            _source(self._server_config(application.rpartition(".")[2]))
        )
        config_file = self.directory / "jupyterhub_config.py"
        config_file.write_text(_source(self._hub_config(proxy, application)))
        with self._log_file.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "jupyterhub", "--config", str(config_file)],
                cwd=self.directory,
                env=inherited_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.wait_for(self._answers, "the hub's first answer", timeout=60)

    def close(self) -> None:
        """End the hub, the proxy and all servers, at once."""
        if self._process and self._process.poll() is None:
            descendants = psutil.Process(self._process.pid).children(recursive=True)
            self._process.kill()
            self._process.wait()
            for process in descendants:
                with suppress(psutil.NoSuchProcess):
                    process.kill()

    def user(self, name: str) -> "HubUser":
        """Create a user, with an API token and a browser that nobody has logged in with yet."""
        self.api("POST", f"/users/{name}")
        token = self.api("POST", f"/users/{name}/tokens", json={}).json()["token"]
        return HubUser(self, name, token)

    def api(self, method: str, path: str, **kwargs: Any) -> requests.Response:
        """Send a request to the hub's REST API, as one who may do all."""
        headers = {"Authorization": f"token {self._token}"}
        answer = requests.request(
            method, f"{self.url}/hub/api{path}", headers=headers, timeout=60, **kwargs
        )
        return self.expect_ok(answer)

    def expect_ok(self, answer: requests.Response) -> requests.Response:
        """Return an answer that is a success, and fail with the end of the log otherwise."""
        assert answer.ok, (
            f"{answer.request.method} {answer.url}: {answer.status_code} {answer.text}\n"
            f"{self._log_end()}"
        )
        return answer

    def wait_for(self, condition: Callable[[], Any], what: str, timeout: float = 60) -> Any:
        """Wait for a condition, and fail with the end of the log otherwise."""
        try:
            return wait_for(condition, what, timeout, interval=0.1)
        except AssertionError as failure:
            raise AssertionError(f"{failure}\n{self._log_end()}") from None

    def _answers(self) -> bool:
        assert self._process
        if self._process.poll() is not None:
            raise AssertionError(f"the hub ended with code {self._process.returncode} instead")
        try:
            return requests.get(f"{self.url}/hub/api", timeout=5).ok
        except requests.RequestException:
            return False

    def _log_end(self) -> str:
        return "the end of the hub's log:\n" + "\n".join(self.log.splitlines()[-80:])

    def _hub_config(self, proxy: str, application: str) -> dict[str, dict[str, Any]]:
        environment = {
            "JUPYTERHUB_SINGLEUSER_APP": application,
            "JUPYTER_CONFIG_PATH": str(self.directory / "config"),
            "JUPYTER_PREFER_ENV_PATH": "0",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        return {
            "JupyterHub": {
                "bind_url": self.url,
                "public_url": f"{self.url}/",
                "hub_bind_url": f"http://127.0.0.1:{free_port()}",
                "authenticator_class": "jupyterhub.auth.DummyAuthenticator",
                "spawner_class": "jupyterhub.spawner.SimpleLocalProcessSpawner",
                "services": [{"name": "tests", "api_token": self._token}],
                "load_roles": [
                    {
                        "name": "tests",
                        "scopes": ["admin:users", "admin:servers", "shares", "tokens"],
                        "services": ["tests"],
                    }
                ],
            },
            "ConfigurableHTTPProxy": {
                "command": [proxy],
                "api_url": f"http://127.0.0.1:{free_port()}",
            },
            "Spawner": {
                "cmd": [sys.executable, "-m", "jupyterhub.singleuser"],
                "environment": environment,
            },
            "SimpleLocalProcessSpawner": {
                "home_dir_template": f"{self.directory}/homes/{{username}}"
            },
        }

    def _server_config(self, app: str) -> dict[str, dict[str, Any]]:
        extensions = "nbserver_extensions" if self.kind == "classic" else "jpserver_extensions"
        return {
            app: {
                "allow_root": True,
                "contents_manager_class": ARCHIVER,
                extensions: DISABLED_EXTENSIONS,
            },
            "BookstoreSettings": self.settings,
        }


class HubUser:
    """A user of a hub: a server, a token, and a browser's cookies.

    Attributes
    ----------
    token
        An API token of the user.
    url
        Where the user's server answers, without a slash at the end.
    home
        The directory of the user's notebooks.
    """

    def __init__(self, hub: JupyterHub, name: str, token: str) -> None:
        self.hub = hub
        self.name = name
        self.token = token
        self.url = f"{hub.url}/user/{name}"
        self.home = hub.directory / "homes" / name
        self._browser = requests.Session()
        self._browser.trust_env = False

    def start_server(self) -> None:
        """Start the user's server and wait until it is ready."""
        self.hub.api("POST", f"/users/{self.name}/server")
        self.hub.wait_for(
            lambda: self.hub.api("GET", f"/users/{self.name}").json()["server"],
            f"the {self.hub.kind} server of {self.name}",
        )

    def log_in(self, path: str = "/hub/home") -> requests.Response:
        """Log in on the hub's login page, and return the answer to `path`, where that leads.

        The path is within the hub, as in "/user/ann/tree".
        """
        query = {"next": BASE + path}
        login = self.hub.url + "/hub/login"
        self._browser.get(login, params=query, timeout=60)
        form = {"username": self.name, "password": "any", "_xsrf": self._xsrf(f"{BASE}/hub/")}
        return self._browser.post(login, params=query, data=form, timeout=60)

    def browse(
        self, method: str, path: str, *, xsrf: bool = True, **kwargs: Any
    ) -> requests.Response:
        """Send a request to the user's server as the browser does, which follows redirects.

        Requests that change something carry the XSRF token of the server's pages, as scripts in
        them do, unless `xsrf` is false.
        """
        headers = {}
        if xsrf and method in STATE_CHANGES:
            headers["X-XSRFToken"] = self._xsrf(f"{BASE}/user/{self.name}/")
        return self._browser.request(method, self.url + path, headers=headers, timeout=60, **kwargs)

    def api(self, method: str, path: str, **kwargs: Any) -> requests.Response:
        """Send a request to the user's server with the user's API token."""
        headers = {"Authorization": f"token {self.token}"}
        return requests.request(method, self.url + path, headers=headers, timeout=60, **kwargs)

    def save(self, path: str, notebook: Notebook) -> dict[str, Any]:
        """Save a notebook as the front end does, and return its model."""
        model = {"type": "notebook", "format": "json", "content": notebook}
        answer = self.hub.expect_ok(self.api("PUT", contents_url(path), json=model))
        return dict(answer.json())

    def status(self) -> dict[str, Any]:
        """Return what `GET /api/bookstore` answers."""
        return dict(self.hub.expect_ok(self.api("GET", "/api/bookstore")).json())

    def _xsrf(self, path: str) -> str:
        token = self._browser.cookies.get("_xsrf", path=path)
        assert token, f"no page of {path} was looked at, so there is no XSRF cookie"
        return str(token)


def _proxy() -> str:
    proxy = os.environ.get(PROXY) or str(INSTALLED_PROXY)
    if not os.access(proxy, os.X_OK):
        raise ProxyUnavailable(
            f"This test needs JupyterHub's proxy, and {proxy} is not there. Run\n"
            "    ci/install-debian-packages && ci/install-npm-packages\n"
            f"or let {PROXY} name a configurable-http-proxy."
        )
    return proxy


def _source(config: dict[str, dict[str, Any]]) -> str:
    lines = [
        f"c.{class_name}.{trait} = {value!r}\n"
        for class_name, traits in config.items()
        for trait, value in traits.items()
    ]
    return "".join(lines)
