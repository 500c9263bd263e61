"""Programs of the cloud's that a command has run as who owns its files, and what they say.

So what they write is its owner's, and root reads nothing that is somebody's else. Called by the
commands that change or check what lies on the disk.
"""

import subprocess
import sys
from pathlib import Path

from mallee.box import steps


def run(owned: Path, program: tuple[str, ...], cure: str, given: bytes = b"") -> bytes:
    """Run a module of ours as the owner of a path, with these words and this input; return what it
    wrote. Raises `Failed` with its last words and the cure."""
    owner = owned.stat()
    try:
        done = subprocess.run(
            (sys.executable, "-m", *program),
            input=given,
            capture_output=True,
            check=False,
            cwd="/",
            user=owner.st_uid,
            group=owner.st_gid,
            extra_groups=[],
        )
    except PermissionError as error:
        raise steps.Failed("only root can act as the cloud's user", "sudo mallee …") from error
    if done.returncode != 0:
        raise steps.Failed(done.stderr.decode(errors="replace").strip()[-1000:], cure)
    return done.stdout
