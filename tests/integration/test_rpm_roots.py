"""The RPM installed by the real rpm: under each Python, upgraded, disturbed, erased."""

from __future__ import annotations

import json
import os
import re

import pytest
from support.fakeimds import FakeImds

import hookd

PHASES = ("pre", "post", "on-exit")
HOOK = "#!/bin/sh\necho {name} >>/srv/ran\n{rest}"
# Says that it has begun and goes on when it is let.
WAITS = "touch /srv/began; until test -e /srv/go; do sleep 0.05; done"


@pytest.fixture(params=["3.7", "3.9", "3.11", "3.13"])
def each(request, new_package_root, rpms):
    """A root with hookd under each Python."""
    root = new_package_root(request.param)
    assert root.install(rpms["x86_64"]) == []
    return root


@pytest.fixture
def root(new_package_root, rpms):
    """A root with hookd and Python 3.7."""
    made = new_package_root("3.7")
    made.install(rpms["x86_64"])
    return made


def hook(root, name, *lines):
    text = HOOK.format(name=name, rest="\n".join((*lines, "")))
    root.put(f"etc/hookd/hooks.d/{name}", text.encode(), 0o755)


def operation(root, *phases, **environment):
    """Run `phases` and return the exit codes."""
    return [
        root.run(["hookd", "run", phase], environment=environment).returncode for phase in phases
    ]


def shown(root):
    return json.loads(root.must(["hookd", "show", "--json"]))


def verify(root):
    return root.rpm("-V", "hookd")


def compiled(root):
    """Return the tags of the Pythons that something is compiled for."""
    names = [path for path in root.ours() if path.endswith(".pyc")]
    return {re.findall(r"\.([a-z]+-\d+)\.pyc$", name)[0] for name in names}


def test_a_whole_operation_leaves_what_rpm_installed_as_it_was(each):
    python = each.must("python3 -c 'import sys; print(sys.implementation.cache_tag)'").strip()
    hook(each, "pre/10-check")
    before = each.ours()

    codes = operation(each, *PHASES)

    assert each.must(["hookd", "--version"]) == f"hookd {hookd.__version__}\n"
    assert codes == [0, 0, 0]
    assert shown(each)["operation"]["verdict"] == "passed"
    assert verify(each) == (0, [])
    # all of it was compiled when it was installed, for this Python alone
    assert compiled(each) == {python}
    new = set(each.ours()) - set(before)
    assert {
        path for path in new if not path.startswith(("var/lib/hookd", "var/log/hookd", "run/"))
    } == set()


def test_the_child_that_asks_for_the_instance_finds_its_libraries(root):
    root.network = ()  # the service is there
    with FakeImds() as service:
        environment = {
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": service.url,
            "AWS_EC2_METADATA_DISABLED": "",
        }
        codes = operation(root, "pre", **environment)
    assert (codes, shown(root)["host"]["instance_id"]) == ([0], "i-0123456789abcdef0")


def test_the_lifecycle_is_played_with_what_was_installed(root):
    done = root.run(["hookd", "rehearse", "--yes"])
    assert (done.returncode, done.stderr) == (0, "")
    assert verify(root) == (0, [])


def test_units_are_enabled_without_a_running_systemd_and_no_longer_after_it_is_erased(root):
    links = [
        "etc/systemd/system/multi-user.target.wants/hookd-boot.service",
        "etc/systemd/system/sockets.target.wants/hookd.socket",
    ]
    assert [path for path in root.ours() if path.startswith("etc/systemd/")] == links
    assert root.rpm("-e", "hookd") == (0, [])
    assert [path for path in root.ours() if path.startswith("etc/systemd/")] == []


def test_python_3_6_says_what_is_needed(new_package_root, rpms):
    root = new_package_root("3.6")
    root.install(rpms["x86_64"])
    root.must("rm -f /usr/bin/python3.*")

    done = root.run(["hookd", "run", "pre"])

    assert (done.returncode, done.stdout) == (78, "")
    assert re.fullmatch(
        r"hookd: needs Python 3\.7 or newer, and /usr/bin/python3 is 3\.6\.\d+\n"
        r"  Install one beside it, as /usr/bin/python3\.N: hookd takes the newest\.\n",
        done.stderr,
    )


def test_beside_python_3_6_a_newer_one_is_taken(new_package_root, rpms):
    root = new_package_root("3.6")
    root.install(rpms["x86_64"])
    newer = new_package_root("3.9")
    root.must("rm -f /usr/bin/python3.*")
    root.pythons += newer.pythons
    root.at("usr/bin/python3.9").symlink_to(os.readlink(str(newer.at("usr/bin/python3"))))

    assert operation(root, *PHASES) == [0, 0, 0]


SPOILT = "raise SystemExit('not what came with the package')\n"


