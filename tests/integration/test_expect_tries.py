"""Expectations are really tried: web servers, ports, commands, files; bounded, and at one time."""

from __future__ import annotations

import os
import pathlib
import pwd
import shutil
import signal
import ssl
import subprocess
import time

import pytest
from support.answering import Answering, closed_port, is_alive, listening

from hookd.core.expect import (
    CommandExpectation,
    Expect,
    FileExpectation,
    HttpExpectation,
    TcpExpectation,
    UnitExpectation,
)
from hookd.core.node import Expected
from hookd.system.expect.asking import ask
from hookd.system.process.bounded import run_bounded
from hookd.system.process.command import Completed, run
from hookd.system.process.spawn import NotStartedError
from hookd.system.root import Root

HOST = Root("/")
NOBODY = "nobody"


@pytest.fixture
def server():
    found = Answering()
    yield found
    found.close()


def tried(expect, root=HOST, within_s=30.0, environment=None):
    found = ask(root, run, expect, within_s=within_s, environment=environment or {})
    return found.results


def one(expect, **more):
    (found,) = tried(expect, **more)
    return found


# -- http --------------------------------------------------------------------------------------


def test_an_address_is_asked_for_status_and_text(server):
    server.answer("/health", 200, b'{"state": "ok"}')
    url = server.url("/health")

    assert one(Expect(http={url: HttpExpectation(contains="ok")})) == Expected(
        "http", url, True, "status 200, 'ok' in it", "status 200, 'ok' in it"
    )
    ((path, headers),) = server.asked
    assert (path, headers["Accept-Encoding"]) == ("/health", "identity")
    assert headers["User-Agent"].startswith("hookd/")


def test_another_status_is_not_met(server):
    server.answer("/health", 503)
    url = server.url("/health")

    assert one(Expect(http={url: HttpExpectation()})) == Expected(
        "http", url, False, "status 200", "status 503"
    )


def test_nobody_there_is_not_met(server):
    url = f"http://127.0.0.1:{closed_port()}/"

    assert one(Expect(http={url: HttpExpectation()})) == Expected(
        "http", url, False, "status 200", "connection refused"
    )


def test_an_answer_that_does_not_come_is_not_met_after_its_time(server):
    server.slow["/"] = 60
    began = time.monotonic()

    assert one(Expect(http={server.url(): HttpExpectation(timeout_s=0.5)})).found == (
        "no answer within 0.5 s"
    )
    assert time.monotonic() - began < 15


@pytest.mark.parametrize(
    ("follows", "found", "is_met"), [(False, "status 302", False), (True, "status 200", True)]
)
def test_a_redirect_is_followed_only_when_asked(server, follows, found, is_met):
    server.answer("/", 302, Location="/there")
    server.answer("/there", 200)
    result = one(Expect(http={server.url(): HttpExpectation(follow_redirects=follows)}))

    assert (result.found, result.is_met) == (found, is_met)


def test_redirects_that_never_end_are_not_met(server):
    server.answer("/", 302, Location="/")
    result = one(Expect(http={server.url(): HttpExpectation(follow_redirects=True)}))

    assert (result.found, result.is_met) == ("more than 5 redirects", False)


def test_of_a_large_body_the_first_mib_is_searched(server):
    server.answer("/late", 200, b"x" * (2 << 20) + b"ok")
    server.answer("/early", 200, b"ok" + b"x" * (2 << 20))
    expectation = HttpExpectation(contains="ok")
    urls = [server.url("/late"), server.url("/early")]
    found = tried(Expect(http=dict.fromkeys(urls, expectation)))

    assert [(result.is_met, result.found) for result in found] == [
        (False, "status 200, 'ok' not in its first MiB"),
        (True, "status 200, 'ok' in it"),
    ]


def test_a_password_in_an_address_is_used_and_masked(server):
    server.answer("/", 200)
    url = server.url(user="app:hunter2@")
    result = one(Expect(http={url: HttpExpectation()}))

    assert (result.is_met, result.name) == (True, server.url(user="app:[masked]@"))
    assert server.asked[0][1]["Authorization"] == "Basic YXBwOmh1bnRlcjI="


