"""Who waits for peers, by a made-up /proc."""

from __future__ import annotations

import os
import sys

import pytest
from support.fakeproc import FakeProc

from hookd.core.node import Listener, Sockets
from hookd.core.readings import Standing
from hookd.system import sockets
from hookd.system.root import Root

pytestmark = pytest.mark.skipif(
    sys.byteorder != "little", reason="the addresses below are of a little-endian machine"
)

SYSTEMD = "/usr/lib/systemd/systemd"
ANY = "00000000"
ANY_6 = "0" * 32
LOCAL = "0100007F"
LOCAL_6 = "0" * 24 + "01000000"
MAPPED_LOCAL = "0000000000000000FFFF00000100007F"


def line(address, port, inode, state="0A", peer=""):
    peer = peer or "0" * len(address) + ":0000"
    return (
        f"   0: {address}:{port:04X} {peer} {state} 00000000:00000000 00:00000000 00000000"
        f"     0        0 {inode} 1 00000000a0b1fdac 100 0 0 10 0\n"
    )


@pytest.fixture(name="proc")
def _proc(tmp_path):
    proc = FakeProc(tmp_path)
    tables(proc)
    return proc


def tables(proc, **lines):
    """Write the four tables; those that are not given are empty."""
    for name in ("tcp", "tcp6", "udp", "udp6"):
        head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt\n"
        proc.put(f"net/{name}", head + "".join(lines.get(name, ())))


def look(proc):
    return sockets._read(str(proc))


def test_each_protocol_is_told_with_program_and_unit(proc):
    tables(
        proc,
        tcp=[line(ANY, 22, 501), line(LOCAL, 25, 502)],
        tcp6=[line(LOCAL_6, 25, 503), line("B80D0120000000000000000001000000", 80, 504)],
        udp=[line(LOCAL, 323, 505, "07")],
        udp6=[line(ANY_6, 123, 506, "07")],
    )
    proc.process(70, "/usr/sbin/sshd", "/system.slice/sshd.service", sockets=[501])
    proc.process(71, "/usr/libexec/master", "/system.slice/postfix.service", sockets=[502, 503])
    proc.process(72, "/usr/sbin/nginx", "/system.slice/nginx.service", sockets=[504])
    proc.process(73, "/usr/sbin/chronyd", "/system.slice/chronyd.service", sockets=[505, 506])
    assert look(proc) == Sockets(
        listening=(
            Listener("tcp", "*", 22, "/usr/sbin/sshd", "sshd.service"),
            Listener("tcp", "127.0.0.1", 25, "/usr/libexec/master", "postfix.service"),
            Listener("tcp", "::1", 25, "/usr/libexec/master", "postfix.service"),
            Listener("tcp", "2001:db8::1", 80, "/usr/sbin/nginx", "nginx.service"),
            Listener("udp", "*", 123, "/usr/sbin/chronyd", "chronyd.service"),
            Listener("udp", "127.0.0.1", 323, "/usr/sbin/chronyd", "chronyd.service"),
        )
    )


def test_one_service_on_both_wildcards_is_one_listener(proc):
    tables(proc, tcp=[line(ANY, 22, 501)], tcp6=[line(ANY_6, 22, 502)])
    proc.process(70, "/usr/sbin/sshd", "/system.slice/sshd.service", sockets=[501, 502])
    assert look(proc).listening == (Listener("tcp", "*", 22, "/usr/sbin/sshd", "sshd.service"),)


def test_an_ipv4_address_in_an_ipv6_socket_is_that_address(proc):
    tables(proc, tcp6=[line(MAPPED_LOCAL, 8080, 501)])
    assert look(proc).listening == (Listener("tcp", "127.0.0.1", 8080),)


def test_connections_are_no_listeners(proc):
    peer = f"{LOCAL}:C000"
    tables(
        proc,
        tcp=[line(ANY, 22, 501), line(LOCAL, 22, 502, "01", peer), line(LOCAL, 23, 0, "06", peer)],
        udp=[line(LOCAL, 514, 503, "01", peer)],
    )
    assert look(proc).listening == (Listener("tcp", "*", 22),)


def test_udp_clients_are_left_out_by_the_range_of_their_ports(proc):
    proc.put("sys/net/ipv4/ip_local_port_range", "40000\t50000\n")
    ports = (39999, 40000, 50000, 50001)
    tables(proc, udp=[line(ANY, port, 1, "07") for port in ports])
    assert look(proc) == Sockets(
        listening=(Listener("udp", "*", 39999), Listener("udp", "*", 50001)),
        ephemeral=(40000, 50000),
    )


def test_tcp_listeners_in_that_range_are_told(proc):
    tables(proc, tcp=[line(ANY, 40000, 1)])
    assert look(proc).listening == (Listener("tcp", "*", 40000),)


