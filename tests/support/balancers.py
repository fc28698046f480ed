"""Real balancers with two servers behind them, for the pairs of hooks.d; see support.pairs."""

from __future__ import annotations

import csv
import http.client
import io
import json
import os
import pathlib
import socket
import subprocess
import sys
import time

from support.pairs import Pair
from support.shipped import Alone

BACKENDS = """\
pid {place}/backends.pid;
error_log {place}/backends.log;
events {{ }}
http {{
  access_log off;
  server {{ listen 127.0.0.1:{a}; location / {{ return 200 a; }}
    location /slow {{ limit_rate_after 400; limit_rate 20; return 200 {long}; }} }}
  server {{ listen 127.0.0.1:{b}; location / {{ return 200 b; }}
    location /slow {{ limit_rate_after 400; limit_rate 20; return 200 {long}; }} }}
}}
"""
# Asks again and again, on connections that are kept for a while, until its stdin ends. One that was
# closed while nothing was under way is no failure: a client asks anew (RFC 9112, 9.3.1).
TRAFFIC = """
import collections, http.client, json, select, sys
seen, failed, connection, n, port = collections.Counter(), [], None, 0, int(sys.argv[1])
while not select.select([sys.stdin], [], [], 0.005)[0]:
    n += 1
    for fresh in (connection is None, True):
        try:
            connection = connection or http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            connection.request("GET", "/")
            answer = connection.getresponse()
            seen[f"{answer.status} {answer.read().decode()[:20]}"] += 1
            break
        except Exception as error:
            connection = None
            if fresh or not isinstance(error, ConnectionError):
                failed.append(repr(error))
                break
    if connection and n % 20 == 0:
        connection.close()
        connection = None
print(json.dumps({"failed": failed, "seen": sorted(seen)}))
"""


def free_ports(count):
    """Return numbers of ports that nobody listens on just now."""
    held = [socket.socket() for _ in range(count)]
    for one in held:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


def gone(pid):
    """Return whether a process has ended; that it was reaped is up to pid 1."""
    try:
        return not pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return True


class Balanced(Pair):
    """Two servers of a balancer, a and b, played by one nginx; this node is a."""

    def __init__(self, tmp_path):
        super().__init__()
        self.place = tmp_path
        self.a, self.b, self.port, self.admin = free_ports(4)
        self.slow = None
        self.config = self.place / "backends.conf"
        self.config.write_text(BACKENDS.format(place=tmp_path, a=self.a, b=self.b, long="x" * 2000))
        self.nginx(self.config)
        self.balance()
        self.until(lambda: self.answers() == ["a", "b"])

    def nginx(self, config, *words):
        subprocess.run(
            ["nginx", "-e", f"{self.place}/start.log", "-c", str(config), *words],
            stderr=subprocess.DEVNULL,
            check=True,
        )

    def get(self, path="/"):
        """Ask on a connection of its own, which is closed with the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("GET", path, headers={"Connection": "close"})
        return connection.getresponse()

    def answers(self):
        """Return who answers, of sixteen requests."""
        found = set()
        for _ in range(16):
            with self.get() as answer:
                found.add(answer.read().decode()[:1])
        return sorted(found)

    def hold(self):
        """Have a long answer under way from both servers, which a balancer takes in turn."""
        self.slow = [self.get("/slow") for _ in range(4)]

    def release(self):
        for one in self.slow:
            one.close()

    def traffic(self):
        """Start requests that go on and on; `traffic_ended` tells how they went."""
        return subprocess.Popen(
            [sys.executable, "-c", TRAFFIC, str(self.port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def leaves(self, **more):
        """Run the hook alone, its settings changed by `more`."""
        return Alone(self.place).run(self.leave, **{**self.settings[self.leave], **more})

    def joins(self, **more):
        return Alone(self.place).run(self.join, **{**self.settings[self.join], **more})

    def until(self, holds):
        give_up_at = time.monotonic() + 20
        while not holds():
            assert time.monotonic() < give_up_at
            time.sleep(0.05)

    def end(self):
        self.stop()
        self.nginx(self.config, "-s", "stop")


def traffic_ended(process):
    out, _ = process.communicate(timeout=30)
    return json.loads(out)


HAPROXY = """\
global
  stats socket {place}/admin.sock level admin
  stats socket ipv4@127.0.0.1:{admin} level admin
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
listen web
  bind 127.0.0.1:{port}
  balance roundrobin
  server a 127.0.0.1:{a} check inter 200ms fall 2 rise 1
  server b 127.0.0.1:{b} check inter 200ms fall 2 rise 1
