"""Stands in a program's place: has it run by `server.py`, here, with what this process has.

The first line names the interpreter, which is told to import nothing (`programs.py` writes it);
what is imported here is built in, because this runs hundreds of times.
"""

import _socket
import marshal
import os
import sys

HEAD_BYTES = 8
NAMESPACES = ("net", "mnt", "uts", "ipc", "pid")

AWAY = 125
"""The status of a program that could not be run, as other programs that run programs say it."""

server = _socket.socket(_socket.AF_UNIX)
try:
    server.connect(SOCKET)  # type: ignore[name-defined] # noqa: F821
except OSError as error:
    os.write(2, f"nobody stands by for {PROGRAM}: {error}\n".encode())  # type: ignore[name-defined] # noqa: F821
    os._exit(AWAY)
umask = os.umask(0)
os.umask(umask)
namespaces = [os.open(f"/proc/self/ns/{kind}", os.O_RDONLY) for kind in NAMESPACES]
said = marshal.dumps((PROGRAM + sys.argv[1:], dict(os.environ), os.getcwd(), umask))  # type: ignore[name-defined] # noqa: F821
files = b"".join(file.to_bytes(4, sys.byteorder) for file in (0, 1, 2, *namespaces))
rights = (_socket.SOL_SOCKET, _socket.SCM_RIGHTS, files)
server.sendmsg([len(said).to_bytes(HEAD_BYTES, "little")], [rights])
server.sendall(said)
status = server.recv(1)
os._exit(status[0] if status else AWAY)
