"""Default routes and resolvers, by the files of a made-up root."""

from __future__ import annotations

import os
import sys

import pytest

from hookd.core.node import Network
from hookd.core.readings import Standing
from hookd.system import network
from hookd.system.root import Root

pytestmark = pytest.mark.skipif(
    sys.byteorder != "little", reason="the addresses below are of a little-endian machine"
)

HEAD = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT   \n"
NONE = "0" * 32
ROUTER = "fe80000000000000" + "00fcfffe00000001".rjust(16, "0")


def ipv4(name="eth0", target="00000000", gateway="0100000A", flags="0003", mask="00000000"):
    return f"{name}\t{target}\t{gateway}\t{flags}\t0\t0\t512\t{mask}\t0\t0\t0\n"


def ipv6(name="eth0", length="00", gateway=ROUTER, flags="00450003", target=NONE):
    return f"{target} {length} {NONE} 00 {gateway} 00000400 00000002 00000000 {flags}     {name}\n"


@pytest.fixture(name="put")
def _put(tmp_path):
    def put(name, text):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())

    put("proc/net/route", HEAD)
    put("proc/net/ipv6_route", "")
    put("etc/resolv.conf", "")
    return put


@pytest.fixture(name="look")
def _look(tmp_path):
    return lambda: network._read(Root(str(tmp_path)))


def test_default_routes_are_told_and_no_others(put, look):
    inside = ipv4(target="0000000A", gateway="00000000", flags="0001", mask="0000FFFF")
    lower = ipv4(gateway="0900000A", mask="00000080")
    put("proc/net/route", HEAD + ipv4() + inside + lower + ipv4("tun0", gateway="00000000"))
    lower = ipv6("eth9", length="01")
    put("proc/net/ipv6_route", ipv6() + lower + ipv6("tun0", gateway=NONE, flags="00000001"))
    assert look() == Network(
        default_routes=(
            "ipv4 dev tun0",
            "ipv4 via 10.0.0.1 dev eth0",
            "ipv6 dev tun0",
            "ipv6 via fe80::fc:fffe:0:1 dev eth0",
        )
    )


def test_routes_that_reject_or_are_down_lead_nowhere(put, look):
    put("proc/net/route", HEAD + ipv4("*", flags="0201") + ipv4(flags="0002"))
    put("proc/net/ipv6_route", ipv6("lo", gateway=NONE, flags="00200200"))
    assert look() == Network()


def test_the_same_route_in_several_tables_is_told_once(put, look):
    put("proc/net/ipv6_route", ipv6() + ipv6())
    assert look().default_routes == ("ipv6 via fe80::fc:fffe:0:1 dev eth0",)


def test_resolvers_stand_in_the_order_in_which_they_are_asked(put, look):
    put(
        "etc/resolv.conf",
        "# nameserver 1.1.1.1\n; nameserver 2.2.2.2\nsearch ec2.internal\nmynameserver 9.9.9.9\n"
        "nameserver 10.0.0.2\n\tnameserver\tfe80::1%eth0 # router\nnameserver\n"
        "options timeout:2\nnameserver 10.0.0.1",
    )
    assert look().resolvers == ("10.0.0.2", "fe80::1%eth0", "10.0.0.1")


def test_a_link_into_run_is_followed(put, look, tmp_path):
    put("run/systemd/resolve/stub-resolv.conf", "nameserver 127.0.0.53\n")
    (tmp_path / "etc/resolv.conf").unlink()
    os.symlink("../run/systemd/resolve/stub-resolv.conf", str(tmp_path / "etc/resolv.conf"))
    assert look() == Network(resolvers=("127.0.0.53",))


def test_what_is_not_there_says_nothing(look, tmp_path):
    assert look() == Network()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"nameserver 10.0.0.2\0", "/etc/resolv.conf is binary"),
        (b"#" * (1 << 21), "/etc/resolv.conf is longer than 1048576 bytes"),
    ],
)
def test_an_unreadable_file_is_unknown_and_the_routes_are_told(put, look, text, reason):
    put("proc/net/route", HEAD + ipv4())
    put("etc/resolv.conf", text)
    expected = Network(Standing.UNKNOWN, reason, default_routes=("ipv4 via 10.0.0.1 dev eth0",))
    assert look() == expected


def test_a_loop_of_links_is_no_resolver(put, look, tmp_path):
    (tmp_path / "etc/resolv.conf").unlink()
    os.symlink("resolv.conf", str(tmp_path / "etc/resolv.conf"))
    assert look().standing is not Standing.OK


def test_hostile_lines_are_passed_over(put, look):
    put("proc/net/route", HEAD + "eth0\n\n" + ipv4(gateway="zz") + ipv4(gateway="1" * 9) + "\xff")
    put("proc/net/ipv6_route", "zz\n" + ipv6(gateway="zz") + ipv6(flags="?") + ipv6(gateway="00"))
    put("etc/resolv.conf", b"nameserver \xff\x1b[31m\n")
    assert look() == Network(resolvers=("\\xff\\x1b[31m",))


def test_below_another_root_there_is_none(tmp_path):
    reason = "nothing runs below another root"
    assert network.read(Root(str(tmp_path))) == Network(Standing.ABSENT, reason)
