"""A webhook that listens on this machine."""

from __future__ import annotations

import contextlib
import http.server
import json
import threading


class _Answer(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, self.headers["Content-Type"], json.loads(body)))
        self.send_response(self.server.code)
        self.send_header("Location", "/login")
        self.end_headers()

    def log_message(self, *words):
        """Say nothing."""


@contextlib.contextmanager
def listening():
    """Yield a server that keeps what is posted to its `url` in `got`, and answers `code`."""
    server = http.server.HTTPServer(("127.0.0.1", 0), _Answer)
    server.got, server.code = [], 200
    server.url = f"http://127.0.0.1:{server.server_port}/services/secret"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()
