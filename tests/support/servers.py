"""Real Jupyter servers, each a process of its own with nothing shared but the environment."""

import json
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from http.cookiejar import DefaultCookiePolicy
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import psutil
import requests

from .notebooks import Notebook
from .ports import free_port
from .waiting import wait_for

# what `python -m` runs for each kind of server
MODULES = {
    "classic": "notebook",
    "jupyter_server": "jupyter_server",
    "notebook7": "notebook",
    "lab": "jupyterlab",
}
Status = dict[str, Any]

ARCHIVER = "bookstore.BookstoreContentsArchiver"
DISABLED_EXTENSIONS = {
    # It puts a contents manager of its own around the configured one: only where a test says so.
    "jupytext": False,
    "jupyterlab_jupytext": False,
    # It starts Node.js, to look for language servers.
    "jupyter_lsp": False,
}
# Without those that are installed, a server takes half the time to start.
FRONT_ENDS = (
    "jupyter_server_terminals",
    "jupyterlab",
    "nbclassic",
    "nbdime",
    "notebook",
    "notebook_shim",
)
# of the environment the tests run in, nothing may reach a server that changes what it does
FOREIGN = ("JUPYTER", "IPYTHON", "JPYNB_", "AWS_", "XDG_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


def installed_kinds() -> list[str]:
    """Return the kinds of server that this environment can start."""
    kinds = ["jupyter_server"] if _major("jupyter_server") else []
    notebook = _major("notebook")
    if notebook and notebook < 7:
        return ["classic", *kinds]
    if notebook:
        kinds.append("notebook7")
    if _major("jupyterlab"):
        kinds.append("lab")
    return kinds


def _major(package: str) -> int:
    try:
        return int(version(package).split(".")[0])
    except PackageNotFoundError:
        return 0


def inherited_environment() -> dict[str, str]:
    """Return the environment the tests run in, without what would change a server."""
    return {
        name: value for name, value in os.environ.items() if not name.upper().startswith(FOREIGN)
    }


class JupyterServer:
    """A Jupyter server that can be started, asked, ended and started again.

    Parameters
    ----------
    kind
        One of `installed_kinds()`.
    directory
        For everything of this server: home, configuration, runtime files, log.
    bookstore
        False starts the plain server, with the extension disabled.
    contents_manager
        The class to archive with, None for the server's own.
    front_ends
        Whether a plain server has what front ends are installed, as a user's has.
    config
        More configuration, as ``{"ClassName": {"trait": value}}``; it wins over all other.
    python_config
        Python source to end the configuration file with, for what is no plain value (hooks).
    env
        Environment variables for the process.
    settings
        `BookstoreSettings` by name; `local_dir` has a default within `directory`.

    Attributes
    ----------
    process
        The process, also after it ended; None before the first start.
    """

    def __init__(
        self,
        kind: str,
        directory: Path,
        *,
        bookstore: bool = True,
        contents_manager: str | None = ARCHIVER,
        front_ends: bool = False,
        config: dict[str, dict[str, Any]] | None = None,
        python_config: str = "",
        env: dict[str, str] | None = None,
        **settings: Any,
    ) -> None:
        self.kind = kind
        self.directory = directory
        self.root_dir = directory / "root"
        self.settings = {"local_dir": str(directory / "local"), **settings}
        self.token = secrets.token_hex(16)
        self.url = ""
        self.process: subprocess.Popen[bytes] | None = None
        self._port = free_port()
        self._bookstore = bookstore
        self._contents_manager = contents_manager
        self._front_ends = front_ends
        self._config = config or {}
        self._python_config = python_config
        self._env = env or {}
        self._log_file = directory / "server.log"
        self._descendants: list[psutil.Process] = []
        self._session = requests.Session()
        self._session.trust_env = False
        # The servers answer a token with a login cookie; without it, the token alone counts.
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._session.headers["Authorization"] = f"token {self.token}"

    def __enter__(self) -> "JupyterServer":
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    @property
    def local_dir(self) -> Path:
        """The directory of the local store."""
        return Path(self.settings["local_dir"])

    @property
    def log(self) -> str:
        """What the server has written so far, over all its starts."""
        return self._log_file.read_text(errors="replace") if self._log_file.exists() else ""

    def start(self, timeout: float = 60) -> None:
        """Start the process and wait until it answers requests.

        Raises
        ------
        AssertionError
            When it ended instead, takes longer than `timeout` seconds, or could not use its
            configuration. The message shows the end of its log.
        """
        for directory in (self.root_dir, *self._own_directories().values()):
            directory.mkdir(parents=True, exist_ok=True)
        config_name = "notebook" if self.kind == "classic" else "server"
        config_file = self.directory / "config" / f"jupyter_{config_name}_config.py"
        config_file.write_text(self._config_source())
        with self._log_file.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", MODULES[self.kind]],
                # not the checkout: the server shall see the installed package
                cwd=self.directory,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            wait_for(self._answers, f"the {self.kind} server's first answer", timeout)
        except AssertionError as failure:
            raise AssertionError(f"{failure}\n{self._log_end()}") from None
        # classic goes on with its defaults when it cannot import a class that we configured
        assert "Error loading config file" not in self.log, self._log_end()

    def terminate(self, timeout: float = 60) -> int:
        """End the server as an operator does (SIGTERM), and return its exit code."""
        self._signal(signal.SIGTERM)
        return self.wait(timeout)

    def kill(self) -> None:
        """End the server at once (SIGKILL)."""
        self._signal(signal.SIGKILL)
        self.wait(timeout=60)

    def wait(self, timeout: float) -> int:
        """Wait until the server has ended, and return its exit code."""
        assert self.process, "the server was never started"
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(
                f"the {self.kind} server still runs after {timeout} s\n{self._log_end()}"
            ) from None

    def restart(self, **settings: Any) -> None:
        """Start again in the same directories, on the same port, with `settings` changed.

        A server that still runs is terminated first.
        """
        if self.is_running:
            self.terminate()
        self.settings |= settings
        self.start()

    def close(self) -> None:
        """End the server and all that it started, at once."""
        if self.is_running:
            self.kill()
        for process in self._descendants:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self._session.close()

    @property
    def is_running(self) -> bool:
        """Whether there is a process that has not ended."""
        return self.process is not None and self.process.poll() is None

    def uploaders(self) -> list[psutil.Process]:
        """Return the processes that upload for this server."""
        assert self.process, "the server was never started"
        found = []
        for child in psutil.Process(self.process.pid).children():
            with suppress(psutil.NoSuchProcess):  # one that has just ended, too
                if "bookstore.saves.worker" in " ".join(child.cmdline()):
                    found.append(child)
        return found

    def api(self, method: str, path: str, **kwargs: Any) -> requests.Response:
        """Send a request with the token; `path` is percent-encoded, as in "/api/contents"."""
        kwargs.setdefault("timeout", 60)
        return self._session.request(method, self.url + path, **kwargs)

    def save(self, path: str, notebook: Notebook) -> dict[str, Any]:
        """Save a notebook as the front end does, and return its model."""
        model = {"type": "notebook", "format": "json", "content": notebook}
        return self._answered(self.api("PUT", contents_url(path), json=model))

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        """Return the contents model of a path."""
        return self._answered(self.api("GET", contents_url(path), params=query))

    def bookstore(
        self, method: str, route: str, *, status: int = 200, **kwargs: Any
    ) -> dict[str, Any]:
        """Ask Bookstore's API, and return its JSON; `status` is what it must answer.

        The `route` is what comes after "/api/bookstore/", not percent-encoded.
        """
        answer = self.api(method, f"/api/bookstore/{quote(route)}", **kwargs)
        assert (
            answer.status_code == status
        ), f"{method} {answer.url}: {answer.status_code} {answer.text}\n{self._log_end()}"
        return dict(answer.json())

    def status(self) -> Status:
        """Return what `GET /api/bookstore` answers."""
        return self._answered(self.api("GET", "/api/bookstore"))

    def wait_until(
        self, condition: Callable[[Status], Any] | Literal["archived"], timeout: float = 60
    ) -> Status:
        """Wait until the status fulfils a condition, and return that status.

        Parameters
        ----------
        condition
            A function of the status, or "archived": no save is pending any more.
        timeout
            Seconds.
        """
        fulfils: Callable[[Status], Any]
        if condition == "archived":
            fulfils, what = _is_archived, "all saves to be archived"
        else:
            fulfils, what = condition, "the status to fulfil a condition"

        def fulfilled() -> Status | None:
            status = self.status()
            return status if fulfils(status) else None

        try:
            return wait_for(fulfilled, what, timeout, interval=0.1)
        except AssertionError as failure:
            raise AssertionError(f"{failure}\nstatus: {self.status()}\n{self._log_end()}") from None

    def wait_for_log(self, text: str) -> None:
        """Wait until the server has logged a text: the status may be ahead of the log."""
        wait_for(lambda: text in self.log, f"the log to say {text!r}")

    def _answers(self) -> bool:
        assert self.process
        if self.process.poll() is not None:
            code = self.process.returncode
            raise AssertionError(f"the {self.kind} server ended with code {code} instead")
        # The server says where it listens; it takes another port when ours is taken by now.
        prefix = "nbserver" if self.kind == "classic" else "jpserver"
        info_file = self.directory / "runtime" / f"{prefix}-{self.process.pid}.json"
        try:
            self.url = json.loads(info_file.read_text())["url"].rstrip("/")
            return self.api("GET", "/api", timeout=5).ok
        except (FileNotFoundError, json.JSONDecodeError, requests.RequestException):
            return False

    def _signal(self, number: signal.Signals) -> None:
        assert self.process and self.is_running, "the server does not run"
        # kernels have sessions of their own, and once orphaned they are hard to find
        self._descendants += psutil.Process(self.process.pid).children(recursive=True)
        self.process.send_signal(number)

    def _answered(self, response: requests.Response) -> dict[str, Any]:
        assert response.ok, (
            f"{response.request.method} {response.url}: {response.status_code} {response.text}\n"
            f"{self._log_end()}"
        )
        return dict(response.json())

    def _log_end(self) -> str:
        return "the end of its log:\n" + "\n".join(self.log.splitlines()[-60:])

    def _own_directories(self) -> dict[str, Path]:
        return {
            "HOME": self.directory / "home",
            "JUPYTER_CONFIG_DIR": self.directory / "config",
            "JUPYTER_DATA_DIR": self.directory / "data",
            "JUPYTER_RUNTIME_DIR": self.directory / "runtime",
        }

    def _environment(self) -> dict[str, str]:
        return {
            **inherited_environment(),
            **{name: str(directory) for name, directory in self._own_directories().items()},
            # The environment's etc/jupyter, which enables extensions, is read in any case; this
            # lets the server's own configuration win over it.
            "JUPYTER_PREFER_ENV_PATH": "0",
            "JUPYTER_TOKEN": self.token,
            "AWS_EC2_METADATA_DISABLED": "true",
            **self._env,
        }

    def _config_source(self) -> str:
        lines = [
            f"c.{class_name}.{trait} = {value!r}"
            for config in (self._server_config(), self._config)
            for class_name, traits in config.items()
            for trait, value in traits.items()
        ]
        return "\n".join([*lines, self._python_config, ""])

    def _server_config(self) -> dict[str, dict[str, Any]]:
        classic = self.kind == "classic"
        extensions = DISABLED_EXTENSIONS | ({} if self._bookstore else {"bookstore": False})
        if self.kind in ("classic", "jupyter_server") and not self._front_ends:
            extensions |= dict.fromkeys(FRONT_ENDS, False)
        app: dict[str, Any] = {
            "ip": "127.0.0.1",
            "port": self._port,
            "open_browser": False,
            "allow_root": True,
            "notebook_dir" if classic else "root_dir": str(self.root_dir),
            "nbserver_extensions" if classic else "jpserver_extensions": extensions,
        }
        if self._bookstore and self._contents_manager:
            app["contents_manager_class"] = self._contents_manager
        server = {"NotebookApp" if classic else "ServerApp": app}
        return server | ({"BookstoreSettings": self.settings} if self._bookstore else {})


def contents_url(path: str) -> str:
    """Return the URL path of a notebook in the contents API."""
    # A client would leave out the dot of ./a.ipynb.
    return "/api/contents/" + quote(path).replace("./", "%2E/")


def _is_archived(status: Status) -> bool:
    return bool(status["archive"]["pending"] == 0)
