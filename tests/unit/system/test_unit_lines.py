"""Commands and sockets of units, from the lines of systemctl 219 and of later ones."""

from __future__ import annotations

import pytest

from hookd.system.unit_lines import files_of, sockets_of

TAIL = "ignore_errors=no ; start_time=[n/a] ; stop_time=[n/a] ; pid=0 ; code=(null) ; status=0/0 }"
RAN = (
    "ignore_errors=yes ; start_time=[Tue 2021-03-02 07:57:48 UTC] ; "
    "stop_time=[Tue 2021-03-02 07:57:49 UTC] ; pid=812 ; code=exited ; status=1 }"
)


def start(path, argv, tail=TAIL):
    return ("ExecStart", f"{{ path={path} ; argv[]={argv} ; {tail}")


FILES = {
    "none": ([], ()),
    "of another property": ([("ExecStop", start("/a", "/a")[1]), ("Id", "/a")], ()),
    "a program": ([start("/opt/app/run", "/opt/app/run --x", RAN)], ("/opt/app/run",)),
    "a script": (
        [start("/usr/bin/python3", "/usr/bin/python3 -u /opt/app/run.py --port 80")],
        ("/usr/bin/python3", "/opt/app/run.py"),
    ),
    "several, each once": (
        [start("/bin/a", "/bin/a /etc/a"), start("/bin/b", "/bin/b /bin/a /etc/a")],
        ("/bin/a", "/bin/b", "/etc/a"),
    ),
    "with another argv[0]": ([start("/bin/a", "-a /b")], ("/bin/a", "/b")),
    "within a shell's words": (
        [start("/bin/sh", "/bin/sh -c 'exec /opt/run; (/opt/go&) \"/opt/on\"'")],
        ("/bin/sh", "/opt/run", "/opt/go", "/opt/on"),
    ),
    "with spaces and semicolons": (
        [start("/opt/my app;/run it", "/opt/my app;/run it ; --x ; /a")],
        ("/opt/my app;/run it", "/a"),
    ),
    "with the words of the form itself": (
        [start("/a", "/a ; ignore_errors=no ; argv[]=/b ; { path=/c /d")],
        ("/a", "/d"),
    ),
    "cut off": ([("ExecStart", "{ path=/a ; argv[]=/a /b")], ("/a", "/b")),
    "cut off sooner": ([("ExecStart", "{ path=/a")], ("/a",)),
    "no command": ([("ExecStart", text) for text in ("", "{", "/a", "(null)", "; }")], ()),
    "no path": ([start("(null)", "(null)"), start("a", "b/c --d=/e ./f /")], ()),
    "too long": ([start("/a", f"/a /{'b' * 512} /c")], ("/a", "/c")),
    "too many": (
        [start(f"/bin/{n}", f"/bin/{n} /etc/{n}") for n in range(10, 22)],
        (*(f"/bin/{n}" for n in range(10, 22)), *(f"/etc/{n}" for n in range(10, 14))),
    ),
}


@pytest.mark.parametrize(("lines", "files"), FILES.values(), ids=FILES)
def test_the_files_of_commands(lines, files):
    assert files_of(lines) == files


ADDRESSES = {
    "0.0.0.0:80": "*:80",
    "[::]:80": "*:80",
    "127.0.0.1:25": "127.0.0.1:25",
    "[::1]:53": "[::1]:53",
    "[2001:db8::1]:80": "[2001:db8::1]:80",
    "[fe80::1%eth0]:80": "[fe80::1]:80",
    "[::ffff:127.0.0.1]:80": "127.0.0.1:80",
}
KINDS = {"Stream": "tcp", "Datagram": "udp"}


@pytest.mark.parametrize(("address", "told"), ADDRESSES.items())
@pytest.mark.parametrize("kind", KINDS)
def test_a_socket_is_told_as_the_kernel_has_it(address, told, kind):
    expected = (f"{KINDS[kind]} {told}",)
    assert sockets_of([(f"Listen{kind}", address)]) == expected  # 219
    assert sockets_of([("Listen", f"{address} ({kind})")]) == expected  # 252


OTHERS = (
    *("/run/app.sock (Stream)", "@app (Stream)", "/run/a:80 (Stream)", "vsock:2:1234 (Stream)"),
    *("kobject-uevent 1 (Netlink)", "/run/initctl (FIFO)", "[::]:80 (SequentialPacket)"),
    *("[::]:0 (Stream)", "[::]:65536 (Stream)", f"[::]:{'9' * 5000} (Stream)", "[::]: (Stream)"),
    *("[::]:80", "80 (Stream)", "", "(Stream)", "[::]:\u0663 (Stream)", "[\0]:80 (Stream)"),
)


def test_what_is_no_tcp_or_udp_port_is_left_out():
    lines = [("Listen", one) for one in OTHERS]
    lines += [("ListenSpecial", "/a:1"), ("ListenNetlink", "[::]:80"), ("Listening", "[::]:80")]
    assert sockets_of([*lines, ("Id", "[::]:80 (Stream)"), ("ListenStream", "/a:1")]) == ()


def test_each_socket_is_told_once_and_not_without_an_end():
    assert sockets_of([("Listen", "0.0.0.0:80 (Stream)"), ("Listen", "[::]:80 (Stream)")]) == (
        "tcp *:80",
    )
    lines = [("ListenStream", f"[::]:{port}") for port in range(1, 200)]
    assert sockets_of(lines) == tuple(f"tcp *:{port}" for port in range(1, 65))