def test_libraries_and_variables_of_others_do_not_disturb_it(root):
    names = ("requests", "structlog", "psutil", "tomli", "hookd", "json", "sitecustomize")
    asks = "import site; print(site.getsitepackages()[0])"
    site = root.must(["python3", "-I", "-c", asks]).strip()
    for name in names:
        root.put(f"srv/spoilt/{name}.py", SPOILT.encode())
    over = f"mount --bind /srv/spoilt {site}; cd /srv/spoilt; "

    done = root.run(
        over + "hookd run pre && hookd run post && hookd run on-exit",
        environment={
            "PYTHONPATH": "/srv/spoilt",
            "PYTHONHOME": "/srv/spoilt",
            "PYTHONSTARTUP": "x",
        },
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert shown(root)["operation"]["verdict"] == "passed"


def test_another_python3_between_pre_and_post_goes_on_with_the_operation(root, new_package_root):
    hook(root, "pre/30-leave")
    hook(root, "on-exit/70-join", "# undoes = pre/30-leave")
    other = new_package_root("3.9")

    codes = operation(root, "pre")
    root.pythons += other.pythons
    root.use_python(os.readlink(str(other.at("usr/bin/python3"))))
    codes += operation(root, "post", "on-exit")

    assert root.must(["python3", "-V"]).startswith("Python 3.9.")
    assert codes == [0, 0, 0]
    assert verify(root) == (0, [])
    assert compiled(root) == {"cpython-37"}  # nothing is written into the package's directories


@pytest.mark.parametrize("is_upgrade", [True, False], ids=["upgrade", "downgrade"])
def test_another_release_goes_on_with_the_operation(
    new_package_root, rpms, previous_rpm, is_upgrade
):
    root = new_package_root("3.7")
    first, second = (previous_rpm, rpms["x86_64"])[:: 1 if is_upgrade else -1]
    root.install(first)
    hook(root, "pre/30-leave")
    codes = operation(root, "pre")

    root.install(second, "-U" if is_upgrade else "-U --oldpackage")
    codes += operation(root, "post", "on-exit")

    assert codes == [0, 0, 0]
    assert [run["phase"] for run in shown(root)["phases"]] == list(PHASES)
    assert verify(root) == (0, [])
    gone = [path for path in root.ours() if "/gone." in path]
    assert (gone == []) is is_upgrade


def test_an_upgrade_keeps_what_was_configured_and_what_was_disabled(
    new_package_root, rpms, previous_rpm
):
    root = new_package_root("3.7")
    root.install(previous_rpm)
    root.put("etc/hookd/hookd.toml", b"[run]\ndeadline = '50m'\n")
    root.must("systemctl disable hookd.socket")

    said = root.install(rpms["x86_64"], "-U")

    new = "/etc/hookd/hookd.toml.rpmnew"
    assert said == [f"warning: /etc/hookd/hookd.toml created as {new}"]
    assert root.at("etc/hookd/hookd.toml").read_text() == "[run]\ndeadline = '50m'\n"
    kept = [path for path in root.ours() if path.startswith("etc/")]
    assert new[1:] in kept
    assert "etc/systemd/system/sockets.target.wants/hookd.socket" not in kept
    assert "etc/systemd/system/multi-user.target.wants/hookd-boot.service" in kept


def test_an_upgrade_in_mid_hook_disturbs_nothing(new_package_root, rpms, previous_rpm):
    root = new_package_root("3.7")
    root.install(previous_rpm)
    root.put("srv/new.rpm", rpms["x86_64"].read_bytes())
    hook(root, "pre/30-leave", WAITS)
    hook(root, "pre/50-later")

    done = root.run(
        "hookd run pre --no-daemon & until test -e /srv/began; do sleep 0.05; done;"
        "rpm -U /srv/new.rpm && touch /srv/go; wait $!"
    )

    assert (done.returncode, done.stdout.split(" ")[0]) == (0, "passed:"), done
    assert root.at("srv/ran").read_text() == "pre/30-leave\npre/50-later\n"
    assert root.must(["hookd", "--version"]) == f"hookd {hookd.__version__}\n"
    assert operation(root, "post", "on-exit") == [0, 0]


def test_a_phase_that_runs_imports_nothing_any_more(root):
    """Whatever an upgrade puts there, or takes away, in its middle."""
    hook(root, "pre/30-leave", WAITS)
    hook(root, "pre/50-later")

    done = root.run(
        "hookd run pre --no-daemon & until test -e /srv/began; do sleep 0.05; done;"
        "rm -rf /usr/lib/hookd/lib; touch /srv/go; wait $!"
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("passed: pre of operation ")


def test_after_it_is_erased_its_state_is_left_and_nothing_else(root):
    hook(root, "pre/10-check")
    root.put("etc/hookd/hookd.toml", b"[run]\ndeadline = '50m'\n")
    operation(root, "pre")

    code, said = root.rpm("-e", "hookd")

    identity = said[0].split(" ")[2]
    warning = f"hookd: operation {identity} is not over; what it owes will not be done. "
    assert (code, said) == (
        0,
        [
            warning + "Its state stays in /var/lib/hookd",
            "warning: /etc/hookd/hookd.toml saved as /etc/hookd/hookd.toml.rpmsave",
        ],
    )
    left = [path for path in root.ours() if not path.startswith(("var/lib/hookd/", "run/"))]
    assert left == [
        "etc/hookd",
        "etc/hookd/hookd.toml.rpmsave",
        "etc/hookd/hooks.d",
        "etc/hookd/hooks.d/pre",
        "etc/hookd/hooks.d/pre/10-check",
        "var/lib/hookd",
        "var/log/hookd",
        "var/log/hookd/results.jsonl",
    ]
    assert f"var/lib/hookd/operations/{identity}/journal.jsonl" in root.ours()


def test_a_new_install_goes_on_with_what_was_left(root, rpms):
    operation(root, "pre")
    assert root.rpm("-e", "hookd")[0] == 0
    root.install(rpms["x86_64"])

    assert operation(root, "post", "on-exit") == [0, 0]
    assert [run["phase"] for run in shown(root)["phases"]] == list(PHASES)


def test_erasing_it_unused_leaves_nothing(root):
    assert root.rpm("-e", "hookd") == (0, [])
    assert root.ours() == []
