"""Whatever notebooks are called in turn, each keeps its own versions, and no other's."""

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.support.archive import Archive

ACTIONS = ("save", "save", "save", "rename", "rename", "swap", "delete", "upload", "list")
ON_MACHINES = ("elsewhere", "empty disk")
STEPS = st.tuples(
    st.sampled_from(ACTIONS + ON_MACHINES), st.sampled_from("abc"), st.sampled_from("abcd")
)
MINUTES = 60 * 10**9  # nanoseconds

# One that was its name's second lends it to a third, which is deleted, and takes it again.
LENT = [
    ("save", "b", ""),
    ("rename", "b", "c"),
    ("save", "b", ""),
    ("rename", "b", "a"),
    ("save", "b", ""),
    ("delete", "b", ""),
    ("rename", "a", "b"),
]


@dataclass(eq=False)
class Notebook:
    """A notebook as people think of it.

    Attributes
    ----------
    versions : list of (str, str)
        Name and text of each, newest first.
    is_shared : bool
        Whether two machines have saved it. Then only the order under each name is fixed.
    """

    versions: list[tuple[str, str]] = field(default_factory=list)
    is_shared: bool = False


class Notebooks:
    """What people do with notebooks on one machine and another, and what they expect of it."""

    def __init__(self, directory: Path, offset: int) -> None:
        self._directory = directory
        self._disks = 1
        self.archive = Archive(directory / "disk-1", directory / "store")
        self.elsewhere = Archive(directory / "elsewhere", directory / "store", offset)
        self._here: dict[str, Notebook] = {}
        self._there: dict[str, Notebook] = {}
        self._unsaved: set[str] = set()  # names under which the notebook was not saved yet
        self._stored: dict[str, list[tuple[Notebook, str]]] = {}  # by name, oldest first
        self._saved: list[tuple[str, Notebook, str]] = []  # and not yet stored
        # By name, those that are recognized by what the store has last under that name.
        self._forgotten: dict[str, Notebook] = {}

    async def take(self, step: str, name: str, other_name: str, text: str) -> None:
        if step == "save":
            self._save(name, text)
        elif step == "rename":
            self._rename(name, other_name)
        elif step == "swap" and {name, other_name} <= set(self._here) and name != other_name:
            self._rename(name, "between")
            self._rename(other_name, name)
            self._rename("between", other_name)
        elif step == "delete" and name in self._here:
            self.archive.identities.ended(name)
            del self._here[name]
            self._unsaved.discard(name)
        elif step == "upload":
            await self.upload()
        elif step == "list":
            await self.require_own_versions()
        elif step == "elsewhere":
            await self._save_elsewhere(name, text)
        elif step == "empty disk":
            await self._empty_the_disk()

    def _save(self, name: str, text: str) -> None:
        self.archive.record(name, text, is_new=name not in self._here)
        notebook = self._here.setdefault(name, Notebook())
        notebook.versions.insert(0, (name, text))
        self._saved.append((name, notebook, text))
        self._unsaved.discard(name)

    def _rename(self, name: str, new_name: str) -> None:
        if name in self._here and new_name not in self._here:
            self.archive.rename(name, new_name)
            self._here[new_name] = self._here.pop(name)
            self._unsaved = self._unsaved - {name} | {new_name}

    async def upload(self) -> None:
        await self.archive.upload()
        for name, notebook, text in self._saved:
            self._stored.setdefault(name, []).append((notebook, text))
        known = [notebook for _, notebook, _ in self._saved]
        self._forgotten = {n: book for n, book in self._forgotten.items() if book not in known}
        self._saved.clear()

    async def _save_elsewhere(self, name: str, text: str) -> None:
        await self.upload()
        if name in self._forgotten:
            return
        stored = self._stored.setdefault(name, [])
        if name not in self._there:
            newest = stored[-1][0] if stored else None
            is_taken = newest is None or newest in self._there.values()
            self._there[name] = Notebook() if is_taken else newest
        notebook = self._there[name]
        self.elsewhere.record(name, text)
        await self.elsewhere.upload()
        notebook.versions.insert(0, (name, text))
        notebook.is_shared = True
        stored.append((notebook, text))
        assert (await self.elsewhere.texts(name))[0] == text

    async def _empty_the_disk(self) -> None:
        await self.upload()
        newest = {name: stored[-1][0] for name, stored in self._stored.items()}
        if all(newest.get(name) is notebook for name, notebook in self._here.items()):
            self._disks += 1
            directory = self._directory / f"disk-{self._disks}"
            self.archive = Archive(directory, self._directory / "store")
            self._unsaved.clear()
            self._forgotten = dict(self._here)

    async def require_own_versions(self) -> None:
        for name, notebook in self._here.items():
            page = await self.archive.history.page(name, limit=100)
            found = []
            for entry in page.entries:
                version_id = entry.version.version_id
                found.append((entry.version.key, await self.archive.read(name, version_id)))
            self._require_same(found, notebook)
            assert await self.archive.read(name) == found[0][1]
            known = self.archive.history.known(name, limit=100)
            assert [entry.version.key for entry in known] == [key for key, _ in found]
            assert [entry.version.latest for entry in known][:2] == [True, False][: len(known)]

    @staticmethod
    def _require_same(found: list[tuple[str, str]], notebook: Notebook) -> None:
        if not notebook.is_shared:
            assert found == notebook.versions
        assert sorted(found) == sorted(notebook.versions)
        for name in {name for name, _ in found}:
            assert [v for v in found if v[0] == name] == [
                v for v in notebook.versions if v[0] == name
            ]

    async def require_same_in_pages_of(self, limit: int) -> None:
        for name in self._here:
            whole = (await self.archive.history.page(name, limit=100)).entries
            page = await self.archive.history.page(name, limit=limit)
            entries = page.entries
            while page.next:
                page = await self.archive.history.page(name, limit=limit, after=page.next)
                entries = entries + page.entries
            ids = [entry.version.version_id for entry in entries]
            assert ids == [entry.version.version_id for entry in whole]


@example(LENT, MINUTES)
@given(
    steps=st.lists(STEPS, min_size=4, max_size=18),
    offset=st.sampled_from((-7 * MINUTES, 7 * MINUTES)),
)
@settings(max_examples=100, deadline=None, derandomize=True, database=None)
async def test_each_notebook_keeps_its_own_versions(
    steps: list[tuple[str, str, str]], offset: int
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        notebooks = Notebooks(Path(directory), offset)
        for number, (step, name, other_name) in enumerate(steps):
            await notebooks.take(step, name, other_name, str(number))
        await notebooks.require_own_versions()
        await notebooks.require_same_in_pages_of(limit=2)
        with notebooks.archive.uploading_when_listed():
            await notebooks.require_own_versions()
        await notebooks.upload()
        await notebooks.require_own_versions()
        for limit in (1, 3):
            await notebooks.require_same_in_pages_of(limit)
