"""The outbox: a save is there whole, or not at all."""

import os
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bookstore.saves.outbox import Outbox, Save, UnreadableSave

RECORD = {"path": "a.ipynb", "key": "w/a.ipynb", "author": "ann", "release": "1"}


@pytest.fixture
def outbox(tmp_path: Path) -> Outbox:
    outbox = Outbox(tmp_path, "https://s3/bucket")
    outbox.create()
    return outbox


def load(outbox: Outbox, save_id: str) -> Save:
    save = outbox.load(save_id)
    assert save
    return save


def file_of(outbox: Outbox, save_id: str) -> Path:
    return outbox.directory / f"{save_id}.save"


def long_ago(file: Path) -> None:
    os.utime(file, (0, 0))


@pytest.mark.parametrize("content", [b"", b"{}", b"{}\n", os.urandom(3_000_000)])
def test_bytes_come_back_as_they_were(outbox: Outbox, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    of_file = load(outbox, outbox.add_file(str(tmp_path / "file"), **RECORD))
    of_bytes = load(outbox, outbox.add_content(content, **RECORD))
    for save in (of_file, of_bytes):
        assert save.size == len(content)
        with outbox.open(save) as opened:
            assert opened.read() == content
            opened.seek(0)
            assert opened.read(1) == content[:1]
            assert opened.seek(0, os.SEEK_END) == len(content)


def test_records_of_other_releases_are_read_or_left_alone(outbox: Outbox) -> None:
    save_id = outbox.add_content(b"{}", **RECORD)
    file = file_of(outbox, save_id)
    content = file.read_bytes()
    file.write_bytes(content.replace(b'"format": 1', b'"format": 1, "later": "x"'))
    assert load(outbox, save_id).path == RECORD["path"]
    file.write_bytes(content.replace(b'"format": 1', b'"format": 2'))
    assert outbox.load(save_id) is None
    assert outbox.pending() == 1


def test_a_save_tells_what_it_is(outbox: Outbox) -> None:
    path = "deep/ü #%+ \udcff.ipynb"
    save = load(outbox, outbox.add_content(b"{}", **{**RECORD, "path": path}))
    assert (save.path, save.key, save.author, save.release) == (path, "w/a.ipynb", "ann", "1")


def test_times_keep_the_order_of_saves_also_when_the_clock_stands_still(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.time_ns", lambda: 1_700_000_000_000_000_000)
    saves = [load(outbox, outbox.add_content(b"{}", **RECORD)) for _ in range(100)]
    times = [save.time for save in saves]
    assert times == sorted(set(times))
    assert outbox.ids() == {save.save_id for save in saves}


def test_each_store_has_an_outbox_of_its_own(outbox: Outbox, tmp_path: Path) -> None:
    outbox.add_content(b"{}", **RECORD)
    assert Outbox(tmp_path, "https://s3/another-bucket").ids() == set()


def test_others_cannot_read_it(outbox: Outbox) -> None:
    save_id = outbox.add_content(b"{}", **RECORD)
    assert outbox.directory.stat().st_mode & 0o077 == 0
    assert file_of(outbox, save_id).stat().st_mode & 0o077 == 0


def test_a_save_that_cannot_be_written_leaves_nothing(outbox: Outbox, tmp_path: Path) -> None:
    with pytest.raises(OSError):
        outbox.add_file(str(tmp_path), **RECORD)  # a directory opens and cannot be copied
    assert outbox.ids() == set()


@pytest.mark.parametrize(
    "damage", [b"", b"{", b"{}\n\xff\xfe\n", b'{}\n{"size": 2}\n', b"{}\n[]\n"]
)
def test_a_damaged_save_is_unreadable(outbox: Outbox, damage: bytes) -> None:
    save_id = outbox.add_content(b"{}", **RECORD)
    file_of(outbox, save_id).write_bytes(damage)
    with pytest.raises(UnreadableSave, match="not whole"):
        outbox.load(save_id)


def test_a_shortened_save_is_unreadable(outbox: Outbox) -> None:
    save_id = outbox.add_content(b"0123456789", **RECORD)
    file = file_of(outbox, save_id)
    file.write_bytes(file.read_bytes()[3:])
    with pytest.raises(UnreadableSave):
        outbox.load(save_id)


def test_a_folder_in_the_place_of_a_save_is_unreadable(outbox: Outbox) -> None:
    save_id = outbox.add_content(b"{}", **RECORD)
    file = file_of(outbox, save_id)
    file.unlink()
    file.mkdir()
    with pytest.raises(UnreadableSave):
        outbox.load(save_id)


def test_what_is_set_aside_is_kept_and_counted(outbox: Outbox) -> None:
    save_id = outbox.add_content(b"{}", **RECORD)
    outbox.set_aside(save_id)
    assert (outbox.pending(), outbox.unreadable()) == (0, 1)
    assert (outbox.set_aside_directory / save_id).read_bytes().startswith(b"{}\n")


def test_a_save_is_marked_while_it_may_be_in_the_store(outbox: Outbox) -> None:
    save_id = outbox.add_content(b"{}", **RECORD)
    assert not outbox.was_sent(save_id)
    outbox.mark_sent(save_id)
    outbox.mark_sent(save_id)
    assert outbox.was_sent(save_id)
    assert outbox.ids() == {save_id}
    outbox.unmark_sent(save_id)
    assert not outbox.was_sent(save_id)
    outbox.remove(save_id)
    assert not outbox.has(save_id)
    assert outbox.ids() == set()


def test_a_save_that_is_being_written_is_none_yet(outbox: Outbox) -> None:
    def look(target: int) -> int:
        assert [file.suffix for file in outbox.directory.glob("*.*")] == [".part"]
        assert outbox.pending() == 0
        return os.write(target, b"{}")

    save_id = outbox._add(look, dict(RECORD))
    assert outbox.ids() == {save_id}


def test_an_outbox_that_was_removed_takes_saves_again_when_it_is_made_anew(outbox: Outbox) -> None:
    def remove(target: int) -> int:
        shutil.rmtree(outbox.directory)
        return os.write(target, b"{}")

    with pytest.raises(FileNotFoundError):
        outbox._add(remove, dict(RECORD))
    with pytest.raises(FileNotFoundError):
        outbox.add_content(b"{}", **RECORD)
    outbox.create()
    save_id = outbox.add_content(b"{}", **RECORD)
    assert outbox.ids() == {save_id}


def test_what_killed_processes_have_left_is_swept_away_after_a_day(outbox: Outbox) -> None:
    waiting, archived = (outbox.add_content(b"{}", **RECORD) for _ in range(2))
    (outbox.directory / "half.part").write_bytes(b"half a save")
    for save_id in (waiting, archived):
        outbox.mark_sent(save_id)
    file_of(outbox, archived).unlink()
    outbox.sweep()
    assert len(list(outbox.directory.glob("*.*"))) == 4
    for file in outbox.directory.glob("*.*"):
        long_ago(file)
    outbox.sweep()
    assert outbox.ids() == {waiting}
    assert outbox.was_sent(waiting)
    assert len(list(outbox.directory.glob("*.*"))) == 2


def test_a_save_that_is_being_sent_is_not_overlooked(outbox: Outbox) -> None:
    save_ids = [outbox.add_content(b"content", **RECORD) for _ in range(200)]

    def send_all() -> None:
        for save_id in save_ids:
            outbox.mark_sent(save_id)
            time.sleep(0.0005)

    counts = set()
    with ThreadPoolExecutor() as threads:
        sending = threads.submit(send_all)
        while not sending.done():
            counts.add(outbox.pending())
    assert counts == {200}


def test_a_save_that_is_being_sent_or_refused_can_be_read(outbox: Outbox) -> None:
    save = load(outbox, outbox.add_content(b"content", **RECORD))

    def send_and_refuse() -> None:
        for _ in range(20):
            outbox.mark_sent(save.save_id)
            time.sleep(0.005)
            outbox.unmark_sent(save.save_id)
            time.sleep(0.005)

    with ThreadPoolExecutor() as threads:
        sending = threads.submit(send_and_refuse)
        while not sending.done():
            assert outbox.has(save.save_id)
            with outbox.open(save) as content:
                assert content.read() == b"content"


def test_times_keep_their_order_when_the_clock_is_set_back_between_servers(
    outbox: Outbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = load(outbox, outbox.add_content(b"first", **RECORD))
    monkeypatch.setattr(time, "time_ns", lambda: first.time - 3_600_000_000_000)
    another = Outbox(tmp_path, outbox.store_url)
    second = load(another, another.add_content(b"second", **RECORD))
    assert second.time > first.time


def test_times_keep_their_order_when_the_clock_is_set_back_while_two_servers_run(
    outbox: Outbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    another = Outbox(tmp_path, outbox.store_url)
    saves = [load(another, another.add_content(b"{}", **RECORD))]
    saves += [load(outbox, outbox.add_content(b"{}", **RECORD))]
    wrong = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: wrong() - 3_600_000_000_000)
    for writer in (another, another, outbox, another):
        saves.append(load(writer, writer.add_content(b"{}", **RECORD)))
    times = [save.time for save in saves]
    assert times == sorted(set(times))


def test_saves_that_wait_for_another_store_are_found_and_taken_over(
    outbox: Outbox, tmp_path: Path
) -> None:
    wrong = Outbox(tmp_path, "https://s3/wrong")
    wrong.create()
    assert outbox.others() == []
    saves = [wrong.add_content(b"{}", **RECORD) for _ in range(2)]
    wrong.mark_sent(saves[0])
    (other,) = outbox.others()
    assert (other.store_url, other.pending()) == ("https://s3/wrong", 2)
    assert outbox.take_over(other) == 2
    assert outbox.ids() == set(saves)
    assert not outbox.was_sent(saves[0])  # not to this store
    assert outbox.others() == []
