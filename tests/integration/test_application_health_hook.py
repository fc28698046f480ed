"""The hook that asks the application: real servers, and none."""

from __future__ import annotations

import contextlib
import http.server
import socket
import threading

import pytest
from support.balancers import free_ports
from support.fakeroot import is_root
from support.shipped import Alone, Done, executable

HEALTH = "on-exit/50-application-health"


class Application(http.server.BaseHTTPRequestHandler):
    """Answers 503 as often as `bad` says, then 200; /gone has moved, /endless ends never."""

    bad = 0

    def do_GET(self):
        kind = type(self)
        code = 301 if self.path == "/gone" else 503 if kind.bad > 0 else 200
        kind.bad -= 1
        self.send_response(code)
        self.end_headers()
        self.wfile.write(b"status: green\n")
        with contextlib.suppress(ConnectionError):
            while self.path == "/endless":
                self.wfile.write(bytes(1 << 20))

    def log_message(self, *words):
        """Say nothing."""


@pytest.fixture
def application():
    Application.bad = 0
    server = http.server.HTTPServer(("127.0.0.1", 0), Application)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_application_that_is_well_is_told_so(tmp_path, application):
    done = Alone(tmp_path).run(
        HEALTH,
        HTTP=f"http://{application}/",
        BODY="green|yellow",
        TCP=application,
        COMMAND="test 1",
    )

    took = done.outputs["after_s"]
    assert took.isdigit()  # on a busy machine not 0
    told = f"the application is well after {took} s\n"
    assert done == Done(0, "", {"after_s": took}, told)


def test_it_is_asked_until_it_is_well(tmp_path, application):
    Application.bad = 2

    done = Alone(tmp_path).run(HEALTH, HTTP=f"http://{application}/", POLL_S="0.05")

    assert (done.code, Application.bad) == (0, -1)


def test_all_that_is_not_well_is_named(tmp_path, application):
    [port] = free_ports(1)
    urls = f"http://{application}/gone http://{application}/ http://127.0.0.1:{port}/"

    done = Alone(tmp_path).run(
        HEALTH, HTTP=urls, BODY="red", TCP=f"127.0.0.1:{port}", COMMAND="false", TIMEOUT_S=1
    )

    curl, *rest = (one for one in done.reason.split("; ") if f":{port}/" in one)
    assert (done.code, rest) == (1, [])
    assert curl.startswith(f"http://127.0.0.1:{port}/ curl: (7) ")
    assert [one for one in done.reason.split("; ") if one != curl] == [
        f"not well after 1 s: http://{application}/gone answers 301",
        f"http://{application}/ has no red",
        f"127.0.0.1:{port} no connection",
        "false ends with 1",
    ]


def test_a_proxy_of_the_caller_is_not_asked(tmp_path, application):
    """The proxy, well itself, knows another machine by such a name."""
    [port] = free_ports(1)
    nobody = f"http://127.0.0.1:{port}/"
    proxies = {"http_proxy": f"http://{application}", "ALL_PROXY": f"http://{application}"}

    done = Alone(tmp_path).run(HEALTH, HTTP=nobody, TIMEOUT_S=1, **proxies)
    named = Alone(tmp_path).run(HEALTH, HTTP=nobody, CURL=f"--proxy http://{application}")

    assert (done.code, "curl: (7)" in done.reason, named.code) == (1, True, 0)


def test_an_url_is_taken_as_it_is_written(tmp_path, application):
    done = Alone(tmp_path).run(HEALTH, HTTP=f"http://{application}/?of[0]={{a,b}}")

    assert (done.code, Application.bad) == (0, -1)


def test_a_command_that_does_not_end_is_killed(tmp_path):
    """What timeout(1) is told to do, without waiting for it."""
    node = Alone(tmp_path)
    executable(node.bin / "timeout", "#!/bin/sh\necho $*\nexit 137\n")

    done = node.run(HEALTH, COMMAND="stuck", TIMEOUT_S=1)

    assert done.reason == "not well after 1 s: stuck ends with 137"
    assert set(done.stdout.splitlines()) == {"-k 5 10 stuck"}


def test_who_accepts_and_says_nothing_is_not_waited_for_for_ever(tmp_path):
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        url = f"http://127.0.0.1:{mute.getsockname()[1]}/"

        done = Alone(tmp_path).run(HEALTH, HTTP=url, TIMEOUT_S=1, EACH_S=1)

    assert (done.code, "curl: (28)" in done.reason) == (1, True)


def test_an_answer_without_an_end_fills_no_disk(tmp_path, application):
    node = Alone(tmp_path)

    settings = {"HTTP": f"http://{application}/endless", "BODY": "x"}
    done = node.run(HEALTH, TIMEOUT_S=1, EACH_S=60, **settings)

    assert done.code == 1
    assert f"not well after 1 s: http://{application}/endless curl: (23) " in done.reason
    assert (node.scratch / "body").stat().st_size == 10 << 20


@pytest.mark.skipif(not is_root(), reason="a mount namespace is made by root")
def test_the_wait_goes_by_how_long_the_machine_is_up_whatever_is_done_to_its_clock(tmp_path):
    node = Alone(tmp_path)
    uptime = tmp_path / "uptime"
    uptime.write_text("10.5 20.1\n")
    late = executable(tmp_path / "late", f"#!/bin/sh\necho 1010.0 20.1 >{uptime}\nexit 1\n")
    played = f'mount --bind {uptime} /proc/uptime; exec "$@"'
    within = ("unshare", "--mount", "--propagation", "private", "sh", "-c", played, "sh")

    done = node.run(HEALTH, within=within, COMMAND=late, TIMEOUT_S=1000, POLL_S=0)

    assert (done.code, done.reason) == (1, f"not well after 1000 s: {late} ends with 1")


def test_a_curl_that_is_killed_is_no_answer(tmp_path):
    node = Alone(tmp_path)
    executable(node.bin / "curl", "#!/bin/sh\nprintf 200\nkill -9 $$\n")

    done = node.run(HEALTH, HTTP="http://a/", TIMEOUT_S=1)

    assert (done.code, done.reason) == (
        1,
        "not well after 1 s: http://a/ has no whole answer (curl: 137)",
    )


@pytest.mark.parametrize(
    ("settings", "code", "reason"),
    [
        ({}, 77, "not configured: set HTTP, TCP or COMMAND"),
        ({"HTTP": " ", "COMMAND": " "}, 1, "HTTP, TCP and COMMAND name nothing"),
        ({"HTTP": "example.org"}, 1, "HTTP: no URL: example.org"),
        ({"TCP": "example.org"}, 1, "TCP: no HOST:PORT: example.org"),
        ({"HTTP": "http://a/", "STATUS": " "}, 1, "STATUS names nothing"),
        ({"HTTP": "http://a/", "BODY": "(x"}, 1, "BODY is no regular expression: (x"),
        ({"TCP": "a:1", "TIMEOUT_S": "1m"}, 1, "TIMEOUT_S is no number: 1m"),
        ({"TCP": "a:1", "EACH_S": "-1"}, 1, "EACH_S is no number: -1"),
        ({"TCP": "a:1", "POLL_S": "2s"}, 1, "POLL_S is no number: 2s"),
    ],
)
def test_what_makes_no_sense_is_said(tmp_path, settings, code, reason):
    done = Alone(tmp_path).run(HEALTH, **settings)

    assert (done.code, done.reason) == (code, reason)
