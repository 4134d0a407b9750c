"""The servers' own tests of contents managers and the contents API hold for archiving ones too."""

import json
import os
import subprocess
import sys
import tarfile
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import pytest
from filelock import FileLock

from tests.support import archiving_managers
from tests.support.servers import FOREIGN, installed_kinds

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(900)]


class Suite(NamedTuple):
    """Some of a server's own tests.

    Attributes
    ----------
    kind
        Which server's.
    arguments
        Those of pytest that choose the tests.
    passed, archived
        How many tests must pass, and how many of their saves be archived, at least: somewhat less
        than there are, enough to show that the tests are found and our contents managers used.
    """

    kind: str
    arguments: list[str]
    passed: int
    archived: int


class Outcome(NamedTuple):
    """What became of a suite: the ids of its tests, and all that it printed."""

    passed: set[str]
    failed: set[str]
    output: str


CLASSIC_TESTS = ["--pyargs", "notebook.services.contents.tests"]
SERVER_TESTS = "tests/services/contents"
# The tests of the API start a server, which makes its contents manager; the others make their own.
SUITES = {
    "classic-api": Suite("classic", [*CLASSIC_TESTS, "-k", "test_contents_api"], 80, 30),
    "classic-managers": Suite("classic", [*CLASSIC_TESTS, "-k", "not test_contents_api"], 30, 60),
    "jupyter_server-api": Suite("jupyter_server", [f"{SERVER_TESTS}/test_api.py"], 250, 20),
    "jupyter_server-managers": Suite(
        "jupyter_server", [SERVER_TESTS, f"--ignore={SERVER_TESTS}/test_api.py"], 150, 150
    ),
}
PACKAGES = {"classic": "notebook", "jupyter_server": "jupyter_server"}
OPTIONS = [
    "--config-file=pyproject.toml",
    "--color=no",
    "-ppytest_timeout",
    "--timeout=100",
    "--basetemp=tmp",
    # What passes may leave hundreds of megabytes behind.
    "--override-ini=tmp_path_retention_policy=failed",
    # For jupyter_server's tests a warning is an error; the jupyter_client of notebook 6.5 has one.
    "-Wignore:Parsing dates involving a day of month:DeprecationWarning",
]


@pytest.mark.parametrize(
    "name", [name for name, suite in SUITES.items() if suite.kind in installed_kinds()]
)
def test_what_passes_without_the_archiver_passes_with_it(
    name: str, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    suite = SUITES[name]
    local_dir = tmp_path / "local"
    archiving = run(suite, tmp_path / "archiving", pytestconfig, local_dir)
    failed = archiving.failed
    if failed:  # notebook 6.5 is older than Python 3.12, where two of its tests fail anyway
        failed -= run(suite, tmp_path / "plain", pytestconfig).failed
    assert not failed, archiving.output
    assert len(archiving.passed) >= suite.passed, archiving.output
    versions = list(local_dir.glob("store/blobs/*/*"))
    assert len(versions) >= suite.archived, archiving.output


def run(
    suite: Suite, directory: Path, config: pytest.Config, local_dir: Path | None = None
) -> Outcome:
    """Run a suite in a new directory; with a `local_dir`, its contents managers archive there."""
    directory.mkdir()
    if suite.kind == "jupyter_server":
        unpack_tests(sdist_of_jupyter_server(config), directory)
    else:
        # The wheel has the tests and no settings of theirs; pytest would look on, and find ours.
        (directory / "pyproject.toml").write_text("[tool.pytest.ini_options]")
    report = directory / "report.json"
    program = [sys.executable, archiving_managers.__file__, PACKAGES[suite.kind]]
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.upper().startswith((*FOREIGN, "PYTEST_"))
    }
    process = subprocess.run(
        [*program, local_dir or "", report, *OPTIONS, *suite.arguments],
        cwd=directory,
        env={
            **inherited,
            "HOME": str(directory),  # there are the signatures of notebooks, and the trash
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    assert report.exists(), process.stdout
    outcome = json.loads(report.read_text())
    return Outcome(set(outcome["passed"]), set(outcome["failed"]), process.stdout)


def sdist_of_jupyter_server(config: pytest.Config) -> Path:
    """Download the sdist of the jupyter_server that is installed, once: its wheel has no tests."""
    release = version("jupyter_server")
    directory = config.cache.mkdir("jupyter_server")
    sdist = directory / f"jupyter_server-{release}.tar.gz"
    options = ["--quiet", "--no-deps", "--no-binary=jupyter_server", f"--dest={directory}"]
    with FileLock(directory / "lock"):
        if sdist.exists():
            return sdist
        pip = subprocess.run(
            [sys.executable, "-m", "pip", "download", *options, f"jupyter_server=={release}"],
            capture_output=True,
            text=True,
            check=False,
        )
        if pip.returncode:
            pytest.fail(
                f"The tests of jupyter_server {release} come with its sdist only, and pip cannot"
                f" download that; it needs a package index.\n{pip.stderr}",
                pytrace=False,
            )
    return sdist


def unpack_tests(sdist: Path, directory: Path) -> None:
    """Unpack the tests and their settings, not the package: the installed one is to be tested."""
    root = sdist.name.removesuffix(".tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extraction_filter = getattr(tarfile, "data_filter", None)
        for member in archive:
            member.name = member.name.removeprefix(f"{root}/")
            if member.name == "pyproject.toml" or member.name.startswith("tests/"):
                archive.extract(member, directory)
