"""Check that each dependency of Bookstore is installed in the lowest version that setup.py allows.

If an environment has newer ones, its tests say nothing about the lowest.
"""

import sys
from importlib.metadata import requires, version

from packaging.requirements import Requirement
from packaging.version import Version


def main() -> None:
    """Exit with a line for each dependency that is installed in another version."""
    newer = []
    for requirement in map(Requirement, requires("bookstore") or []):
        [lowest] = [bound.version for bound in requirement.specifier if bound.operator == ">="]
        installed = version(requirement.name)
        if Version(installed) != Version(lowest):
            newer.append(f"{requirement.name} {installed} is installed, not {lowest}")
    if newer:
        sys.exit("\n".join(newer))


if __name__ == "__main__":
    main()
