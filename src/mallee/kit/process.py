"""Programs run to their end, with a deadline, and errors that say what was run and what it said.

Used by rooms that may start processes (`node.do`, `box`, `images`, `cli`). A program past its
deadline is killed with everything it started (it leads a session of its own).
Not its business: daemons (`box.supervisor`).
"""

import os
import pwd
import shlex
import signal
import subprocess
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

STDERR_TAIL_CHARACTERS = 2000


@dataclass(frozen=True, slots=True)
class Finished:
    """A program that ended by itself."""

    argv: tuple[str, ...]
    code: int
    """Exit status; negative: killed by that signal."""
    stdout: bytes
    stderr: bytes

    @property
    def text(self) -> str:
        """What it wrote to standard output, decoded."""
        return self.stdout.decode(errors="replace")


class InMemory(bytes):
    """Standard input that a program may open by its name, `/dev/stdin`, as it opens files: for
    secrets, which so are on no disk and in no list of processes."""

    def __repr__(self) -> str:
        """Show no secret."""
        return "InMemory()"


class Failed(Exception):
    """A program ended with a status other than 0."""

    def __init__(self, finished: Finished) -> None:
        self.finished = finished
        said = (finished.stderr or finished.stdout).decode(errors="replace").strip()
        super().__init__(
            f"{shlex.join(finished.argv)}: status {finished.code}: {said[-STDERR_TAIL_CHARACTERS:]}"
        )


class TimedOut(Exception):
    """A program was killed because it did not end within its deadline."""

    def __init__(self, argv: Sequence[str], timeout_s: float) -> None:
        self.argv = tuple(argv)
        self.timeout_s = timeout_s
        super().__init__(f"{shlex.join(argv)}: killed after {timeout_s:g} s without an end")


def run(
    argv: Sequence[str], stdin: bytes = b"", timeout_s: float = 30, user: str | None = None
) -> Finished:
    """Run `argv`, feed it `stdin`, return how it ended; as another user, and only his, if named.

    Raises `Failed` on a status other than 0, `TimedOut` at the deadline, `FileNotFoundError` when
    there is no such program.
    """
    with (
        _given(stdin) as (source, fed),
        subprocess.Popen(
            argv,
            stdin=source,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            user=user,
            group=None if user is None else pwd.getpwnam(user).pw_gid,
            extra_groups=None if user is None else (),
        ) as child,
    ):
        try:
            stdout, stderr = child.communicate(fed, timeout=timeout_s)
        except subprocess.TimeoutExpired as error:
            raise TimedOut(argv, timeout_s) from error
        finally:
            _kill_session(child.pid, child.returncode)
    return _checked(Finished(tuple(argv), child.returncode, stdout, stderr))


async def run_async(
    argv: Sequence[str], stdin: bytes = b"", timeout_s: float = 30, user: str | None = None
) -> Finished:
    """Do the same as `run` without holding up the event loop; the program ends with who waits."""
    # Who waits has it already; commands, which do not, start 30 ms sooner.
    import asyncio

    with _given(stdin) as (source, fed):
        child = await asyncio.create_subprocess_exec(
            *argv,
            stdin=source,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
            user=user,
            group=None if user is None else pwd.getpwnam(user).pw_gid,
            extra_groups=None if user is None else (),
        )
    try:
        async with asyncio.timeout(timeout_s):
            stdout, stderr = await child.communicate(fed)
    except TimeoutError as error:
        raise TimedOut(argv, timeout_s) from error
    finally:
        if child.returncode is None:
            _kill_session(child.pid, None)
            await child.wait()
    assert child.returncode is not None
    return _checked(Finished(tuple(argv), child.returncode, stdout, stderr))


@contextmanager
def beside(
    argv: Sequence[str], stdin: bytes = b"", user: str | None = None
) -> Generator[Callable[[], None]]:
    """Run `argv` beside what is done meanwhile, and end it with that.

    Yields what raises `Failed` once the program has ended by itself. It should say little.
    """
    with (
        _given(stdin) as (source, fed),
        subprocess.Popen(
            argv,
            stdin=source,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
            user=user,
            group=None if user is None else pwd.getpwnam(user).pw_gid,
            extra_groups=None if user is None else (),
        ) as child,
    ):

        def check() -> None:
            code = child.poll()
            if code is not None:
                said = child.stderr.read() if child.stderr else b""
                raise Failed(Finished(tuple(argv), code, b"", said))

        try:
            if child.stdin is not None:
                child.stdin.write(fed or b"")
                child.stdin.close()
            yield check
        finally:
            _kill_session(child.pid, child.returncode)


def is_alive(pid: int) -> bool:
    """Tell whether a process with that id exists and is not a zombie."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b") ")[2][:1] not in (b"Z", b"X")
    except (FileNotFoundError, ProcessLookupError):
        return False


@contextmanager
def _given(stdin: bytes) -> Generator[tuple[int, bytes | None]]:
    """Yield what a program's standard input is, and what it is fed."""
    if not isinstance(stdin, InMemory):
        yield subprocess.PIPE, stdin
        return
    memory = os.memfd_create("stdin")
    try:
        os.write(memory, stdin)
        os.lseek(memory, 0, os.SEEK_SET)
        yield memory, None
    finally:
        os.close(memory)


def _kill_session(pid: int, code: int | None) -> None:
    """Kill the program and what it started; one that has ended is left alone."""
    if code is not None:
        return
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _checked(finished: Finished) -> Finished:
    if finished.code != 0:
        raise Failed(finished)
    return finished
