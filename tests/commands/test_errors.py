"""What goes wrong in a shell is told in a sentence, and by the exit code."""

from collections.abc import Callable
from pathlib import Path
from subprocess import PIPE

import pytest

from tests.support.fault_proxy import FaultProxy
from tests.support.notebooks import make_notebook
from tests.support.object_store import Bucket, ObjectStore
from tests.support.ports import free_port
from tests.support.servers import JupyterServer
from tests.support.shell import Shell

StartServer = Callable[..., JupyterServer]

pytestmark = pytest.mark.thorough


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        ("nonsense", 2, "There is no command 'nonsense': see jupyter bookstore --help."),
        ("--json status", 2, "The command comes first: jupyter bookstore status …."),
        ("status --nonsense", 2, "There is no option --nonsense: see jupyter bookstore status"),
        ("status --json=1", 2, "The option --json takes no value."),
        ("versions a.ipynb --limit", 2, "The option --limit needs a value"),
        ("versions a.ipynb --limit=0", 2, "--limit must be a whole number from 1, not '0'."),
        ("prune --older-than=1000000", 2, "--older-than must be a whole number from 0 to 36500"),
        ("versions", 2, "jupyter bookstore versions takes PATH: see"),
        ("versions a.ipynb b.ipynb", 2, "jupyter bookstore versions takes PATH: see"),
        ("versions ../a.ipynb", 2, "outside of the folder with the notebooks"),
        ("status --BookstoreSettings.nonsense=1", 2, "There is no setting BookstoreSettings.non"),
        ("status --BookstoreSettings.max_threads=0", 2, "uploads at once are none"),
        ("status --BookstoreSettings.store_url=ftp://x", 2, "store_url"),
        ("status --config nonsense.py", 2, "There is no configuration file"),
        ("versions a.ipynb --BookstoreSettings.store_url=", 2, "No store is named: set c."),
        ("archive . --BookstoreSettings.workspace_prefix=", 2, "Archiving is off: set c."),
        ("publish a.ipynb --BookstoreSettings.published_prefix=", 2, "Publishing is off: set c."),
        ("archive nonsense", 2, "There is no folder 'nonsense' in"),
        ("publish data.csv", 2, "its name must end in .ipynb"),
        ("publish none.ipynb", 1, "No such file or directory."),
        ("versions none.ipynb", 3, "There is no workspace/none.ipynb in the store."),
        ("show none.ipynb", 3, "There is no workspace/none.ipynb in the store."),
        ("show none.ipynb@nonsense", 3, "There is no version nonsense of workspace/none.ipynb."),
        ("restore none.ipynb", 2, "Name the version"),
        ("link none.ipynb", 3, "There is no published/none.ipynb in the store."),
        ("clone none.ipynb", 2, "Name what to clone as s3://BUCKET/KEY"),
        ("clone s3://local/", 2, "A key is needed"),
        ("prune --lifecycle", 2, "The embedded store has no rules"),
        ("prune --BookstoreSettings.workspace_prefix=", 2, "c.BookstoreSettings.workspace_prefix"),
    ],
)
def test_mistakes(shell: Shell, arguments: str, code: int, sentence: str) -> None:
    assert sentence in shell.error(*arguments.split(), code=code)


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A shell with the embedded store, and nothing in it."""
    return Shell(tmp_path_factory.mktemp("shell"), store_url="local", workspace_prefix="workspace")


def test_a_file_that_is_no_notebook(shell: Shell) -> None:
    (shell.root / "no.ipynb").write_text("no JSON")
    assert "This is not JSON" in shell.error("publish", "no.ipynb", code=1)


def test_mistakes_of_the_configuration(tmp_path: Path) -> None:
    shell = Shell(tmp_path, store_url="local")
    (shell.config / "jupyter_bookstore_config.py").write_text("raise ValueError('two\\nlines')")
    told = shell.error("status", code=2)
    assert "jupyter_bookstore_config cannot be read: ValueError: two lines." in told


def test_a_store_that_cannot_be_used(tmp_path: Path, ceph: ObjectStore, bucket: Bucket) -> None:
    settings = {**bucket.settings, "s3_secret_access_key": "not-the-secret"}
    refused = Shell(tmp_path / "refused", **settings)
    assert "refused Bookstore's credentials" in refused.error("versions", "a.ipynb", code=4)
    settings = {**bucket.settings, "s3_endpoint_url": f"http://127.0.0.1:{free_port()}"}
    gone = Shell(tmp_path / "gone", **settings)
    assert "cannot be reached" in gone.error("versions", "a.ipynb", code=5)
    absent = Shell(tmp_path / "absent", **bucket.settings | {"s3_bucket": "absent"})
    assert "There is no bucket 'absent'" in absent.error("versions", "a.ipynb", code=4)

    for shell, sentence in (
        (refused, "refused Bookstore's credentials"),
        (gone, "cannot be reached"),
        (absent, "There is no bucket"),
    ):
        problems = shell.run("doctor", code=1).stdout.decode().splitlines()
        (line,) = [line for line in problems if line.startswith("problem")]
        assert line.split()[1] == "reach"
        assert sentence in line


def test_the_doctor_sees_a_bucket_without_versioning(tmp_path: Path, ceph: ObjectStore) -> None:
    bucket = ceph.new_bucket(versioned=False)
    shell = Shell(tmp_path, **bucket.settings)
    lines = shell.run("doctor", code=1).stdout.decode().splitlines()
    (problem,) = [line for line in lines if line.startswith("problem")]
    assert "Turn versioning on in the bucket's settings" in problem
    bucket.remove()


def test_pending_saves_are_drained_beside_a_server(
    core_kind: str,
    start_server: StartServer,
    fault_proxy: FaultProxy,
    bucket: Bucket,
    tmp_path: Path,
) -> None:
    settings = {**bucket.settings, "s3_endpoint_url": fault_proxy.endpoint_url}
    fault_proxy.mode = "unavailable"
    server = start_server(core_kind, **settings)
    server.save("a.ipynb", make_notebook())
    shell = Shell(tmp_path / "shell", **{**settings, "local_dir": str(server.local_dir)})
    server.wait_until(lambda status: status["archive"]["last_error"])

    done = shell.run("drain", code=1)
    assert done.stdout == b"0 uploaded, 1 pending.\n"
    waiting, problem = done.stderr.decode().splitlines()
    assert waiting == "A server uploads them already; waiting for it."
    assert problem.startswith("Still pending, safe on this machine: 1. The object store")
    assert "1. Run jupyter bookstore drain." in shell.run("doctor", code=1).stdout.decode()

    fault_proxy.mode = "pass"
    assert shell.json("drain")["pending"] == 0
    assert len(bucket.version_ids("workspace/a.ipynb")) == 1


def test_a_shell_reads_the_configuration_of_each_server(tmp_path: Path) -> None:
    classic = Shell(tmp_path, config_name="jupyter_notebook_config", store_url="local")
    assert classic.json("status")["store"]["url"].startswith("file:")
    server = Shell(tmp_path, config_name="jupyter_server_config", store_url="file:///server")
    assert server.json("status")["store"]["url"] == "file:///server"
    Shell(tmp_path, config_name="jupyter_bookstore_config", store_url="file:///shell")
    assert server.json("status")["store"]["url"] == "file:///shell"
    given = server.json("status", "--BookstoreSettings.store_url=file:///given")
    assert given["store"]["url"] == "file:///given"
    by_environment = Shell(tmp_path / "env", env={"JPYNB_S3_BUCKET": "by-environment"})
    assert by_environment.json("status")["store"]["url"].endswith("/by-environment")


def test_a_shell_says_what_there_is(shell: Shell) -> None:
    assert "Subcommands" in shell.out("--help")
    told = shell.out("versions", "--help")
    assert "Usage: jupyter bookstore versions PATH" in told
    assert "Examples" in told
    assert shell.run(code=2).stdout.decode() == shell.out("--help")
    assert "BookstoreSettings.s3_bucket" in shell.out("versions", "--help-all")


@pytest.mark.parametrize("arguments", ["status", "versions --help-all"])
def test_reading_may_stop_early(shell: Shell, arguments: str) -> None:
    with shell.start(*arguments.split(), stdout=PIPE, stderr=PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
