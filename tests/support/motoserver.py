"""moto's server as a program of its own: prints its address, answers calls until stdin ends.

A call is a line {"service": "elbv2", "call": "describe_target_health", "with": {...}}, made by
boto3; its answer is a line of JSON. moto makes a process ten times as large, and tests fork theirs.
"""

from __future__ import annotations

import json
import subprocess
import sys

REGION = "eu-west-1"


def main():
    import boto3  # noqa: PLC0415 - see the module
    from moto.server import ThreadedMotoServer  # noqa: PLC0415

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    print(url, flush=True)
    clients = {}
    for line in sys.stdin:
        asked = json.loads(line)
        name = asked["service"]
        if name not in clients:
            clients[name] = boto3.client(name, endpoint_url=url, region_name=REGION, **KEYS)
        answer = getattr(clients[name], asked["call"])(**asked["with"])
        print(json.dumps(answer, default=str), flush=True)
    server.stop()


KEYS = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}


class Moto:
    """The server while it runs; `url` is what AWS_ENDPOINT_URL is set to."""

    def __init__(self):
        # a child of init: every test looks whether it has left children
        started = subprocess.Popen(
            ["sh", "-c", 'exec 3<&0; "$@" <&3 3<&- 2>/dev/null &', "sh", sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.wait()
        self._asked, self._answered = started.stdin, started.stdout
        self.url = self._answered.readline().strip()

    def call(self, service, name, **arguments):
        asked = json.dumps({"service": service, "call": name, "with": arguments})
        print(asked, file=self._asked, flush=True)
        return json.loads(self._answered.readline())

    def close(self):
        self._asked.close()
        assert self._answered.read() == ""  # it has ended
        self._answered.close()


if __name__ == "__main__":
    main()
