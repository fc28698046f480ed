"""`hookd collect` as a process: the bundle is read back with tarfile."""

from __future__ import annotations

import hashlib
import io
import json
import os
import pathlib
import re
import tarfile

import pytest
from support import hostroot
from support.fakeroot import FakeRoot

SECRET = "hunter2hunter2"
ANSWERS = ("environment", "config", "status", "doctor", "check", "hooks", "history", "ssm-agent")
NOT_RUNNING = "nothing runs below another root"


class Bundle:
    """A bundle by the names below its folder, and its manifest."""

    def __init__(self, data: bytes):
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as tar:
            entries = tar.getmembers()
            assert [e.name for e in entries if not e.isreg() or e.mode != 0o600 or e.uid] == []
            self.folder = entries[0].name.partition("/")[0]
            names = [entry.name[len(self.folder) + 1 :] for entry in entries]
            self.files = {n: tar.extractfile(e).read() for n, e in zip(names, entries)}
        self.names = names
        self.manifest = json.loads(self.files["manifest.json"])

    def json(self, name):
        return json.loads(self.files[name])


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    """Give a root with a finished, a damaged and an open operation, and their ids."""
    root = FakeRoot(tmp_path_factory.mktemp("node"))
    root.config(f'[hooks."pre/10-a".settings]\nDB_TOKEN = "{SECRET}"\nPORT = "8080"\n')
    (root.path / "etc/hookd/hookd.toml").chmod(0o600)
    root.hook("pre", "10-a", f"echo password={SECRET}; echo kept >$HOOKD_SCRATCH/precious")
    root.undo("70-b", "10-a", "true")
    ids = []
    for phases in (("pre", "post", "on-exit"), ("pre", "post", "on-exit"), ("pre",)):
        for phase in phases:
            assert root.run("run", phase)[0] == 0
        ids.append(root.journal()[0]["id"])
    damaged = root.path / "var/lib/hookd/operations" / ids[1]
    (damaged / "journal.jsonl").write_bytes(b'\0\xff{"n":1,"password":"' + SECRET.encode() + b'"\n')
    (damaged / "result.json").unlink()
    os.mkfifo(str(damaged / "result.json"))
    (damaged / "snapshots/before.json").unlink()
    (damaged / "snapshots/before.json").symlink_to("/etc/shadow")
    return root, ids


def _collect(root, *words):
    file = root.path.parent / "bundle.tar.gz"
    code, out, err = root.run("collect", "--output", str(file), *words)
    assert (code, err) == (0, ""), (out, err)
    assert oct(file.stat().st_mode & 0o7777) == "0o600"
    data = file.read_bytes()
    file.unlink()
    assert os.listdir(str(root.path.parent)) == ["root"]
    return Bundle(data), out


def _files_of(root, operation_id):
    folder = root.path / "var/lib/hookd/operations" / operation_id
    found = [p for p in folder.rglob("*") if p.is_file() and not p.is_symlink()]
    return {str(p.relative_to(folder)): p for p in found}


