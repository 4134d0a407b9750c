"""A process that becomes ``jupyter bookstore``, forked off one that has imported it already.

Starting Python and importing what each command needs takes ten times as long as what most commands
do. This module imports little, since every such process does so.
"""

import multiprocessing
import os
import sys
from collections.abc import Sequence
from pathlib import Path

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    [
        __name__,
        "aiobotocore.session",
        "bookstore.app",
        "bookstore.commands.archive",
        "bookstore.commands.copies",
        "bookstore.commands.doctor",
        "bookstore.commands.export",
        "bookstore.commands.prune",
        "bookstore.commands.sharing",
        "bookstore.commands.status",
        "bookstore.commands.versions",
    ]
)


def run_command(
    arguments: Sequence[str], *, env: dict[str, str], cwd: Path, stdout: Path, stderr: Path
) -> int:
    """Run a command to its end, with its output in two files, and return its exit code."""
    process = _CONTEXT.Process(target=_become, args=(arguments, env, cwd, (stdout, stderr)))
    process.start()
    process.join()
    assert process.exitcode is not None
    return process.exitcode


def _become(
    arguments: Sequence[str], env: dict[str, str], cwd: Path, outputs: Sequence[Path]
) -> None:
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    for descriptor, file in enumerate(outputs, start=1):
        opened = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(opened, descriptor)
        os.close(opened)
    sys.argv = ["jupyter-bookstore", *arguments]

    from bookstore.app import main

    main()
