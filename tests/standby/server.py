"""An interpreter that has imported a program already, and forks for each call of it.

Run as `python server.py SOCKET MODULE…` by `programs.py`, ends with its standard input. Who calls
is `caller.py`, a script that stands in a program's place: it passes its arguments, environment,
directory, mask, standard files and namespaces (of network, mounts, names, IPC and process ids), and
hears how the program ended. The program runs in a process of its own, as if started there, on
another host of a lab too: nothing that it does is seen by the next one. No
signal reaches it but that its caller is gone; one that ends it is told as shells do, 128 more.
It is the same program but for one thing: where botocore's waiters (`aws ec2 wait`) look every 15 s,
it looks every half, and gives up after the same time.

The directory of the socket is the server's: it goes with it, however the tests ended.

It knows nothing of Mallee, and runs with any interpreter of the machine.
"""

import atexit
import contextlib
import ctypes
import functools
import gc
import importlib
import io
import marshal
import math
import os
import runpy
import select
import shutil
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn, TextIO

STANDARD = 3
PASSED = STANDARD + 5
"""Standard input, output and error, and the caller's namespaces."""
HEAD_BYTES = 8
LOOK_S = 0.5
"""The longest pause between two looks of a waiter."""
ENDED_S = 10.0
"""So long a program may take to end when its caller is gone."""


class Call(NamedTuple):
    """What a caller wants to be run."""

    files: list[int]
    words: list[str]
    environment: dict[str, str]
    directory: str
    umask: int


def main(path: str, modules: list[str]) -> None:
    """Import; then serve until standard input ends."""
    for module in modules:
        importlib.import_module(module)
    _warm()
    # What is there by now is looked at by no collection, and so stays shared with the parent.
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f"{path}.new")
    listener.listen(64)
    # Who finds it is answered.
    os.rename(f"{path}.new", path)
    while True:
        ready, _, _ = select.select([listener, 0], [], [])
        if 0 in ready:
            shutil.rmtree(os.path.dirname(path), ignore_errors=True)
            return
        connection, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            _watch(connection)
        connection.close()


def _warm() -> None:
    """Have waiters look often; let programs read once what they read at each start: descriptions
    of services, parts of the AWS CLI.

    They are files of their own, which nobody changes meanwhile.
    """
    for name in ("awscli.botocore.waiter", "botocore.waiter"):
        if waiters := sys.modules.get(name):
            waiters.SingleWaiterConfig.__init__ = _hastened(waiters.SingleWaiterConfig.__init__)
    for name in ("awscli.botocore.loaders", "botocore.loaders"):
        if loaders := sys.modules.get(name):
            loader = loaders.JSONFileLoader
            loader.load_file = _once(loader.load_file)
    if cli := sys.modules.get("awscli.clidriver"):
        session: Any = cli.create_clidriver().session
    elif client := sys.modules.get("botocore.session"):
        session = client.get_session()
    else:
        return
    for service in ("ec2", "iam", "sts"):
        session.get_service_model(service)


def _hastened(begin: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
    @functools.wraps(begin)
    def hastened(self: Any, told: Any) -> None:
        begin(self, told)
        whole_s = self.delay * self.max_attempts
        self.delay = min(self.delay, LOOK_S)
        self.max_attempts = math.ceil(whole_s / self.delay)

    return hastened


def _once(load: Callable[[Any, str], Any]) -> Callable[[Any, str], Any]:
    known: dict[str, Any] = {}

    @functools.wraps(load)
    def kept(self: Any, path: str) -> Any:
        if path not in known:
            known[path] = load(self, path)
        return known[path]

    return kept


def _watch(connection: socket.socket) -> NoReturn:
    """Run what is called for in another process; pass on how it ends. Ends it with its caller."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    call = _receive(connection)
    _enter(call.files[STANDARD:])
    program = os.fork()
    if program == 0:
        connection.close()
        _become(call)
        _run(call.words)
    for file in call.files:
        os.close(file)
    running = os.pidfd_open(program)
    ready, _, _ = select.select([running, connection], [], [])
    if running not in ready:
        os.kill(program, signal.SIGTERM)
        if not select.select([running], [], [], ENDED_S)[0]:
            os.kill(program, signal.SIGKILL)
    _, status = os.waitpid(program, 0)
    code = os.waitstatus_to_exitcode(status)
    # Its caller may be gone.
    with contextlib.suppress(OSError):
        connection.sendall(bytes([code if code >= 0 else 128 - code]))
    os._exit(0)


def _receive(connection: socket.socket) -> Call:
    head, files, _, _ = socket.recv_fds(connection, HEAD_BYTES, PASSED)
    size = int.from_bytes(head, "little")
    body = b""
    while len(body) < size:
        piece = connection.recv(size - len(body))
        if not piece:
            os._exit(1)
        body += piece
    return Call(files, *marshal.loads(body))


def _enter(namespaces: list[int]) -> None:
    """Be where the caller is; in its process ids, what is forked from now on."""
    setns = ctypes.CDLL(None, use_errno=True).setns
    for namespace in namespaces:
        if setns(namespace, 0) != 0:
            raise OSError(ctypes.get_errno(), "cannot enter the caller's namespaces")


def _become(call: Call) -> None:
    """Have what the caller has."""
    for number, file in enumerate(call.files[:STANDARD]):
        os.dup2(file, number)
    for file in call.files:
        os.close(file)
    os.environ.clear()
    os.environ.update(call.environment)
    if "awscli" in sys.modules:
        # It says at its import, in the environment, where its descriptions are beside the user's.
        importlib.reload(sys.modules["awscli"])
    os.chdir(call.directory)
    os.umask(call.umask)
    time.tzset()
    sys.stdin = _stream(0, "r", "surrogateescape")
    sys.stdout = _stream(1, "w", "surrogateescape")
    sys.stderr = _stream(2, "w", "backslashreplace")
    gc.enable()


def _stream(number: int, mode: str, errors: str) -> TextIO:
    stream = open(number, mode, closefd=False, encoding="utf-8", errors=errors)  # noqa: SIM115
    assert isinstance(stream, io.TextIOWrapper)
    if number == 2 or stream.isatty():
        stream.reconfigure(line_buffering=True)
    return stream


def _run(words: list[str]) -> NoReturn:
    """Run as the interpreter would with these words: `-m MODULE …` or `SCRIPT …`; end."""
    code = 0
    try:
        if words[0] == "-m":
            sys.argv = words[1:]
            # It was imported, and is to be the program now.
            sys.modules.pop(words[1], None)
            runpy.run_module(words[1], run_name="__main__", alter_sys=True)
        else:
            sys.argv = words
            sys.path[0] = os.path.dirname(os.path.abspath(words[0]))
            runpy.run_path(words[0], run_name="__main__")
    except SystemExit as end:
        code = _code(end.code)
    except BaseException:  # noqa: BLE001 - it is the program's, and ends it as it would there
        traceback.print_exc()
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            code = code or 120
    os._exit(code)


def _code(said: str | int | None) -> int:
    if said is None or isinstance(said, int):
        return (said or 0) & 0xFF
    print(said, file=sys.stderr)
    return 1


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
