"""What guests write on their disks, and say that they have written: none of it may ever be lost.

Every guest counts on each of its disks: it reads the number that is there, past all caches, writes
the next one, and says both on its console when the disk has it. So no number is said of a volume
twice: whoever wrote it again has not found what was there, be it that a write was lost, that an
older copy came back, or that two wrote at once.
"""

import contextlib
import re

from tests.labs import Lab
from tests.simulation.laws import Broken
from tests.storms.schedule import HOSTS

WRITES = """#!/bin/sh
(read -r life < /proc/sys/kernel/random/uuid; at=0
root=$(cat /sys/block/vda/serial)
say() {
  at=$((at+1))
  echo "mark $1 $2 $3 $life $at." >/dev/console
}
while sleep 3; do
  echo 1 >/proc/sys/vm/drop_caches
  found=$(cat /root/mark 2>/dev/null)
  echo $((${found:-0}+1)) >/root/mark.new && sync && mv /root/mark.new /root/mark && sync \\
    && say $root ${found:-0} $((${found:-0}+1))
  for disk in /sys/block/vd[b-z]; do
    [ -e $disk/serial ] || continue
    serial=$(cat $disk/serial); file=/dev/${disk##*/}
    found=$(head -c 16 $file | tr -dc 0-9)
    printf '%-15d\\n' $((${found:-0}+1)) | dd of=$file bs=16 conv=notrunc,fsync 2>/dev/null \\
      && say $serial ${found:-0} $((${found:-0}+1))
  done
done) &
"""
"""User data of a guest that does so."""
_MARK = re.compile(rb"mark (vol[0-9a-f]{17}) (\d+) (\d+) ([0-9a-f-]{36} \d+)\.\r?\n")


class Marks:
    """All that guests have said."""

    def __init__(self) -> None:
        self._by: dict[tuple[bytes, int], bytes] = {}
        """Who has written a number on a volume, in which of his lives."""

    @property
    def count(self) -> int:
        """How much was written."""
        return len(self._by)

    def read(self, lab: Lab) -> None:
        """Read what is new on all consoles; raise `Broken`."""
        for host in HOSTS:
            for path in lab.layout(host).instances.glob("*/console.log"):
                # Its guest may be gone just now.
                with contextlib.suppress(OSError):
                    self._take(path.read_bytes())

    def _take(self, text: bytes) -> None:
        for volume, found, wrote, life in _MARK.findall(text):
            # A log may go along with its guest, and so be there twice.
            other = self._by.setdefault((volume, int(wrote)), life)
            if other != life:
                raise Broken(
                    f"{volume.decode()} had {found.decode()} where {wrote.decode()} was written: "
                    f"{other.decode()}, {life.decode()}"
                )
