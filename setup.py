"""What Bookstore is, what it needs and what it installs."""

import re
import runpy
from pathlib import Path

from setuptools import Distribution, find_packages, setup

ROOT = Path(__file__).parent
LAB_EXTENSION = Path("bookstore", "labextension")  # as `npm run build` in frontend/lab makes it


def lab_extension_files() -> list[tuple[str, list[str]]]:
    """List the files of the JupyterLab extension, by the folder that they are installed in."""
    folders = [folder for folder in (ROOT / LAB_EXTENSION).rglob("*") if folder.is_dir()]
    listed = []
    for folder in [ROOT / LAB_EXTENSION, *folders]:
        files = sorted(file for file in folder.iterdir() if file.suffix in (".js", ".json"))
        target = Path(
            "share/jupyter/labextensions/bookstore", folder.relative_to(ROOT / LAB_EXTENSION)
        )
        listed.append((str(target), [str(file.relative_to(ROOT)) for file in files]))
    return listed


def description() -> str:
    """Return the README without images and links into the repository, which PyPI does not have."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    text = re.sub(r"!\[[^]]*\]\([^)]*\)\n+", "", text)
    return re.sub(r"\[([^]]*)\]\((?!https?:)[^)]*\)", r"\1", text)


class DistributionWithData(Distribution):
    """Have `pip install -e` install the data files, and so enable the extensions.

    setuptools means to, but looks whether a distribution has data by a name that none has.
    """

    has_data = Distribution.has_data_files


setup(
    distclass=DistributionWithData,
    name="bookstore",
    # read from its file, since importing bookstore needs what is not installed yet
    version=runpy.run_path(str(ROOT / "bookstore" / "_version.py"))["__version__"],
    description="Every save of a Jupyter notebook becomes a version that can be found and shared",
    long_description=description(),
    long_description_content_type="text/markdown",
    author="Bookstore contributors",
    license_expression="BSD-3-Clause",
    license_files=["LICENSE"],
    keywords=["jupyter", "notebook", "versioning", "archive", "s3"],
    classifiers=[
        "Development Status :: 4 - Beta",
        "Framework :: Jupyter",
        "Intended Audience :: Developers",
        "Intended Audience :: Science/Research",
        "Intended Audience :: System Administrators",
        "Operating System :: POSIX",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3 :: Only",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Software Development :: Version Control",
        "Topic :: System :: Archiving",
        "Typing :: Typed",
    ],
    python_requires=">=3.10",
    # No Jupyter server is among these: Bookstore runs in the one that is there.
    install_requires=[
        "aiobotocore>=2.18",  # the first with botocore 1.36
        "botocore>=1.36.1",  # the first that can turn checksum trailers off
        "filelock>=3.12",
        "jinja2>=3.1.2",
        "jupyter_core>=5.1",
        "latex2mathml>=3.77",
        "nbconvert>=6.4.5",
        "nbformat>=5.5",
        "prometheus_client>=0.9",
        "requests>=2.31",
        "tornado>=6.2",
        "tqdm>=4.60",
        "traitlets>=5.6",
    ],
    extras_require={
        "diff": ["nbdime>=4.0.1"],  # it brings jupyter_server along
        "papermill": ["papermill>=2.4"],
    },
    packages=find_packages(include=["bookstore", "bookstore.*"]),
    package_data={"bookstore": ["py.typed", "web/templates/*", "web/static/*"]},
    data_files=[
        (
            "etc/jupyter/jupyter_notebook_config.d",
            ["jupyter_config/jupyter_notebook_config.d/bookstore.json"],
        ),
        (
            "etc/jupyter/jupyter_server_config.d",
            ["jupyter_config/jupyter_server_config.d/bookstore.json"],
        ),
        # of the classic notebook: Notebook 6 and nbclassic
        (
            "etc/jupyter/nbconfig/notebook.d",
            ["jupyter_config/nbconfig/notebook.d/bookstore.json"],
        ),
        ("etc/jupyter/nbconfig/tree.d", ["jupyter_config/nbconfig/tree.d/bookstore.json"]),
        (
            "share/jupyter/nbextensions/bookstore",
            ["bookstore/frontend/classic/notebook.js", "bookstore/frontend/classic/tree.js"],
        ),
        *lab_extension_files(),  # of JupyterLab and Notebook 7
    ],
    entry_points={
        "console_scripts": ["jupyter-bookstore = bookstore.app:main"],
        "papermill.io": ["bookstore:// = bookstore.papermill:HANDLER"],
    },
    zip_safe=False,
)