@pytest.mark.parametrize("text", [b"", b"one two", b"1 2 3", b"\xff\0"])
def test_without_a_range_it_is_the_kernels(proc, text):
    proc.put("sys/net/ipv4/ip_local_port_range", text)
    assert look(proc) == Sockets(ephemeral=(32768, 60999))


@pytest.mark.parametrize(
    ("program", "kept"),
    [("/sbin/rpcbind", (111,)), ("/sbin/dhclient", (68,)), ("/usr/bin/other", (68, 111, 777))],
)
def test_ports_that_a_program_draws_to_ask_from_are_left_out(proc, program, kept):
    tables(proc, udp=[line(ANY, port, 5, "07") for port in (68, 111, 777)])
    proc.process(70, program, sockets=[5])
    assert look(proc).listening == tuple(Listener("udp", "*", port, program) for port in kept)


def test_a_socket_unit_has_it_whether_its_service_runs_or_not(proc, tmp_path):
    tables(proc, tcp=[line(ANY, 22, 501)])
    os.symlink("socket:[501]", str(tmp_path / "1/fd/30"))
    without = look(proc)
    proc.process(70, "/usr/sbin/sshd", "/system.slice/sshd.service", sockets=[501], ticks=5000)
    assert without == look(proc) == Sockets(listening=(Listener("tcp", "*", 22, SYSTEMD),))


def test_workers_share_one_listener_of_who_started_first(proc):
    """The child that inherited it has the lower pid: pids begin anew when they run out."""
    tables(proc, tcp=[line(ANY, 80, 501)])
    for pid, ticks in ((70, 9000), (900, 200), (901, 300)):
        program = "/usr/bin/sleep" if pid == 70 else "/usr/sbin/nginx"
        proc.process(pid, program, "/system.slice/nginx.service", sockets=[501], ticks=ticks)
    assert look(proc).listening == (Listener("tcp", "*", 80, "/usr/sbin/nginx", "nginx.service"),)


def test_several_sockets_of_one_port_are_one_listener(proc):
    tables(proc, tcp=[line(ANY, 80, 501), line(ANY, 80, 502)])
    for pid, inode in ((70, 501), (71, 502)):
        proc.process(pid, "/usr/sbin/nginx", "/system.slice/nginx.service", sockets=[inode])
    assert look(proc).listening == (Listener("tcp", "*", 80, "/usr/sbin/nginx", "nginx.service"),)


def test_the_program_of_a_replaced_file_keeps_its_path(proc):
    tables(proc, tcp=[line(ANY, 80, 501)])
    proc.process(70, "/usr/sbin/nginx (deleted)", sockets=[501])
    assert look(proc).listening == (Listener("tcp", "*", 80, "/usr/sbin/nginx"),)


def test_a_hostile_name_can_be_printed(proc):
    tables(proc, tcp=[line(ANY, 80, 501)])
    proc.process(70, sockets=[501])
    os.symlink(b"/opt/\xff\n\x1b[31m", os.fsencode(f"{proc}/70/exe"))
    assert look(proc).listening == (Listener("tcp", "*", 80, "/opt/\\xff\\n\\x1b[31m"),)


def test_what_is_no_line_is_passed_over(proc):
    good = line(ANY, 80, 501).encode()
    bad = [b"\n", b"0: zz:0016 x 0A\n", b"\xff\0\n", line("00", 1, 2).encode(), b"   9: " + good]
    proc.put("net/tcp", b"".join(bad) + good)
    assert look(proc).listening == (Listener("tcp", "*", 80),)


def test_a_protocol_that_the_kernel_does_not_speak_has_no_sockets(proc, tmp_path):
    tables(proc, tcp=[line(ANY, 80, 501)])
    for name in ("tcp6", "udp6"):
        (tmp_path / "net" / name).unlink()
    assert look(proc).listening == (Listener("tcp", "*", 80),)


def test_a_table_that_cannot_be_read_is_unknown(proc, tmp_path):
    (tmp_path / "net/tcp6").unlink()
    (tmp_path / "net/tcp6").mkdir()
    path = f"{tmp_path}/net/tcp6"
    reason = f"{path}: it is no regular file"
    assert look(proc) == Sockets(Standing.UNKNOWN, reason)


def test_more_than_can_be_told_is_unknown(proc):
    tables(proc, tcp=[line(ANY, 1 + number, number) for number in range(5001)])
    assert look(proc) == Sockets(Standing.UNKNOWN, "more than 5000 sockets wait for peers")


def test_below_another_root_there_are_none(tmp_path):
    reason = "nothing runs below another root"
    assert sockets.read(Root(str(tmp_path))) == Sockets(Standing.ABSENT, reason)
