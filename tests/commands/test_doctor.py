"""What the doctor finds."""

from pathlib import Path

import pytest

from tests.support.object_store import Bucket
from tests.support.shell import Shell

pytestmark = pytest.mark.thorough


def problem(shell: Shell, name: str) -> str:
    """Run the doctor, and return what is wrong with one thing."""
    lines = shell.run("doctor", code=1).stdout.decode().splitlines()
    (line,) = [line for line in lines if line.split()[:2] == ["problem", name]]
    return line


# Root may write everywhere, but not where the kernel makes the files.
def test_a_folder_where_saves_cannot_be_recorded(tmp_path: Path, bucket: Bucket) -> None:
    if not Path("/proc/self").exists():
        pytest.skip("there is no folder in which nobody can make files")
    shell = Shell(tmp_path, local_dir="/proc/x", **bucket.settings)
    assert "Saves cannot be recorded: No such file or directory (/proc/x" in problem(
        shell, "local_dir"
    )


def test_trying_leaves_nothing_behind(tmp_path: Path) -> None:
    shell = Shell(tmp_path, store_url="local")
    assert "local_dir   Saves can be recorded" in shell.out("doctor")
    assert [file.name for file in tmp_path.glob("local/outbox/*/*")] == ["store"]


def test_put_options_that_cannot_work(tmp_path: Path, bucket: Bucket) -> None:
    def shell(**options: object) -> Shell:
        return Shell(tmp_path, **bucket.settings, s3_put_options=options)

    assert "'Metadata' is set by Bookstore: leave it out." in shell(Metadata={}).error(
        "doctor", code=2
    )
    told = problem(shell(BucketKeyEnabled="yes"), "put")
    assert "Invalid type for parameter BucketKeyEnabled" in told
    assert "Try whether it does without s3_put_options." in told


def test_what_a_hub_has_not_configured(tmp_path: Path, bucket: Bucket) -> None:
    hub = {"JUPYTERHUB_USER": "ann", "JUPYTERHUB_BASE_URL": "/jupyter/"}
    all_alike = Shell(tmp_path, **bucket.settings, env=hub)
    assert "All users of this JupyterHub save under the same keys" in problem(all_alike, "users")
    told = all_alike.run("doctor", code=1).stdout.decode()
    assert "c.JupyterHub.public_url" in told
    hub["JUPYTERHUB_PUBLIC_HUB_URL"] = "https://hub.example.org/jupyter/hub/"
    settings = {**bucket.settings, "workspace_prefix": "workspace/{username}"}
    told = Shell(tmp_path, **settings, env=hub).out("doctor")
    assert "JupyterHub" not in told
