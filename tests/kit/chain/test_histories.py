"""Whatever happened to a chain by itself is no fault; whatever somebody did to it is one.

Histories of starts, lines, kills at any byte, full files and forgetting, made at random; then one
change by an editor's hand.
"""

import os
import random
import tempfile
from pathlib import Path

import pytest

from mallee.kit.chain import lines, recovery, segments, verify, writer

KEY = bytes(range(32))
NOW = 1_795_000_000.0
SEEDS = range(60)


class History:
    """A chain, and what happens to it."""

    def __init__(self, directory: Path, seed: int) -> None:
        self.directory = directory
        self.random = random.Random(seed)
        self.now = NOW
        kept = self.random.choice([1500, 4000, 1 << 30])
        size = self.random.choice([300, 900, 1 << 20])
        self.bounds = writer.Bounds(segment_bytes=size, kept_bytes=kept)

    def live(self) -> None:
        """Run a process for a while, and end it well or badly."""
        self.now += self.random.choice([0, 1, 3600])
        one = writer.Writer(self.directory, KEY, self.bounds, self.now)
        for number in range(self.random.randrange(12)):
            one.add(b'{"said":"%d"}' % number)
            if self.random.random() < 0.7:
                one.write(self.now)
            if self.random.random() < 0.3:
                one.begin_sync()()
        if self.random.random() < 0.4:
            one.close(self.now)
            return
        os.close(one._file)
        os.close(one._lock)
        for file in one._unsynced:
            os.close(file)
        if self.random.random() < 0.5:
            self._tear()

    def _tear(self) -> None:
        """Take away bytes that no sync had put on the disk, or leave blocks of nothing."""
        head = recovery.read_head(self.directory)
        synced = head.number if head else 0
        path = segments.find_all(self.directory)[-1].path
        data = path.read_bytes()
        safe = 0
        for offset, text in segments.read_lines(path):
            line = lines.parse(text[:-1])
            if line is not None and line.place.number <= synced:
                safe = offset + len(text)
        end = self.random.randint(safe, len(data))
        path.write_bytes(data[:end] + bytes(self.random.choice([0, 0, 7, 600])))

    def spoil(self) -> str:
        """Do one thing that only somebody with an editor does; say what."""
        all_of = [one.path for one in segments.find_all(self.directory)]
        path = self.random.choice([one for one in all_of if one.stat().st_size])
        parts = path.read_bytes().splitlines(keepends=True)
        place = self.random.randrange(len(parts))
        what = self.random.choice(["change", "remove", "double", "swap", "insert"])
        if what == "change":
            spoilt = bytearray(parts[place])
            spoilt[self.random.randrange(len(spoilt))] ^= 1
            parts[place] = bytes(spoilt)
        elif what == "remove":
            del parts[place]
        elif what == "double":
            parts.insert(place, parts[place])
        elif what == "swap" and len(parts) > 1:
            other = (place + 1) % len(parts)
            parts[place], parts[other] = parts[other], parts[place]
        else:
            parts.insert(place, b'{"n":3,"said":"nothing","code":"%b"}\n' % (b"0" * 64))
        path.write_bytes(b"".join(parts))
        return f"{what} {path.name}:{place}"


@pytest.mark.parametrize("seed", SEEDS)
def test_a_chain_is_whole_until_somebody_changes_it(seed: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        history = History(Path(folder), seed)
        for _ in range(12):
            history.live()
            report = verify.verify(history.directory, KEY)
            assert report.is_whole, report.faults
        one = writer.Writer(history.directory, KEY, history.bounds, history.now)
        one.add(b'{"said":"last"}')
        one.close(history.now)
        report = verify.verify(history.directory, KEY)
        assert report.is_whole, report.faults
        noted = report.last
        what = history.spoil()
        assert not verify.verify(history.directory, KEY, [noted]).is_whole, what
