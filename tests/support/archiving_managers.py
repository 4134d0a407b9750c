"""Runs a server's own tests of its contents managers, with archiving ones in their place.

A program, to be started in the directory of those tests:

    python archiving_managers.py SERVER LOCAL_DIR REPORT PYTEST_ARGUMENTS…

SERVER is the package, `notebook` or `jupyter_server`. Saves are archived to the embedded store in
LOCAL_DIR; where that is empty, the managers stay as they are. When all tests have run, REPORT is
written: JSON, with the ids of those that passed and of those that failed.
"""

import json
import os
import sys
from functools import partial
from importlib import import_module
from pathlib import Path

import pytest

MANAGERS = {
    "filemanager": ["FileContentsManager", "AsyncFileContentsManager"],
    "largefilemanager": ["LargeFileManager", "AsyncLargeFileManager"],
}


def replace_managers(server: str, local_dir: str) -> None:
    """Put archiving subclasses where the server and its tests import the managers from."""
    from bookstore import archive, core, flavours

    # Most of the tests make managers without any configuration.
    core.BookstoreSettings = partial(
        core.BookstoreSettings,
        store_url="local",
        local_dir=local_dir,
        shutdown_timeout=60.0,  # all is in the store when the process ends
    )
    modules = {name: import_module(f"{server}.services.contents.{name}") for name in MANAGERS}
    # The application takes its default manager from there when it is imported.
    assert not {"notebook.notebookapp", "jupyter_server.serverapp"} & set(sys.modules)
    for module_name, names in MANAGERS.items():
        module = modules[module_name]
        for name in set(names) & set(vars(module)):
            base = getattr(module, name)
            archiver = (
                archive.BookstoreContentsArchiver
                if base is flavours.LargeFileManager
                else archive.archiving(base)
            )
            # The tests are named after the classes: by its old name, they keep theirs.
            setattr(module, name, type(name, (archiver,), {"__module__": base.__module__}))


class Outcomes:
    """Notes which tests pass and which fail, be it in their setup or teardown."""

    def __init__(self) -> None:
        self.passed: set[str] = set()
        self.failed: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed.add(report.nodeid)
        elif report.passed and report.when == "call":
            self.passed.add(report.nodeid)

    def as_dict(self) -> dict[str, list[str]]:
        return {"passed": sorted(self.passed - self.failed), "failed": sorted(self.failed)}


def main() -> int:
    server, local_dir, report, *arguments = sys.argv[1:]
    # As `python -m pytest` has it: this folder's modules, of which one is `moto`, are not meant.
    sys.path[0] = os.getcwd()
    if local_dir:
        replace_managers(server, local_dir)
    outcomes = Outcomes()
    code = pytest.main(arguments, plugins=[outcomes])
    if code in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        Path(report).write_text(json.dumps(outcomes.as_dict()))
    return code


if __name__ == "__main__":
    sys.exit(main())