def test_this_machine_is_asked_directly_whatever_proxy_there_is(server):
    server.answer("/", 200)
    dead = f"http://127.0.0.1:{closed_port()}"

    assert one(
        Expect(http={server.url(): HttpExpectation()}), environment={"http_proxy": dead}
    ).is_met


def test_another_machine_is_asked_by_the_proxy_and_keys_do_not_reach_the_child(server):
    server.answer("http://app.example.com/", 200)
    environment = {"http_proxy": server.url(), "AWS_SECRET_ACCESS_KEY": "x"}
    url = "http://app.example.com/"

    assert one(Expect(http={url: HttpExpectation()}), environment=environment).is_met


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl makes the certificate")
@pytest.mark.parametrize("insecure", [False, True])
def test_a_certificate_that_nobody_vouches_for_counts_only_when_insecure(tmp_path, insecure):
    key, certificate = str(tmp_path / "key"), str(tmp_path / "certificate")
    made = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost")
    subprocess.run([*made, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = Answering(context)
    server.answer("/", 200)
    url = f"https://127.0.0.1:{server.port}/"
    found = one(Expect(http={url: HttpExpectation(insecure=insecure)}))
    server.close()

    told = "status 200" if insecure else found.found
    assert (found.is_met, found.found) == (insecure, told)
    assert insecure or "self" in found.found  # self signed certificate, by OpenSSL 3 self-signed


# -- tcp ---------------------------------------------------------------------------------------


def test_ports_that_listen_and_do_not():
    closed = f"127.0.0.1:{closed_port()}"
    with listening() as port:
        found = tried(
            Expect(
                tcp={
                    f"127.0.0.1:{port}": TcpExpectation(),
                    closed: TcpExpectation(),
                }
            )
        )
    assert found == (
        Expected("tcp", f"127.0.0.1:{port}", True, "reachable", "reachable"),
        Expected("tcp", closed, False, "reachable", "connection refused"),
    )


def test_ports_that_are_not_to_listen():
    closed = f"127.0.0.1:{closed_port()}"
    wanted = TcpExpectation(reachable=False)
    with listening() as port:
        found = tried(Expect(tcp={f"127.0.0.1:{port}": wanted, closed: wanted}))

    assert [(result.is_met, result.found) for result in found] == [
        (False, "reachable"),
        (True, "connection refused"),
    ]


def test_a_host_that_nobody_knows_is_not_reached_and_no_proof_that_it_cannot_be():
    name = "no-such-host.invalid:1"
    (reachable,) = tried(Expect(tcp={name: TcpExpectation()}))
    (unreachable,) = tried(Expect(tcp={name: TcpExpectation(reachable=False)}))

    assert (reachable.is_met, unreachable.is_met) == (False, None)
    assert unreachable.reason == reachable.found != ""


# -- commands ----------------------------------------------------------------------------------


def script(tmp_path, text):
    path = tmp_path / "check"
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return path


def test_a_command_is_run_without_a_shell_in_little_environment(tmp_path):
    path = script(tmp_path, 'echo "$1|$#|$PWD|$HOOKD_HOOK|$PATH|${AWS_REGION-none}"; cat')
    line = f"{path} 'a  b; exit 9' $HOME"
    environment = {"AWS_REGION": "eu-west-1"}
    wanted = (
        "a  b; exit 9|2|/|expect|/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin|none"
    )

    found = one(Expect(command={line: CommandExpectation(stdout=wanted)}), environment=environment)

    assert found.is_met, found


def test_a_command_that_ends_otherwise_is_not_met_and_says_why(tmp_path):
    path = script(tmp_path, "echo --password hunter2 >&2; exit 3")

    assert one(Expect(command={str(path): CommandExpectation()})) == Expected(
        "command", str(path), False, "exit 0", "exit 3: --password [masked]"
    )


def test_a_command_that_hangs_is_killed_with_its_group(tmp_path):
    path = script(
        tmp_path, f"echo $$ >{tmp_path}/pids; sleep 600 & echo $! >>{tmp_path}/pids; wait"
    )
    found = one(Expect(command={str(path): CommandExpectation(timeout_s=1.0)}))

    assert (found.is_met, found.found) == (False, f"{path} did not answer within 1 s")
    pids = (tmp_path / "pids").read_text().split()
    assert (len(pids), [is_alive(pid) for pid in pids]) == (2, [False, False])


def test_a_command_that_leaves_something_running_has_ended(tmp_path):
    path = script(tmp_path, f"sleep 600 & echo $! >{tmp_path}/pid; echo ready")
    began = time.monotonic()
    found = one(Expect(command={str(path): CommandExpectation(stdout="ready", timeout_s=60.0)}))
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)

    assert found.is_met
    assert time.monotonic() - began < 25  # its own limit is 30 s, all have


def test_a_command_that_prints_without_end_is_bounded():
    line = "/bin/sh -c 'exec yes'"
    found = one(Expect(command={line: CommandExpectation(timeout_s=0.5)}))

    assert (found.is_met, found.found) == (False, "/bin/sh did not answer within 0.5 s")


@pytest.mark.parametrize(
    ("line", "expectation", "reason"),
    [
        ("/no/such/check", CommandExpectation(), "the file is gone"),
        ("/bin/true", CommandExpectation(user="no-such-user"), "there is no user no-such-user"),
    ],
)
def test_a_command_that_cannot_be_started_is_unknown(line, expectation, reason):
    assert one(Expect(command={line: expectation})) == Expected(
        "command", line, None, "exit 0", "", reason
    )


@pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("setpriv"), reason="only root becomes another"
)
def test_a_command_runs_as_the_user_that_is_named():
    uid = pwd.getpwnam(NOBODY).pw_uid
    wanted = CommandExpectation(stdout=f"{uid}\n", user=NOBODY)

    assert one(Expect(command={"/usr/bin/id -u": wanted})).is_met


