"""Hooks where no temporary file can be made: before 5.1 a shell needs one for each `<<<`."""

from __future__ import annotations

import json

import pytest
from support.balancers import Haproxy, Nginx
from support.fakeroot import is_root
from support.shipped import Alone, executable
from support.webhook import listening
from test_notify_hook import NOTIFY, Told

# BASH_COMPAT makes a newer bash use files for that as 4.2 does, in TMPDIR.
FULL = 'mount -t tmpfs -o nr_inodes=1 none "$TMPDIR"; exec "$@"'
SYSTEMCTL = """#!/bin/sh
case $* in
show*) echo ActiveState=active; echo Type=simple ;;
try-restart*) echo "$*" >>"${0%/*}/done" ;;
esac
"""

pytestmark = pytest.mark.skipif(not is_root(), reason="a mount namespace is made by root")


@pytest.fixture
def alone(tmp_path):
    return Alone(tmp_path)


def on_full_disk(alone, hook, script=FULL, **settings):
    full = alone.bin.parent / "full"
    full.mkdir(exist_ok=True)
    within = ("unshare", "--mount", "--propagation", "private", "sh", "-euc", script, "sh")
    surely = {"BASH_COMPAT": "4.2", "TMPDIR": str(full)}
    return alone.run(hook, within=within, **surely, **settings)


def put_back(alone, hook, **settings):
    """Run an undo where its output finds no room either."""
    return on_full_disk(alone, hook, f"export HOOKD_OUTPUT=/dev/full; {FULL}", **settings)


def test_the_calendar_holds(alone):
    done = on_full_disk(alone, "pre/05-hold", BLACKOUT="2001-01-01; 00:00-24:00")

    assert (done.code, done.reason) == (1, "held: blackout 00:00-24:00 (UTC)")


def test_who_is_logged_in_holds(alone):
    (alone.root / "var/run").mkdir(parents=True)
    (alone.root / "var/run/utmp").write_bytes(b"")
    executable(alone.bin / "who", "#!/bin/sh\necho 'alice pts/1 2026-11-25 08:00'\n")

    done = on_full_disk(alone, "pre/05-hold", HOLD_USERS="any !bob")

    assert (done.code, done.reason) == (1, "held: alice is logged in")


def test_room_is_looked_at(alone):
    executable(alone.bin / "df", "#!/bin/sh\nprintf 'Avail Size\\n    0 8000\\n'\n")

    done = on_full_disk(alone, "pre/10-preflight", CHECKS="disk")

    assert (done.code, done.reason) == (1, "/ has 0 MB free, not 1024")


def test_packages_are_looked_at(alone):
    (alone.root / "var/lib/rpm").mkdir(parents=True)
    (alone.root / "var/lib/rpm/Packages").touch()
    executable(alone.bin / "rpm", "#!/bin/sh\nprintf '%s\\n' a.x86_64 b.x86_64 a.x86_64\n")

    done = on_full_disk(alone, "pre/10-preflight", CHECKS="duplicates")

    assert (done.code, done.reason) == (1, "twice: a.x86_64")


def test_a_backup_is_made_where_there_is_room(alone):
    (alone.root / "etc").mkdir()
    (alone.root / "etc/app.conf").touch()

    done = on_full_disk(alone, "pre/20-backup-config", BACKUP_PATHS="/etc/app.conf\n/etc/a*")

    assert (done.code, done.outputs["backup_files"]) == (0, "2")


# The application is on that disk as well, and the tool fills it.
FILLS = """#!/bin/sh
[ "$1" != list ] || exit 0
rm vendor/bundle/gem Gemfile.lock
while : >"vendor/bundle/$((n += 1))"; do :; done
"""
APPLICATION = """
mount -t tmpfs -o nr_inodes=60 none "$TMPDIR"
cp -a "$DIRECTORY-before/." "$TMPDIR"
mount --bind "$TMPDIR" "$DIRECTORY"
code=0
"$@" || code=$?
cp -a "$DIRECTORY/." "$DIRECTORY-after"
exit $code
"""


def test_what_an_update_has_spoilt_is_put_back(alone, tmp_path):
    before, app, after = (tmp_path / name for name in ("app-before", "app", "app-after"))
    (before / "vendor/bundle").mkdir(parents=True)
    for name in ("Gemfile", "Gemfile.lock", "vendor/bundle/gem"):
        (before / name).write_text("old\n")
    app.mkdir()
    executable(alone.bin / "bundle", FILLS)
    settings = {"DIRECTORY": app, "ALLOW_ROOT": "true", "ARGS": "--local\n-q"}

    done = on_full_disk(alone, "post/20-update-dependencies", APPLICATION, **settings)

    assert (done.code, done.reason) == (1, f"bundle install failed; {app} is as it was")
    assert (after / "vendor/bundle/gem").read_text() == "old\n"
    assert (after / "Gemfile.lock").read_text() == "old\n"
    assert not (after / ".hookd-before").exists()


