"""The instance metadata service on loopback, as strict as the one of EC2."""

from __future__ import annotations

import contextlib
import http.server
import threading
import time

ITEMS = {
    "/latest/meta-data/instance-id": "i-0123456789abcdef0",
    "/latest/meta-data/placement/region": "eu-west-1",
    "/latest/meta-data/ami-id": "ami-0fedcba9876543210",
}
TTL = "X-aws-ec2-metadata-token-ttl-seconds"
TOKEN = "X-aws-ec2-metadata-token"


class FakeImds:
    """`requests` are (method, path) in their order; tokens count upwards from `token-1`.

    `answers` are statuses that come before anything else, one a request; `expires_after` is how
    many GETs a token is good for; `slow` is how long each answer takes, in seconds; `wants_token`
    is HttpTokens=required.
    """

    def __init__(self):
        self.requests, self.headers, self.answers = [], [], []
        self.items = dict(ITEMS)
        self.expires_after, self.slow, self.wants_token, self.is_off = 99, 0.0, True, False
        self.uses = {}
        fake = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 5

            def do_PUT(self):
                with contextlib.suppress(BrokenPipeError):  # who asked did not wait
                    fake.serve(self)

            do_GET = do_PUT  # noqa: N815 - the name that http.server calls

            def log_message(self, *_):
                """Say nothing."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def serve(self, handler):
        self.requests.append((handler.command, handler.path))
        self.headers.append({name.lower(): value for name, value in handler.headers.items()})
        time.sleep(self.slow)
        status, text = self.answer(handler)
        body = text.encode("latin-1")
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(body)))
        if status in (301, 302):
            handler.send_header("Location", f"{self.url}/elsewhere")
        handler.end_headers()
        handler.wfile.write(body)

    def answer(self, handler):
        if self.answers:
            return self.answers.pop(0), "told so"
        if self.is_off:
            return 403, "off"
        if handler.command == "PUT":
            return self.give(handler)
        token = handler.headers.get(TOKEN)
        if token is None and self.wants_token:
            return 401, "no token"
        if token is not None:
            self.uses[token] = self.uses.get(token, self.expires_after + 1) + 1
            if self.uses[token] > self.expires_after:
                return 401, "expired"
        text = self.items.get(handler.path)
        return (200, text) if text is not None else (404, "no such item")

    def give(self, handler):
        if handler.path != "/latest/api/token" or handler.headers.get("X-Forwarded-For"):
            return 403, "not from there"
        ttl = handler.headers.get(TTL, "")
        if not ttl.isdigit() or not 1 <= int(ttl) <= 21600:
            return 400, "no ttl"
        token = f"token-{len(self.uses) + 1}"
        self.uses[token] = 0
        return 200, token