# -- files -------------------------------------------------------------------------------------


def test_files(tmp_path):
    ready = tmp_path / "ready"
    ready.write_text("it is ok")
    ready.chmod(0o640)
    owner = pwd.getpwuid(os.geteuid()).pw_name
    link = tmp_path / "link"
    link.symlink_to(ready)
    good = FileExpectation(contains="ok", mode="0640", owner=owner)
    found = tried(
        Expect(
            file={
                str(ready): good,
                str(link): good,
                str(tmp_path): FileExpectation(),
                f"{tmp_path}/gone": FileExpectation(),
                f"{ready}/below": FileExpectation(exists=False),
            }
        )
    )
    assert [(result.is_met, result.found) for result in found] == [
        (True, f"there, mode 0640, owner {owner}, 'ok' in it"),
        (True, f"there, mode 0640, owner {owner}, 'ok' in it"),
        (True, "there"),
        (False, "not there"),
        (True, "not there"),
    ]


def test_what_is_no_file_to_be_read_is_unknown_and_keeps_nobody_waiting(tmp_path):
    os.mkfifo(str(tmp_path / "fifo"))
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    found = tried(
        Expect(
            file={
                f"{tmp_path}/fifo": FileExpectation(contains="x"),
                str(tmp_path): FileExpectation(contains="x"),
                str(loop): FileExpectation(),
            }
        )
    )
    assert [(result.is_met, result.reason) for result in found] == [
        (None, "cannot be read: it is no regular file"),
        (None, "cannot be read: it is no regular file"),
        (None, "cannot be read: too many levels of symbolic links"),
    ]


def test_below_another_root_only_files_are_tried_and_its_own(tmp_path):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text(f"root:x:0:0\napp:x:{os.geteuid()}:0\n")
    (tmp_path / "etc/ready").write_text("")
    owner = "root" if os.geteuid() == 0 else "app"
    found = tried(
        Expect(
            units={"a.service": UnitExpectation(active=True)},
            http={"http://127.0.0.1/": HttpExpectation()},
            tcp={"127.0.0.1:1": TcpExpectation()},
            command={f"/bin/touch {tmp_path}/ran": CommandExpectation()},
            file={"/etc/ready": FileExpectation(owner=owner)},
        ),
        root=Root(str(tmp_path)),
    )
    assert [(result.kind, result.is_met, result.is_skipped) for result in found] == [
        ("units", None, True),
        ("http", None, True),
        ("tcp", None, True),
        ("command", None, True),
        ("file", True, False),
    ]
    assert not (tmp_path / "ran").exists()