def test_what_is_excluded_is_not_restarted(alone, tmp_path):
    found = [{"pid": 2, "unit": "a.service"}, {"pid": 3, "unit": "b.service"}]
    processes = {"standing": "ok", "reason": "", "stale": found}
    (tmp_path / "snapshots").mkdir()
    look = tmp_path / "snapshots/installed.json"
    look.write_text(json.dumps({"node": {"processes": processes}}))
    executable(alone.bin / "systemctl", SYSTEMCTL)

    done = on_full_disk(
        alone,
        "post/40-restart-stale",
        HOOKD_REBOOT_OPTION="NoReboot",
        RESTART="*.service",
        EXCLUDE="a.service",
        STEADY_S=0,
    )

    assert (done.code, done.reason) == (0, "")
    assert (alone.bin / "done").read_text() == "try-restart -- b.service\n"


AWS = """#!/bin/sh
case $* in
*describe-target-health*) printf 'healthy\\n' ;;
*describe-container-instances*) printf 'ACTIVE\\tTrue\\n' ;;
*describe-auto-scaling-instances*) printf 'InService\\n' ;;
esac
"""
GROUP = "arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/web/1"


@pytest.mark.parametrize(
    ("hook", "record", "text", "said"),
    [
        (
            "on-exit/70-join-target-group",
            "targets",
            f"{GROUP}\ti-1\t80\tNone\thealthy\tNone\n",
            "1 targets are in their groups as before\n",
        ),
        (
            "on-exit/70-activate-ecs",
            "ecs",
            "blue\ti-1\tACTIVE\t-\teu-west-1\n",
            "i-1 is active in blue\n",
        ),
        (
            "on-exit/70-exit-standby",
            "standby",
            "web\ti-1\tInService\teu-west-1\n",
            "i-1 is in service in web\n",
        ),
    ],
    ids=["target-group", "ecs", "standby"],
)
def test_a_node_comes_back_to_what_aws_balances(alone, hook, record, text, said):
    executable(alone.bin / "aws", AWS)
    (alone.scratch / record).write_text(text)

    done = put_back(alone, hook)

    assert (done.code, done.stdout) == (0, said)


def test_a_kubernetes_node_comes_back(alone):
    boot_id = alone.root / "proc/sys/kernel/random/boot_id"
    boot_id.parent.mkdir(parents=True)
    boot_id.write_text("8dd7\n")
    kubectl = executable(alone.bin / "kubectl", "#!/bin/sh\necho '8dd7|false|True'\n")
    (alone.scratch / "node").write_text(f"a\nTrue\nschedulable\n/etc/kube\n{kubectl}\n")

    done = put_back(alone, "on-exit/70-uncordon-kubernetes")

    assert (done.code, done.stdout) == (0, "node a is schedulable, as before\n")


@pytest.mark.parametrize("kind", [Haproxy, Nginx])
def test_a_node_comes_back_to_its_balancer(tmp_path, kind):
    balancer = kind(tmp_path)
    try:
        assert balancer.leaves().code == 0
        done = put_back(Alone(tmp_path), kind.join, **balancer.settings[kind.join])
        balancer.until(lambda: balancer.answers() == ["a", "b"])
    finally:
        balancer.end()

    assert (done.code, done.outputs) == (0, {})


def test_an_application_is_asked(alone):
    # which has no GET
    with listening() as server:
        done = put_back(alone, "on-exit/50-application-health", HTTP=server.url, STATUS="501")

    assert (done.code, done.stdout[:23]) == (0, "the application is well")


def test_people_are_told(tmp_path):
    told, url = Told(tmp_path), tmp_path / "url"
    told.know(checks=[{"id": "disk.low", "outcome": "fail", "severity": "fail"}])
    nowhere = f'mount -t tmpfs -o nr_inodes=1 none "$HOOKD_SCRATCH"; {FULL}'
    settings = {"HOOKD_HEALTH": "failed", "HOOKD_PATH": "patched-rebooted"}

    with listening() as server:
        url.write_text(server.url)
        done = on_full_disk(told, NOTIFY, nowhere, WEBHOOK_FILE=url, **settings)

    state = "i-1f is NOT WELL after patching (patched-rebooted)"
    assert (done.code, done.stdout) == (0, f"told: hookd: {state}\n")
    assert [body["checks"] for _, _, body in server.got] == [["disk.low"]]
