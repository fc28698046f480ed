"""Which files are hooks: two trees, masks, the name filter, refusals, and what was read of each."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import time

import pytest

from hookd.config import Config, HookOverride, OverrideConfig, Problem
from hookd.core.model import Hook, HookSpec, HookState, Phase
from hookd.system.hooks.discovery import Discovery, discover, inspect, is_unchanged
from hookd.system.hooks.lint import lint, unmatched
from hookd.system.root import Root

ADMIN = "/etc/hookd/hooks.d"
VENDOR = "/usr/lib/hookd/hooks.d"
SCRIPT = b"#!/bin/sh\nexit 0\n"


@pytest.fixture
def base(tmp_path):
    base = tmp_path / "root"
    for tree in (ADMIN, VENDOR):
        for phase in Phase:
            (base / tree[1:] / phase.value).mkdir(parents=True)
    for directory in (base, *base.glob("**/")):
        directory.chmod(0o755)
    return base


def add(base, name, data=SCRIPT, *, tree=ADMIN, phase="pre", mode=0o755):
    path = os.fsencode(f"{base}{tree}/{phase}/") + os.fsencode(name)
    with open(path, "wb") as file:
        file.write(data if isinstance(data, bytes) else data.encode())
    os.chmod(path, mode)
    return os.fsdecode(path)


def found(base, phase=Phase.PRE, config=None):
    return discover(Root(str(base)), phase, config or Config())


def states(base, **more):
    return [
        (hook.name, hook.state.value, hook.reason.replace(str(base), ""))
        for hook in found(base, **more).hooks
    ]


def test_a_hook_is_found_with_all_that_the_result_tells_of_it(base):
    path = add(base, "10-x", mode=0o750)
    status = os.stat(path)
    hook = Hook(
        phase=Phase.PRE,
        name="10-x",
        path=path,
        state=HookState.READY,
        spec=HookSpec(required=True),
        sha256=hashlib.sha256(SCRIPT).hexdigest(),
        owner=status.st_uid,
        mode="0750",
        stamp=(
            status.st_dev,
            status.st_ino,
            status.st_size,
            status.st_mtime_ns,
            status.st_ctime_ns,
        ),
    )
    assert found(base) == Discovery((hook,), (), ())


def test_no_directory_is_no_hook(tmp_path):
    (tmp_path / "empty").mkdir(mode=0o755)
    assert found(tmp_path / "empty") == Discovery((), (), ())


def test_both_trees_are_merged_in_byte_order(base):
    for name in ("20-b", "10-a", "9-z", "A", "é"):
        add(base, name)
    for name in ("15-v", "Z"):
        add(base, name, tree=VENDOR)
    names = ["10-a", "15-v", "20-b", "9-z", "A", "Z", "é"]
    assert [hook.name for hook in found(base).hooks] == names


def test_the_file_of_the_admin_stands_for_that_of_the_vendor(base):
    path = add(base, "10-x")
    add(base, "10-x", tree=VENDOR)
    assert [hook.path for hook in found(base).hooks] == [path]


def test_phases_have_directories_of_their_own(base):
    add(base, "10-x", phase="on-exit")
    assert (found(base).hooks, len(found(base, Phase.ON_EXIT).hooks)) == ((), 1)


@pytest.mark.parametrize(
    ("phase", "required"), [(Phase.PRE, True), (Phase.POST, False), (Phase.ON_EXIT, True)]
)
def test_what_is_required_by_default_depends_on_the_phase(base, phase, required):
    add(base, "10-x", phase=phase.value)
    [hook] = found(base, phase).hooks
    assert hook.spec == HookSpec(required=required)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        (".hidden", "starts with a dot"),
        ("x~", "is an editor's backup"),
        ("x.rpmsave", "was left by rpm"),
        ("x.rpmnew", "was left by rpm"),
        ("x.rpmorig", "was left by rpm"),
        ("x.swp", "is an editor's or a person's backup"),
        ("x.bak", "is an editor's or a person's backup"),
        ("x.dpkg-dist", "was left by dpkg"),
        ("x.dpkg-old", "was left by dpkg"),
        ("README", "is a README"),
        ("README.txt", "is a README"),
        ("notes.md", "is a .md file"),
    ],
)
def test_names_that_are_no_hooks_are_left_out_with_the_reason(base, name, why):
    add(base, name)
    assert states(base) == [(name, "left-out", f"its name {why}")]
    assert found(base).problems == ()


@pytest.mark.parametrize("name", ["x.sh", "x.py", "a.mdx", "xREADME", "x.baker", "x,y", "-x"])
def test_other_names_are_hooks(base, name):
    add(base, name)
    assert states(base) == [(name, "ready", "")]


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"10 a b", "10 a b"),
        (b"10-\n", "10-\\x0a"),
        (b"10-\xff\xfe", "10-\\xff\\xfe"),
        (b"10-'$(x)", "10-'$(x)"),
    ],
)
def test_any_name_can_be_a_hook(base, raw, shown):
    path = add(base, raw)
    [hook] = found(base).hooks
    assert (hook.name, hook.path, hook.state) == (shown, path, HookState.READY)
    assert os.fsencode(hook.path).endswith(b"/" + raw)


@pytest.mark.parametrize("tree", [ADMIN, VENDOR])
def test_a_link_to_dev_null_masks(base, tree):
    os.symlink("/dev/null", f"{base}{tree}/pre/10-x")
    if tree == ADMIN:
        add(base, "10-x", tree=VENDOR)
    assert states(base) == [("10-x", "masked", f"{tree}/pre/10-x is a link to /dev/null")]


@pytest.mark.parametrize("mode", [0o755, 0o644])
def test_an_empty_file_over_a_hook_of_the_vendor_masks_it(base, mode):
    add(base, "10-x", b"", mode=mode)
    add(base, "10-x", tree=VENDOR)
    assert states(base) == [("10-x", "masked", f"{ADMIN}/pre/10-x is empty")]


@pytest.mark.parametrize("tree", [ADMIN, VENDOR])
def test_an_empty_file_over_nothing_is_refused(base, tree):
    add(base, "10-x", b"", tree=tree)
    assert states(base) == [
        ("10-x", "refused", "is empty; to mask a hook link its name to /dev/null")
    ]


def test_a_file_that_is_not_executable_is_left_out_with_a_warning(base):
    path = add(base, "10-x", mode=0o644)
    add(base, "10-x", tree=VENDOR)
    reason = f"is not executable: chmod +x {path}"
    assert [(h.state, h.reason) for h in found(base).hooks] == [(HookState.LEFT_OUT, reason)]
    assert found(base).problems == (Problem(path, "", reason, is_warning=True),)


def test_a_refused_file_of_the_admin_never_lets_that_of_the_vendor_run(base):
    add(base, "10-x", mode=0o777)
    add(base, "10-x", tree=VENDOR)
    reason = f"{ADMIN}/pre/10-x can be written by others (mode 0777): chmod go-w {ADMIN}/pre/10-x"
    assert states(base) == [("10-x", "refused", reason)]


def test_an_untrusted_directory_refuses_all_its_hooks_and_warns_once(base):
    add(base, "10-x")
    add(base, "20-x")
    add(base, "30-v", tree=VENDOR)
    os.chmod(f"{base}/etc/hookd", 0o777)
    reason = "/etc/hookd can be written by others (mode 0777): chmod go-w /etc/hookd"
    assert states(base) == [
        ("10-x", "refused", reason),
        ("20-x", "refused", reason),
        ("30-v", "ready", ""),
    ]
    assert [(p.file, p.is_warning) for p in found(base).problems] == [
        (f"{base}{ADMIN}/pre", True),
        (f"{base}{ADMIN}/pre/10-x", False),
        (f"{base}{ADMIN}/pre/20-x", False),
    ]


def test_an_untrusted_file_is_not_believed_when_it_says_it_is_not_required(base):
    add(base, "10-x", "#!/bin/sh\n# /// hookd\n# required = false\n# ///\n", mode=0o777)
    [hook] = found(base).hooks
    assert (hook.spec, hook.sha256, hook.mode) == (HookSpec(required=True), "", "0777")


@pytest.mark.parametrize(("make", "kind"), [(os.mkdir, "a directory"), (os.mkfifo, "a FIFO")])
def test_what_is_no_file_is_refused(base, make, kind):
    make(f"{base}{ADMIN}/pre/10-x")
    reason = f"{ADMIN}/pre/10-x is {kind}: move it away"
    assert states(base) == [("10-x", "refused", reason)]


def test_a_directory_of_hooks_that_cannot_be_listed_is_a_problem_and_stops_the_vendors(base):
    os.rmdir(f"{base}{ADMIN}/pre")
    (base / ADMIN[1:] / "pre").write_text("x")
    add(base, "10-x", tree=VENDOR)
    listed = f"cannot be listed: {base}{ADMIN}/pre is no directory"
    problem = Problem(f"{base}{ADMIN}/pre", "", listed)
    assert found(base).unreadable == (problem,)
    assert found(base).problems[0] == problem
    reason = f"{ADMIN}/pre, which may mask it, cannot be listed: {ADMIN}/pre is no directory"
    assert states(base) == [("10-x", "refused", reason)]


@pytest.mark.parametrize("link", [f"{ADMIN}/pre", ADMIN, "/etc/hookd"])
def test_a_link_to_a_directory_that_is_not_there_is_no_empty_directory(base, link):
    os.rename(f"{base}{link}", f"{base}/old")
    os.symlink("/mnt/gone", f"{base}{link}")
    reason = f"cannot be listed: {base}/mnt does not exist"
    assert [problem.reason for problem in found(base).unreadable] == [reason]


def test_a_link_to_a_directory_without_that_phase_is_no_hook(base):
    os.rename(f"{base}{ADMIN}", f"{base}/old")
    os.symlink("/old", f"{base}{ADMIN}")
    os.rmdir(f"{base}/old/pre")
    assert found(base) == Discovery((), (), ())


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_what_may_not_be_read_is_refused(base):
    path = add(base, "10-x", mode=0o300)
    assert [(h.state, h.reason) for h in found(base).hooks] == [
        (HookState.REFUSED, f"{path}: Permission denied")
    ]


def test_a_link_runs_what_it_links_to(base):
    (base / "opt").mkdir(mode=0o755)
    (base / "opt/real").write_bytes(SCRIPT)
    (base / "opt/real").chmod(0o700)
    os.symlink("/opt/real", f"{base}{ADMIN}/pre/10-x")
    [hook] = found(base).hooks
    assert (hook.name, hook.path, hook.mode, hook.state) == (
        "10-x", f"{base}/opt/real", "0700", HookState.READY,
    )  # fmt: skip


METADATA = """\
#!/bin/sh
# /// hookd
# timeout = "5m"
# retries = 2
# required = false
# ///
"""


def test_metadata_comes_over_the_defaults_and_the_configuration_over_both(base):
    add(base, "10-x", METADATA)
    said = HookOverride(retries=1, settings={"A": "1"}, source="c")
    [hook] = found(base, config=Config(hooks={"pre/10-x": said})).hooks
    assert hook.spec == HookSpec(timeout_s=300.0, retries=1, required=False, settings={"A": "1"})


def test_a_binary_is_described_by_the_configuration_only(base):
    add(base, "10-x", b"\x7fELF\0\n" + METADATA.encode())
    config = Config(hooks={"pre/10-x": HookOverride(retries=1)})
    [hook] = found(base, config=config).hooks
    assert (hook.state, hook.spec) == (HookState.READY, HookSpec(retries=1))


def test_a_hook_that_the_configuration_disables_is_masked_unseen(base):
    add(base, "10-x", mode=0o777)
    said = HookOverride(enabled=False, source="/etc/hookd/conf.d/a.toml")
    assert states(base, config=Config(hooks={"pre/10-x": said})) == [
        ("10-x", "masked", "disabled by /etc/hookd/conf.d/a.toml")
    ]
    assert found(base, config=Config(hooks={"pre/10-x": said})).problems == ()


def test_enabling_in_the_configuration_lifts_no_mask(base):
    os.symlink("/dev/null", f"{base}{ADMIN}/pre/10-x")
    config = Config(hooks={"pre/10-x": HookOverride(enabled=True)})
    assert [state for _, state, _ in states(base, config=config)] == ["masked"]


def test_bad_metadata_refuses_the_hook_and_tells_every_line(base):
    path = add(base, "10-x", METADATA.replace("2", "'2'").replace("5m", "5"))
    duration = '\'5\' is no duration: write "500ms", "10s", "55m" or "1h30m"'
    assert found(base).problems == (
        Problem(path, "timeout", duration, 3),
        Problem(path, "retries", "must be a whole number, not text", 4),
    )
    [hook] = found(base).hooks
    assert (hook.state, hook.spec) == (HookState.REFUSED, HookSpec(required=True))
    assert hook.reason == (
        f"line 3: timeout: {duration}; line 4: retries: must be a whole number, not text"
    )


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"#!/bin/bash\r\n", "its #! line ends with a carriage return: sed -i 's/\\r$//' "),
        (b"#!/no/such\n", "its interpreter /no/such does not exist"),
        (b"exit 0\n", "has no #! line: start it with #!/bin/sh"),
    ],
)
def test_what_the_kernel_would_not_start_is_refused(base, data, reason):
    add(base, "10-x", data)
    [(_, state, why)] = states(base)
    assert (state, why.startswith(reason)) == ("refused", True)


def test_a_file_system_mounted_noexec_refuses(base, monkeypatch):
    path = add(base, "10-x")
    real = os.statvfs(path)
    flagged = os.statvfs_result((*real[:8], real.f_flag | os.ST_NOEXEC, *real[9:]))
    monkeypatch.setattr(os, "fstatvfs", lambda _descriptor: flagged)
    assert [h.reason for h in found(base).hooks] == [f"{path} is on a file system mounted noexec"]


def test_warnings_do_not_stop_a_hook(base):
    path = add(base, "10-x.sh", b"#!/usr/bin/env python3\n")
    result = found(base)
    assert result.hooks[0].state is HookState.READY
    assert result.problems[-1] == Problem(
        path, "", "is named .sh but is run by python3", is_warning=True
    )


def test_a_file_of_more_than_64_mebibytes_is_refused_unread(base):
    path = add(base, "10-x")
    os.truncate(path, 1 << 40)
    reason = f"{path}: is larger than 64 MiB: start the program from a small hook"
    assert [(h.state, h.reason) for h in found(base).hooks] == [(HookState.REFUSED, reason)]


def test_the_checksum_covers_the_whole_file(base):
    data = SCRIPT + bytes(3 << 20) + b"end"
    add(base, "10-x", data)
    assert found(base).hooks[0].sha256 == hashlib.sha256(data).hexdigest()


def test_ten_thousand_hooks_take_seconds(base):
    for n in range(10000):
        add(base, f"{n:05}")
    began = time.process_time()
    hooks = found(base).hooks
    assert time.process_time() - began < 10
    assert (len(hooks), {hook.state for hook in hooks}) == (10000, {HookState.READY})


def append(path):
    with open(path, "ab") as file:
        file.write(b"#")


def replace_by_copy(path):
    os.rename(path, path + ".old")
    with open(path, "wb") as file:
        file.write(SCRIPT)
    os.chmod(path, 0o755)


def replace_by_link(path):
    os.rename(path, path + ".old")
    os.symlink(path + ".old", path)


@pytest.mark.parametrize(
    "change",
    [append, replace_by_copy, replace_by_link, os.unlink, lambda path: os.chmod(path, 0o777)],
)
def test_any_change_of_the_file_is_noticed(base, change):
    path = add(base, "10-x")
    [hook] = found(base).hooks
    assert is_unchanged(hook)
    change(path)
    assert not is_unchanged(hook)


def test_a_file_that_changed_is_inspected_anew(base):
    config = Config(hooks={"pre/10-x": HookOverride(retries=7)})
    path = add(base, "10-x")
    [before] = found(base, config=config).hooks
    with open(path, "wb") as file:
        file.write(METADATA.encode())
    [now] = found(base, config=config).hooks
    assert inspect(Root(str(base)), before, config) == now
    assert now.sha256 == hashlib.sha256(METADATA.encode()).hexdigest()
    assert now.spec == HookSpec(timeout_s=300.0, required=False, retries=7)


def test_a_file_that_is_gone_is_refused_by_inspection(base):
    path = add(base, "10-x")
    [hook] = found(base).hooks
    os.unlink(path)
    gone = inspect(Root(str(base)), hook, Config())
    assert gone == Hook(
        Phase.PRE, "10-x", path, HookState.REFUSED, f"{path} does not exist", HookSpec()
    )


def test_a_copy_is_inspected_under_the_name_of_its_hook(base):
    add(base, "10-x")
    [hook] = found(base).hooks
    copy = base / "var"
    copy.mkdir(mode=0o755)
    (copy / "copy").write_bytes(SCRIPT)
    (copy / "copy").chmod(0o700)
    seen = inspect(Root(str(base)), dataclasses.replace(hook, path=f"{copy}/copy"), Config())
    assert (seen.id, seen.path, seen.state, seen.sha256) == (
        "pre/10-x", f"{copy}/copy", HookState.READY, hook.sha256,
    )  # fmt: skip


# -- lint: what only shows between hooks -------------------------------------------------------


def hook(name, state=HookState.READY, reason="", **spec):
    phase, _, short = name.partition("/")
    return Hook(Phase(phase), short, f"/h/{name}", state, reason, HookSpec(**spec))


@pytest.mark.parametrize(
    ("hooks", "problems"),
    [
        ([hook("pre/30"), hook("on-exit/70", undoes="pre/30")], ()),
        (
            [hook("on-exit/70", undoes="pre/30")],
            (Problem("/h/on-exit/70", "undoes", "there is no hook pre/30"),),
        ),
        (
            [
                hook("pre/30", HookState.MASKED, "/e/pre/30 is empty"),
                hook("on-exit/70", undoes="pre/30"),
            ],
            (
                Problem(
                    "/h/on-exit/70",
                    "undoes",
                    "pre/30 never runs (/e/pre/30 is empty), so this undo is never owed",
                    is_warning=True,
                ),
            ),
        ),
        ([hook("on-exit/70", HookState.MASKED, undoes="pre/30")], ()),
        (
            [hook("pre/30", user="app"), hook("on-exit/70", undoes="pre/30")],
            (Problem("/h/on-exit/70", "user", "is not set, but app in pre/30: use one"),),
        ),
        ([hook("pre/30", user="app"), hook("on-exit/70", user="app", undoes="pre/30")], ()),
    ],
)
def test_undos_are_held_against_what_they_undo(hooks, problems):
    assert lint(hooks, Config()) == problems


def test_what_the_configuration_names_must_exist():
    config = Config(
        hooks={"pre/30": HookOverride(source="a"), "pre/31": HookOverride(source="a")},
        override=OverrideConfig("2026-12-01T00:00:00.000000Z", "r", ("pre/30", "pre/32")),
    )
    expected = (
        Problem("a", 'hooks."pre/31"', "there is no such hook", is_warning=True),
        Problem("", "override.hooks", "there is no hook pre/32", is_warning=True),
    )
    assert unmatched(config, [hook("pre/30")]) == expected
    assert lint([hook("pre/30")], config) == expected