"""


class Haproxy(Balanced):
    """Debian's HAProxy."""

    leave, join = "pre/30-leave-haproxy", "on-exit/70-join-haproxy"

    def balance(self):
        (self.place / "haproxy.cfg").write_text(HAPROXY.format(**vars(self)))
        names = {"SERVERS": "web/a", "SOCKETS": f"{self.place}/admin.sock"}
        self.settings = {self.leave: {"POLL_S": 0.2, **names}, self.join: {"POLL_S": 0.2}}
        self.start()

    def start(self):
        pid, config = self.place / "haproxy.pid", self.place / "haproxy.cfg"
        argv = ["haproxy", "-D", "-p", str(pid), "-f", str(config)]
        subprocess.run(argv, stderr=subprocess.DEVNULL, check=True)

    def stop(self):
        for pid in (self.place / "haproxy.pid").read_text().split():
            os.kill(int(pid), 9)
            self.until(lambda pid=pid: gone(pid))

    def ask(self, command):
        with socket.socket(socket.AF_UNIX) as peer:
            peer.connect(f"{self.place}/admin.sock")
            peer.sendall(command.encode() + b"\n")
            return b"".join(iter(lambda: peer.recv(65536), b"")).decode()

    def pid(self):
        """Return the pid that it gives itself."""
        said = dict(line.split(": ", 1) for line in self.ask("show info").splitlines() if line)
        return int(said["Pid"])

    def state(self):
        """Return status and weight of both servers."""
        rows = csv.DictReader(io.StringIO(self.ask("show stat").lstrip("# ")))
        # what the second of two checks says is still to come
        return tuple(
            (one["svname"], one["status"].split(" ")[0], one["weight"])
            for one in rows
            if one["svname"] in ("a", "b")
        )

    out = (("a", "MAINT", "1"), ("b", "UP", "1"))

    def take_out(self):
        self.ask("set server web/a state drain")

    def reboot(self):
        self.stop()
        self.start()
        self.until(lambda: self.answers() == ["a", "b"])


NGINX = """\
pid {place}/nginx.pid;
error_log {place}/nginx.log;
worker_processes 2;
events {{ }}
http {{
  access_log off;
  include {place}/upstream;
  server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://web; proxy_buffering off; }} }}
}}
"""
UPSTREAM = """\
upstream web {{
  # weight, and a blank that is nobody's business
  server 127.0.0.1:{a} weight=2 ;
  server 127.0.0.1:{b};
}}
"""


class Nginx(Balanced):
    """Debian's nginx, with the upstream in a file of its own."""

    leave, join = "pre/30-leave-nginx", "on-exit/70-join-nginx"

    def balance(self):
        self.file, self.balancer = self.place / "upstream", self.place / "nginx.conf"
        self.file.write_text(UPSTREAM.format(**vars(self)))
        self.file.chmod(0o640)
        self.balancer.write_text(NGINX.format(**vars(self)))
        command = f"nginx -e {self.place}/start.log -c {self.balancer}"
        common = {
            "TEST": f"{command} -t -q",
            "RELOAD": f"{command} -s reload",
            "PID_FILE": f"{self.place}/nginx.pid",
        }
        names = {"SERVERS": f"127.0.0.1:{self.a}", "FILE": self.file, "POLL_S": 0.2}
        self.settings = {self.leave: {**names, **common}, self.join: common}
        self.nginx(self.balancer)

    def stop(self):
        pid = (self.place / "nginx.pid").read_text().strip()
        self.nginx(self.balancer, "-s", "stop")
        self.until(lambda: gone(pid))

    def state(self):
        """Return the file and its mode."""
        return self.file.read_text(), oct(self.file.stat().st_mode & 0o7777)

    @property
    def out(self):
        text = UPSTREAM.format(**vars(self)).replace("weight=2 ;", "weight=2  down;")
        return text, "0o640"

    def workers(self):
        """Return the pids of the workers of the balancer."""
        pid = (self.place / "nginx.pid").read_text().strip()
        said = subprocess.run(["pgrep", "-P", pid], stdout=subprocess.PIPE, check=True).stdout
        return set(said.split())

    def take_out(self):
        self.file.write_text(self.file.read_text().replace(" weight", " down weight"))
        self.nginx(self.balancer, "-s", "reload")
        self.until(lambda: self.answers() == ["b"])

    def reboot(self):
        self.stop()
        self.nginx(self.balancer)
        self.until(self.answers)