# -- all together ------------------------------------------------------------------------------


def test_ten_that_hang_take_as_long_as_one(server):
    for number in range(10):
        server.slow[f"/{number}"] = 60
    urls = [server.url(f"/{number}") for number in range(10)]
    began = time.monotonic()
    found = tried(Expect(http=dict.fromkeys(urls, HttpExpectation(timeout_s=3.0))))

    # on a busy machine one may not even come to ask within its time: not known
    assert {result.is_met for result in found} <= {False, None}
    assert "no answer within 3 s" in {result.found for result in found}
    assert time.monotonic() - began < 20


def test_what_there_is_no_time_for_is_unknown():
    lines = [f"/bin/sleep {n}" for n in range(30, 50)]
    expect = Expect(command=dict.fromkeys(lines, CommandExpectation(timeout_s=60.0)))
    began = time.monotonic()
    found = tried(expect, within_s=3.0)

    assert [result.is_met for result in found] == [False] * 16 + [None] * 4
    assert {result.reason for result in found[16:]} == {"there was no time left"}
    assert time.monotonic() - began < 15


def test_a_child_that_breaks_makes_everything_unknown():
    def broken(argv, **_):
        return Completed(tuple(argv), 1, b"", b"no room\n")

    expect = Expect(tcp={"a:1": TcpExpectation()}, file={"/": FileExpectation()})
    found = ask(HOST, broken, expect, within_s=5.0, environment={}).results

    assert [result.is_met for result in found] == [None, None]
    assert found[0].reason.startswith("the tries did not end well: ")
    assert found[0].reason.endswith("exited 1: no room")


@pytest.mark.parametrize("said", [b"", b"{", b"[]", b'{"results": [5]}', b"\xff"])
def test_a_child_that_says_what_nobody_understands_makes_everything_unknown(said):
    def garbled(argv, **_):
        return Completed(tuple(argv), 0, said)

    expect = Expect(tcp={"a:1": TcpExpectation()})
    (found,) = ask(HOST, garbled, expect, within_s=5.0, environment={}).results

    assert (found.is_met, found.reason) == (None, "the tries said nothing that can be read")


def test_an_expectation_that_the_child_forgets_is_unknown():
    def forgets(argv, **_):
        return Completed(tuple(argv), 0, b"{}")

    expect = Expect(tcp={"a:1": TcpExpectation()})
    (found,) = ask(HOST, forgets, expect, within_s=5.0, environment={}).results

    assert (found.is_met, found.is_skipped) == (None, False)


def test_nothing_but_the_child_is_started_and_only_when_needed():
    def never(argv, **_):
        raise AssertionError(argv)

    assert ask(HOST, never, Expect(), within_s=5.0, environment={}).results == ()


# -- what carries it ---------------------------------------------------------------------------


def test_a_bounded_command_keeps_the_beginning_of_what_it_prints():
    line = ["/bin/sh", "-c", "head -c 300000 /dev/zero; echo bad >&2; exit 7"]
    done = run_bounded(line, timeout_s=10.0, environment={"PATH": "/bin:/usr/bin"}, most=1000)

    assert (done.exit_code, done.stdout, done.stderr) == (7, b"\0" * 1000, b"bad\n")


def test_a_bounded_command_that_was_killed_has_no_exit_code():
    done = run_bounded(["/bin/sh", "-c", "kill -9 $$"], timeout_s=10.0, environment={}, most=10)

    assert (done.exit_code, done.error) == (None, "/bin/sh was killed by SIGKILL")


def test_a_bounded_command_that_is_none_says_so(tmp_path):
    path = tmp_path / "text"
    path.write_text("")
    path.chmod(0o755)

    with pytest.raises(NotStartedError, match="Exec format error"):
        run_bounded([str(path)], timeout_s=10.0, environment={}, most=10)


def test_the_child_needs_no_working_directory_and_no_environment(tmp_path, monkeypatch):
    gone = pathlib.Path(tmp_path, "gone")
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()

    assert one(Expect(file={"/": FileExpectation()})).is_met
