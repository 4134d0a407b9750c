"""What papermill is told before a run, and what is left of a run whose output is not taken."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bookstore import papermill
from bookstore.papermill import BookstoreHandler, BookstoreIOError
from tests.support.archive import Archive

UNDER_WAY = json.dumps({"metadata": {"papermill": {"end_time": None}}})
ENDED = json.dumps({"metadata": {"papermill": {"end_time": "2026-11-24T12:00:00"}}})
URL = "bookstore://workspace/runs/a.ipynb"


@pytest.fixture
def config_file(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """A configuration that names that archive; files that are kept go beside it."""
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path))
    monkeypatch.delenv("JPYNB_S3_BUCKET", raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    file = tmp_path / "jupyter_bookstore_config.json"
    file.write_text(json.dumps(archive.config))
    papermill._configured.cache_clear()
    yield file
    if papermill._configured.cache_info().currsize:
        papermill._configured().close()
        papermill._configured.cache_clear()


@pytest.mark.parametrize(
    ("config", "url", "says"),
    [
        ({}, URL, "No store is named: set c.BookstoreSettings"),
        ({"BookstoreSettings": {"store_url": "ftp://x"}}, URL, "store_url: 'ftp://x' is not"),
        ({"BookstoreSettings": {"max_threads": "x"}}, URL, "'max_threads' trait"),
        ({"BookstoreCommand": {"as_json": "x"}}, URL, "as_json must be True or False, not 'x'"),
        (
            {"BookstoreSettings": {"store_url": "local", "workspace_prefix": ""}},
            URL,
            "set c.BookstoreSettings.workspace_prefix",
        ),
        (None, "bookstore://elsewhere/a.ipynb", "not 'elsewhere'"),
        (None, "bookstore://workspace/../a.ipynb", "is not a plain path"),
        (None, f"{URL}?version_id=1", "A version never changes"),
    ],
)
def test_what_cannot_work_is_said_before_a_run(
    config_file: Path, config: dict[str, object] | None, url: str, says: str
) -> None:
    if config is not None:
        config_file.write_text(json.dumps(config))
    with pytest.raises(BookstoreIOError, match=says) as raised:
        BookstoreHandler().write(UNDER_WAY, url)
    assert "is kept in" not in str(raised.value)


@pytest.mark.parametrize("error", [RuntimeError("It broke"), KeyboardInterrupt()])
def test_the_output_is_kept_whatever_happens(
    config_file: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("bookstore.papermill.publish", broken)
    handler = BookstoreHandler()
    handler.write(UNDER_WAY, URL)
    broken_text = ENDED.replace("}}", '}, "text": "\ud800"}')
    for text in (ENDED, broken_text):
        with pytest.raises(BookstoreIOError) as raised:
            handler.write(text, URL)
        (kept,) = config_file.parent.glob("bookstore-*.ipynb")
        assert str(raised.value).endswith(f" The notebook is kept in {kept}.")
        assert json.loads(kept.read_bytes()) == json.loads(text)
        kept.unlink()


async def test_all_notebooks_of_a_folder_are_listed(
    config_file: Path, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bookstore.storage.paging._PAGE", 2)
    for number in range(5):
        await archive.archive(f"workspace/runs/{number} a", "")
    await archive.archive("workspace/b", "")
    listed = BookstoreHandler().listdir("bookstore://workspace/runs/")
    assert listed == [f"bookstore://workspace/runs/{number}%20a" for number in range(5)]


def test_a_fault_of_ours_does_not_look_like_a_mistake_of_the_users(
    config_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object, **__: object) -> None:
        raise ValueError("a secret")

    monkeypatch.setattr(papermill, "publish", failing)
    with pytest.raises(BookstoreIOError, match=r"Unexpected error \(ValueError\)") as raised:
        BookstoreHandler().write(ENDED, URL)
    assert "a secret" not in str(raised.value)
    monkeypatch.setattr(papermill, "notebook_path", failing)
    with pytest.raises(ValueError, match="a secret"):
        BookstoreHandler().read(URL)
    with pytest.raises(BookstoreIOError, match="is not a URL"):
        BookstoreHandler().read("bookstore://[")
