"""What is read of this machine as it runs: real sockets, processes, mounts and routes."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import select
import shutil
import subprocess
import sys
import tempfile
import textwrap

import pytest
from support.cgroups import VERSIONS, Service
from support.hooks import wait_for

from hookd.core.node import Listener, Mount, StaleProcess
from hookd.system import mounts, network, processes, sockets
from hookd.system.process.table import read_process
from hookd.system.root import Root

HOST = Root("/")
NOBODY = 4_194_305  # above the most that pid_max may be, proc(5)
PYTHON = os.path.realpath(sys.executable)
REPO = pathlib.Path(__file__).parents[2]
NEEDS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture(name="begin")
def _begin():
    """Start processes that end with the test."""
    begun = []

    def begin(*argv, **more):
        begun.append(subprocess.Popen([str(word) for word in argv], **more))
        return begun[-1]

    yield begin
    for process in begun:
        process.kill()
        process.wait()
        for pipe in filter(None, (process.stdin, process.stdout)):
            pipe.close()


@pytest.fixture(name="play")
def _play(begin):
    """Start a Python script that says one line of JSON and then waits for its end."""

    def play(script):
        text = textwrap.dedent(script) + "\nimport sys\nsys.stdin.read()\n"
        pipe = subprocess.PIPE
        process = begin(PYTHON, "-c", text, stdin=pipe, stdout=pipe, text=True)
        assert select.select([process.stdout], [], [], 20)[0], "it says nothing"
        return process, json.loads(process.stdout.readline())

    return play


def listeners(port):
    return {one for one in sockets.read(HOST).listening if one.port == port}


# -- sockets ---------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["0.0.0.0", "127.0.0.1", "::", "::1"])
def test_a_listening_socket_is_found_with_its_program(play, address):
    family = "AF_INET6" if ":" in address else "AF_INET"
    _, port = play(f"""
        import socket
        listening = socket.socket(socket.{family})
        listening.bind(("{address}", 0))
        listening.listen()
        print(listening.getsockname()[1], flush=True)
    """)
    shown = {"0.0.0.0": "*", "::": "*"}.get(address, address)
    assert listeners(port) == {Listener("tcp", shown, port, PYTHON)}


def test_a_bound_udp_socket_is_found_and_a_client_is_not(play):
    _, (bound, client) = play("""
        import socket
        bound, client = (socket.socket(type=socket.SOCK_DGRAM) for _ in range(2))
        for port in range(20000, 30000):
            try:
                bound.bind(("127.0.0.1", port))
                break
            except OSError:
                continue
        client.bind(("", 0))
        print([port, client.getsockname()[1]], flush=True)
    """)
    udp = {one for one in listeners(bound) | listeners(client) if one.transport == "udp"}
    assert udp == {Listener("udp", "127.0.0.1", bound, PYTHON)}


def test_a_connection_is_no_listener(play):
    _, (port, other) = play("""
        import socket
        listening = socket.socket()
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        client = socket.create_connection(listening.getsockname())
        server = listening.accept()
        listening.close()
        print([server[0].getsockname()[1], client.getsockname()[1]], flush=True)
    """)
    assert listeners(port) | listeners(other) == set()


def test_what_workers_share_is_one_listener_of_the_first(play):
    """A stranger that inherited it, as `sleep` from a careless daemon, does not stand for it."""
    _, (port, pid) = play("""
        import os, socket, subprocess
        listening = socket.socket()
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        os.set_inheritable(listening.fileno(), True)
        child = subprocess.Popen(["sleep", "60"], close_fds=False, stdout=subprocess.DEVNULL)
        print([listening.getsockname()[1], child.pid], flush=True)
    """)
    try:
        wait_for(lambda: os.readlink(f"/proc/{pid}/exe").endswith("/sleep"))
        assert listeners(port) == {Listener("tcp", "127.0.0.1", port, PYTHON)}
    finally:
        os.kill(pid, 9)


@NEEDS_ROOT
@pytest.mark.parametrize("version", VERSIONS)
def test_the_unit_is_that_of_the_control_group(play, version):
    service = Service(version)
    service.make()
    process, port = play("""
        import socket
        listening = socket.socket()
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        print(listening.getsockname()[1], flush=True)
    """)
    try:
        (service.directory / "cgroup.procs").write_text(str(process.pid))
        assert listeners(port) == {Listener("tcp", "127.0.0.1", port, PYTHON, "hookd.service")}
        found = processes._read("/proc", NOBODY)
        assert PYTHON in {found.files[index] for index in found.uses["hookd.service"]}
    finally:
        process.kill()
        process.wait()
        service.clean()


# -- processes -------------------------------------------------------------------------------


@pytest.fixture(name="place")
def _place():
    """Return a directory where packages might put files."""
    try:
        directory = tempfile.mkdtemp(prefix="hookd-test-", dir="/usr/local/lib")
    except OSError as error:
        pytest.skip(str(error))
    yield pathlib.Path(directory)
    shutil.rmtree(directory)


@pytest.fixture(name="app")
def _app(place):
    path = place / "app"
    shutil.copy(shutil.which("sleep"), str(path))
    return path


def runs(process, path):
    wait_for(lambda: os.readlink(f"/proc/{process.pid}/exe") == str(path))


def stale(pid):
    return [one for one in processes._read("/proc", NOBODY).stale if one.pid == pid]


def expected(process, program, *files):
    started = read_process(process.pid).started
    return [StaleProcess(process.pid, started, str(program), "", tuple(map(str, files)))]


def replace(path):
    new = path.with_name("new")
    shutil.copy(str(path), str(new))
    new.rename(path)


def test_a_process_whose_executable_was_replaced_is_stale(begin, app):
    process = begin(app, "60")
    runs(process, app)
    before = stale(process.pid)
    replace(app)
    assert (before, stale(process.pid)) == ([], expected(process, app, app))


def test_a_process_on_a_deleted_library_is_stale(play, place):
    library = place / "library.so"
    with open("/proc/self/maps", encoding="utf-8") as maps:
        mapped = [line.split()[5] for line in maps if ".so" in line and " r-xp " in line]
    shutil.copy(next(path for path in mapped if "/libm" in path or "/libz" in path), str(library))
    process, _ = play(f"""
        import ctypes
        loaded = ctypes.CDLL("{library}")
        print(1, flush=True)
    """)
    before = stale(process.pid)
    library.unlink()
    assert (before, stale(process.pid)) == ([], expected(process, PYTHON, library))


@NEEDS_ROOT
def test_a_process_whose_executable_lies_under_another_is_stale(begin, app):
    process = begin(app, "60")
    runs(process, app)
    other = app.with_name("other")
    shutil.copy(str(app), str(other))
    with mounted("--bind", str(other), str(app)):
        assert stale(process.pid) == expected(process, app, app)
    assert stale(process.pid) == []


@NEEDS_ROOT
def test_a_process_of_another_pid_namespace_is_a_containers(begin, app, tmp_path):
    said = tmp_path / "pid"
    script = f'"{app}" 60 & echo $! > "{said}"; wait'
    begin("unshare", "--pid", "--fork", "--kill-child", "sh", "-c", script)
    wait_for(lambda: said.exists() and said.read_text().strip())
    wait_for(lambda: pids_of(app))
    replace(app)
    assert [stale(pid) for pid in pids_of(app, " (deleted)")] == [[]]


def pids_of(path, after=""):
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if os.readlink(f"/proc/{name}/exe") == f"{path}{after}":
                found.append(int(name))
    return found


def test_hookds_own_children_are_left_out(begin, app):
    process = begin(app, "60")
    runs(process, app)
    replace(app)
    assert process.pid in {one.pid for one in processes._read("/proc", NOBODY).stale}
    assert process.pid not in {one.pid for one in processes.read(HOST).stale}


# -- mounts and routes -----------------------------------------------------------------------


@contextlib.contextmanager
def mounted(*arguments):
    if subprocess.run(["mount", *arguments], check=False, stderr=subprocess.DEVNULL).returncode:
        pytest.skip("mount is not allowed here")
    try:
        yield
    finally:
        subprocess.run(["umount", arguments[-1]], check=True)


def below(place):
    return [one for one in mounts.read(HOST).mounted if one.point.startswith(str(place))]


@NEEDS_ROOT
def test_a_mount_is_told_while_it_stands(place):
    source, point = place / "source", place / "a b\\c"
    source.mkdir()
    point.mkdir()
    with mounted("--bind", str(source), str(point)):
        writable = below(place)
        subprocess.run(["mount", "-o", "remount,bind,ro", str(point)], check=True)
        read_only = below(place)
    found = [(one.point, one.is_read_only) for one in (*writable, *read_only)]
    assert (found, below(place)) == ([(str(point), False), (str(point), True)], [])


@NEEDS_ROOT
def test_a_tmpfs_that_fstab_does_not_name_is_not(place):
    with mounted("-t", "tmpfs", "none", str(place)):
        assert below(place) == []


def test_the_root_is_mounted():
    points = {one.point: one for one in mounts.read(HOST).mounted}
    assert isinstance(points.get("/"), Mount)


ROUTES = """
    ip link add d0 type veth peer name d1
    ip link set d1 up
    ip addr add 10.9.0.2/24 dev d0
    ip -6 addr add fd09::2/64 dev d0 nodad
    ip link set d0 up
    ip route add default via 10.9.0.1
    ip route add 10.0.0.0/8 via 10.9.0.3
    ip route add unreachable default metric 9999
    ip -6 route add default via fd09::1 dev d0
"""


@NEEDS_ROOT
def test_default_routes_are_those_of_the_main_table():
    read = "from hookd.system import network, root; print(network.read(root.Root('/')))"
    lines = "\n".join(line.strip() for line in ROUTES.splitlines())
    done = subprocess.run(
        ["unshare", "--net", "sh", "-ec", f'{lines}\nexec "$0" -c "$1"', PYTHON, read],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(REPO)},
    )
    if done.returncode:
        pytest.skip(f"no network namespace with routes can be made: {done.stderr.strip()}")
    routes = ("ipv4 via 10.9.0.1 dev d0", "ipv6 via fd09::1 dev d0")
    assert f"default_routes={routes!r}" in done.stdout


def test_the_machine_has_what_ip_says_of_its_routes():
    ip = shutil.which("ip")
    if ip is None:
        pytest.skip("ip(8) is not installed")
    command = [ip, "-4", "route", "show", "default"]
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    words = [line.split() for line in said.stdout.splitlines()]
    told = {f"ipv4 {' '.join(line[1:5])}" for line in words if line[1:2] == ["via"]}
    found = {route for route in network.read(HOST).default_routes if " via " in route}
    assert {route for route in found if route.startswith("ipv4 ")} == told
