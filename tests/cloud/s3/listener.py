"""A webhook's server: takes what it is sent, and answers as it is told to."""

import json
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

WAIT_S = 120


class Listener:
    """What has come, and what is answered."""

    def __init__(self) -> None:
        self.messages: list[tuple[dict[str, str], bytes]] = []
        self.answer: Callable[[], int] = lambda: 200
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self.server.server_port}/in?a=b"

    @property
    def records(self) -> list[dict[str, Any]]:
        """All events that were taken, in order."""
        return [one for _, body in self.messages for one in json.loads(body).get("Records", ())]

    def wait(self, is_true: Callable[[], bool], what: str = "events") -> None:
        """Wait until something is so."""
        deadline = time.monotonic() + WAIT_S
        while not is_true():
            assert time.monotonic() < deadline, f"waited in vain for {what}: {self.messages}"
            time.sleep(0.02)

    def wait_names(self, *names: str) -> list[dict[str, Any]]:
        """Wait until so many events were taken, which must be these; return them."""
        self.wait(lambda: len(self.records) >= len(names))
        assert [one["eventName"] for one in self.records] == list(names)
        return self.records


def _handler(listener: Listener) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = listener.answer()
            if status == 200:
                listener.messages.append((dict(self.headers), body))
            self.send_response(status)
            if status == 302:
                self.send_header("Location", listener.url)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler


@contextmanager
def listening() -> Generator[Listener]:
    """A server on this machine, gone afterwards."""
    listener = Listener()
    thread = threading.Thread(target=listener.server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield listener
    finally:
        listener.server.shutdown()
        thread.join()
        listener.server.server_close()