def test_a_bundle_has_the_finished_the_damaged_and_the_open_operation(node):
    root, (finished, damaged, still_open) = node
    before = {str(p): os.lstat(str(p)).st_mtime_ns for p in root.path.rglob("*")}

    bundle, out = _collect(root)

    assert {str(p): os.lstat(str(p)).st_mtime_ns for p in root.path.rglob("*")} == before
    expected = [f"{name}.json" for name in ANSWERS]
    for one in (still_open, finished, damaged):
        theirs = _files_of(root, one)
        expected += [
            f"operations/{one}/{name}"
            for name in sorted(theirs, key=lambda name: ("/" in name, name))
            if name != "lock" and not name.startswith(("undo/", "scratch/"))
        ]
    members = bundle.manifest.pop("members")
    left_out = {one["name"]: one["reason"] for one in bundle.manifest.pop("left_out")}
    created_at = bundle.manifest.pop("created_at")
    assert bundle.manifest == {
        "format": 1,
        "version": bundle.json("environment.json")["hookd"]["version"],
        "host": {},
        "operations": [still_open, finished, damaged],
        "most_bytes": 64 << 20,
    }
    assert re.fullmatch(r"hookd-node-\d{8}T\d{6}Z", bundle.folder)
    assert bundle.folder[11:26] == re.sub("[-:]", "", created_at)[:15]
    assert [*[one["name"] for one in members], "manifest.json"] == bundle.names
    assert bundle.names == [*expected, "results.jsonl", "manifest.json"]
    for one in members:
        data = bundle.files[one["name"]]
        assert (one["size"], one["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
    kept_back = {
        f"operations/{one}/{name}": reason
        for one in (still_open, finished, damaged)
        for name, reason in (
            ("lock", "a lock"),
            ("scratch", "hooks keep there what they like"),
            ("undo", "copies of hooks: hooks.json and the journal have their digests"),
        )
    }
    assert left_out == {
        **kept_back,
        "units.json": NOT_RUNNING,
        "hookd.log": NOT_RUNNING,
        f"operations/{damaged}/result.json": "a FIFO",
        f"operations/{damaged}/snapshots/before.json": "a symbolic link, which is not followed",
    }
    inside = f"operations/{damaged}/"
    places = [one["source"] for one in members if one["name"].startswith(inside)]
    assert places == [f"/var/lib/hookd/{name}" for name in expected if name.startswith(inside)]
    assert out.splitlines()[0].endswith(f"bundle.tar.gz: {len(members)} files and manifest.json")


def test_what_leaves_the_machine_has_no_secret_and_all_else_as_it_was(node):
    root, (finished, _, still_open) = node
    bundle, _ = _collect(root)

    assert [name for name, data in bundle.files.items() if SECRET.encode() in data] == []
    folder = root.path / "var/lib/hookd/operations" / finished
    inside = f"operations/{finished}"
    assert bundle.files[f"{inside}/hooks/pre-1/10-a.out"] == b"password=[masked]\n"
    assert SECRET in (folder / "hooks/pre-1/10-a.out").read_text()
    for name in ("before", "arrived"):
        stored = (folder / f"snapshots/{name}.json").read_bytes()
        assert bundle.files[f"{inside}/snapshots/{name}.json"] == stored
    events = [json.loads(line) for line in bundle.files[f"{inside}/journal.jsonl"].splitlines()]
    stored = [json.loads(one) for one in (folder / "journal.jsonl").read_bytes().splitlines()]
    stored[0]["config"]["hooks"]["pre/10-a"]["settings"]["DB_TOKEN"] = "[masked]"
    assert events[0] == stored[0]
    assert [(e["n"], e["event"]) for e in events] == [(e["n"], e["event"]) for e in stored]
    assert bundle.json("config.json")["effective"]["hooks"]["pre/10-a"]["settings"] == {
        "DB_TOKEN": "[masked]",
        "PORT": "8080",
    }
    hooks = {hook["name"]: hook["sha256"] for hook in bundle.json("hooks.json")}
    script = (root.path / "etc/hookd/hooks.d/pre/10-a").read_bytes()
    assert hooks["10-a"] == hashlib.sha256(script).hexdigest()
    assert {one["id"] for one in bundle.json("status.json")["operations"]} == {still_open}


def test_what_does_not_fit_is_named_and_the_bundle_is_whole(node):
    root, _ = node

    bundle, out = _collect(root, "--max-size", "9000", "--last", "1")

    members, left_out = bundle.manifest["members"], bundle.manifest["left_out"]
    assert sum(one["size"] for one in members) <= 9000
    journal = next(one for one in left_out if one["name"].endswith("/journal.jsonl"))
    assert re.fullmatch(r"it does not fit: \d+ bytes were left", journal["reason"])
    assert f"  not in it: {journal['name']} ({journal['reason']})" in out.splitlines()


def test_standard_output_takes_the_archive_and_nothing_else(node):
    root, _ = node
    process = root.start("collect", "--output", "-", "--within", "0.001")
    out, err = process.communicate(timeout=60)

    bundle = Bundle(out)

    assert process.returncode == 0
    late = {one["name"]: one["reason"] for one in bundle.manifest["left_out"]}
    assert bundle.names[-1] == "manifest.json"
    assert late["status.json"] == late["results.jsonl"] == "there was no time left"
    assert err.decode().startswith("standard output: ")


def test_a_list_says_what_there_would_be_and_writes_nothing(node):
    root, (finished, _, _) = node
    code, out, _ = root.run("collect", finished, "--list")
    rows = root.json("collect", finished, "--list")

    assert code == 0
    assert rows[2] == {"name": "status.json", "source": "hookd status --json", "reason": ""}
    assert [line.split()[0] for line in out.splitlines()] == [row["name"] for row in rows]
    assert not (root.path / "var/tmp").exists()


def test_what_is_there_is_not_written_over_and_no_part_is_left_where_there_is_no_place(node):
    root, _ = node
    there = root.path.parent / "there"
    there.symlink_to("/etc/shadow")
    try:
        taken = root.run("collect", "--output", str(there))
    finally:
        there.unlink()
    no_place = root.run("collect")  # this root has no /var/tmp

    hint = "\n  name another place: --output FILE\n"
    assert taken == (
        1,
        "",
        f"hookd: the bundle cannot be written to {there}: it is there already{hint}",
    )
    assert no_place[:2] == (1, "")
    assert no_place[2].endswith(f": No such file or directory{hint}")
    assert root.run("collect", "--json", "--output", "-")[0] == 2
    assert root.run("collect", "--last", "0")[0] == 2


def test_one_operation_is_had_by_its_id_though_it_is_damaged_and_json_says_where(node):
    root, (_, damaged, _) = node
    (root.path / "var/tmp").mkdir()
    found = root.json("collect", damaged)

    bundle = Bundle(pathlib.Path(found["file"]).read_bytes())

    assert found["manifest"] == bundle.manifest
    assert found["manifest"]["operations"] == [damaged]
    assert found["file"] == str(root.path / f"var/tmp/{bundle.folder}.tar.gz")


def test_a_phase_that_runs_meanwhile_is_told_of_and_not_disturbed(tmp_path):
    root = FakeRoot(tmp_path)
    wait = "touch $R/began; until [ -e $R/go ]; do sleep 0.05; done; echo done"
    root.hook("pre", "10-slow", wait.replace("$R", "$HOOKD_ROOT"))
    process = root.start("run", "pre")
    try:
        root.wait_for("began")
        bundle, _ = _collect(root)
        (root.path / "go").touch()
        process.communicate(timeout=60)
    finally:
        root.end()

    (operation_id,) = bundle.manifest["operations"]
    assert bundle.json("status.json")["running"]["operation"] == operation_id
    assert b"hook-spawned" in bundle.files[f"operations/{operation_id}/journal.jsonl"]
    assert process.returncode == 0
    assert root.result()["phases"][0]["hooks"][0]["stdout"]["head"] == "done\n"


@pytest.mark.skipif(bool(hostroot.why_not()), reason=hostroot.why_not())
def test_on_a_machine_that_runs_its_units_and_log_are_in_it(tmp_path):
    root = hostroot.HostRoot(tmp_path)
    root.systemd()
    root.answer("show", "Id=hookd.socket\nActiveState=active\n\nId=hookd.service\nNRestarts=3")
    root.write("bin/journalctl", f"#!/bin/sh\necho $* password={SECRET}\n", 0o755)

    code, _, err = root.run("collect", "--output", "/var/bundle.tar.gz")

    assert (code, err) == (0, "")
    bundle = Bundle((root.path / "var/bundle.tar.gz").read_bytes())
    assert bundle.json("units.json") == [
        {"Id": "hookd.socket", "ActiveState": "active"},
        {"Id": "hookd.service", "NRestarts": "3"},
    ]
    units = "--unit=hookd.socket --unit=hookd.service --unit=hookd-boot.service"
    asked = f"-q --no-pager -r -o short-iso -n 2000 {units}"
    assert bundle.files["hookd.log"].decode() == f"{asked} password=[masked]\n"
