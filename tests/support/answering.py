"""A web server that answers as a test says, and ports that listen, or do not."""

from __future__ import annotations

import contextlib
import http.server
import socket
import threading
import time


class Answering:
    """Serves 127.0.0.1. `answers` maps paths to (status, body, headers); `slow` waits seconds.

    With `context` it speaks TLS.
    """

    def __init__(self, context=None):
        self.answers = {}
        self.slow = {}
        self.asked = []
        self._ended = threading.Event()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        if context is not None:
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def url(self, path="/", user=""):
        return f"http://{user}127.0.0.1:{self.port}{path}"

    def answer(self, path, status=200, body=b"", **headers):
        self.answers[path] = (status, body, headers)

    def close(self):
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()

    def _handler(self):
        answering = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                answering.asked.append((self.path, dict(self.headers)))
                answering._ended.wait(answering.slow.get(self.path, 0))
                status, body, headers = answering.answers.get(self.path, (404, b"", {}))
                with contextlib.suppress(OSError):
                    self.send_response(status)
                    for name, value in headers.items():
                        self.send_header(name.replace("_", "-"), value)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)

            def log_message(self, *_words):
                pass

        return Handler


@contextlib.contextmanager
def listening(port=0):
    """Give a port of 127.0.0.1 that takes connections."""
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind(("127.0.0.1", port))
        one.listen(8)
        yield one.getsockname()[1]


def closed_port():
    """Return a port of 127.0.0.1 on which nobody listens."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def is_alive(pid):
    """Whether process `pid` still runs, after a moment in which it may end."""
    until = time.monotonic() + 5
    while time.monotonic() < until:
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii") as file:
                if file.read().rpartition(")")[2].split()[0] == "Z":
                    return False
        except FileNotFoundError:
            return False
        time.sleep(0.05)
    return True
