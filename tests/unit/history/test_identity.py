"""Whatever notebooks are called in turn, each keeps its own versions, and no other's."""

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.support.archive import Archive

STEPS = st.tuples(
    st.sampled_from(("save", "save", "save", "rename", "rename", "delete", "upload")),
    st.sampled_from("abc"),
    st.sampled_from("abcd"),
)

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


@dataclass
class Notebooks:
    """What people do with notebooks, and what they expect of it.

    Attributes
    ----------
    own : dict of str to list of str
        What is in each notebook's versions, newest first, by its name.
    deleted : dict of str to list of str
        Those of notebooks that were deleted: who makes one of that name anew goes on with them.
    saved_as : dict of str to set of str
        What was ever saved under a name.
    untold : set of str
        Names under which the notebook that has it was not yet saved.
    """

    archive: Archive
    own: dict[str, list[str]] = field(default_factory=dict)
    deleted: dict[str, list[str]] = field(default_factory=dict)
    saved_as: dict[str, set[str]] = field(default_factory=dict)
    untold: set[str] = field(default_factory=set)

    def save(self, name: str, text: str) -> None:
        self.archive.record(name, text)
        if name not in self.own:
            self.own[name] = self.deleted.pop(name, [])
        self.own[name].insert(0, text)
        self.saved_as.setdefault(name, set()).add(text)
        self.untold.discard(name)

    def rename(self, name: str, new_name: str) -> None:
        if name in self.own and new_name not in self.own:
            self.archive.rename(name, new_name)
            self.own[new_name] = self.own.pop(name)
            self.deleted.pop(new_name, None)
            self.untold = self.untold - {name} | {new_name}

    def delete(self, name: str) -> None:
        if name in self.own and name not in self.untold:
            self.archive.renames.settle(name)
            self.deleted[name] = self.own.pop(name)

    async def require_own_versions(self) -> None:
        """Check each notebook's history; what others saved under its name comes in addition."""
        for name, own in self.own.items():
            others = self.saved_as.get(name, set()) - set(own)
            page = await self.archive.history.page(name, limit=100)
            texts = [await self.archive.read(name, e.version.version_id) for e in page.entries]
            assert texts[: len(own)] == own
            assert sorted(texts[len(own) :]) == sorted(others)
            marks = [entry.of_another for entry in page.entries]
            assert marks == [False] * len(own) + [True] * len(others)
            assert await self.archive.read(name) == own[0]
            known = self.archive.history.known(name, limit=100)
            assert [entry.of_another for entry in known] == marks

    async def require_same_in_pages_of(self, limit: int) -> None:
        for name in self.own:
            whole = (await self.archive.history.page(name, limit=100)).entries
            page = await self.archive.history.page(name, limit=limit)
            entries = page.entries
            while page.next:
                page = await self.archive.history.page(name, limit=limit, after=page.next)
                entries = entries + page.entries
            ids = [entry.version.version_id for entry in entries]
            assert ids == [entry.version.version_id for entry in whole]


@example(LENT)
@given(steps=st.lists(STEPS, min_size=4, max_size=18))
@settings(max_examples=100, deadline=None, derandomize=True, database=None)
async def test_each_notebook_keeps_its_own_versions(steps: list[tuple[str, str, str]]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        archive = Archive(Path(directory))
        notebooks = Notebooks(archive)
        for number, (step, name, other_name) in enumerate(steps):
            if step == "save":
                notebooks.save(name, str(number))
            elif step == "rename":
                notebooks.rename(name, other_name)
            elif step == "delete":
                notebooks.delete(name)
            else:
                await archive.upload()
        await notebooks.require_own_versions()
        await notebooks.require_same_in_pages_of(limit=2)
        with archive.uploading_when_listed():
            await notebooks.require_own_versions()
        await archive.upload()
        await notebooks.require_own_versions()
        for limit in (1, 3):
            await notebooks.require_same_in_pages_of(limit)
        archive.outbox.close()
