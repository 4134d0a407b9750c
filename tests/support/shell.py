"""``jupyter bookstore`` in a shell: a process for each command, configured by files alone."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from .command_process import run_command
from .notebooks import Notebook
from .servers import inherited_environment

JUPYTER = Path(sys.executable).with_name("jupyter")


class Shell:
    """A folder with notebooks, the configuration of its server, and the commands run there.

    Parameters
    ----------
    directory
        For everything: home, configuration, notebooks, local store.
    config_name
        Which configuration file it is in: that of a server, or that of the commands.
    env
        More environment variables.
    settings
        `BookstoreSettings` by name; `local_dir` has a default within `directory`.
    """

    def __init__(
        self,
        directory: Path,
        *,
        config_name: str = "jupyter_server_config",
        env: dict[str, str] | None = None,
        **settings: Any,
    ) -> None:
        self.directory = directory
        self.root = directory / "root"
        self.config = directory / "config"
        self.settings = {"local_dir": str(directory / "local"), **settings}
        self._more_env = env or {}
        for folder in (self.root, self.config, directory / "home"):
            folder.mkdir(parents=True, exist_ok=True)
        app = (
            ("NotebookApp", "notebook_dir")
            if "notebook" in config_name
            else ("ServerApp", "root_dir")
        )
        lines = [f"c.{app[0]}.{app[1]} = {str(self.root)!r}"]
        lines += [
            f"c.BookstoreSettings.{name} = {value!r}" for name, value in self.settings.items()
        ]
        (self.config / f"{config_name}.py").write_text("\n".join(lines))

    def run(
        self, *arguments: str, code: int = 0, cwd: Path | None = None
    ) -> "subprocess.CompletedProcess[bytes]":
        """Run a command to its end, in the notebooks' folder, and check its exit code.

        Whatever it does, it shows neither a traceback nor a secret, and at most a sentence where
        it fails.
        """
        outputs = [self.directory / name for name in ("stdout", "stderr")]
        exit_code = run_command(
            arguments, env=self._env(), cwd=cwd or self.root, stdout=outputs[0], stderr=outputs[1]
        )
        done = subprocess.CompletedProcess(
            arguments, exit_code, *(output.read_bytes() for output in outputs)
        )
        told = done.stderr.decode()
        assert done.returncode == code, f"{arguments} ended with {done.returncode}: {told}"
        assert "Traceback" not in told
        if secret := self.settings.get("s3_secret_access_key"):
            assert secret not in told + done.stdout.decode(errors="replace")
        return done

    def out(self, *arguments: str, **options: Any) -> str:
        """Run a command that has nothing to complain of, and return its standard output."""
        done = self.run(*arguments, **options)
        assert done.stderr.decode() == ""
        return done.stdout.decode()

    def json(self, *arguments: str, **options: Any) -> Any:
        """Run a command with ``--json``, and return its answer."""
        command, *others = arguments
        return json.loads(self.run(command, "--json", *others, **options).stdout)

    def error(self, *arguments: str, code: int, **options: Any) -> str:
        """Run a command that fails without an answer, and return its one sentence."""
        done = self.run(*arguments, code=code, **options)
        assert done.stdout == b""
        (sentence,) = done.stderr.decode().splitlines()
        return sentence

    def start(self, *arguments: str, **options: Any) -> Any:
        """Start a command, as a `Popen`."""
        return subprocess.Popen(
            [str(JUPYTER), "bookstore", *arguments],
            env=self._env(),
            cwd=self.root,
            stdin=subprocess.DEVNULL,
            **options,
        )

    def write(self, path: str, notebook: Notebook) -> bytes:
        """Write a notebook as if it had been there before Bookstore."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(notebook))
        return file.read_bytes()

    def version_ids(self, path: str, *options: str) -> list[str]:
        """Return a notebook's version ids, newest first."""
        versions = self.json("versions", path, *options)["versions"]
        return [version["version_id"] for version in versions]

    def _env(self) -> dict[str, str]:
        own = {
            "HOME": "home",
            "JUPYTER_CONFIG_DIR": "config",
            "JUPYTER_DATA_DIR": "data",
            "JUPYTER_RUNTIME_DIR": "runtime",
        }
        return {
            **inherited_environment(),
            **{name: os.fspath(self.directory / folder) for name, folder in own.items()},
            "JUPYTER_PREFER_ENV_PATH": "0",
            "AWS_EC2_METADATA_DISABLED": "true",
            **self._more_env,
        }
