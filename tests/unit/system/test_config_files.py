"""Reading the configuration files: which, in what order, and what hostile ones do (nothing)."""

from __future__ import annotations

import os

import pytest

from hookd.config import Config, HookOverride, Problem, RunConfig, from_json
from hookd.system.config_files import load
from hookd.system.root import Root
from hookd.system.toml import TomlError, parse_toml

MAIN = "/etc/hookd/hookd.toml"
EXTRA = "/etc/hookd/conf.d/"


@pytest.fixture
def base(tmp_path):
    base = tmp_path / "root"
    (base / "etc/hookd/conf.d").mkdir(parents=True)
    for directory in (base, *base.glob("**/")):
        directory.chmod(0o755)
    return base


def write(base, path, data, mode=0o644):
    file = base / path[1:]
    file.write_bytes(data if isinstance(data, bytes) else data.encode())
    file.chmod(mode)
    return str(file)


def problems(base, **more):
    found = load(Root(str(base)), **more).problems
    return [(p.file.replace(str(base), ""), p.key, p.reason, p.line) for p in found]


def test_no_file_at_all_gives_the_defaults(base):
    loaded = load(Root(str(base)))
    assert (loaded.config, loaded.problems, loaded.files) == (Config(), (), ())


def test_a_root_without_etc_gives_the_defaults(tmp_path):
    (tmp_path / "empty").mkdir(mode=0o755)
    assert load(Root(str(tmp_path / "empty"))).config == Config()


def test_conf_d_comes_after_the_main_file_in_byte_order(base):
    main = write(base, MAIN, "[run]\ndeadline = 1\nmax_parallel = 1\noutput_cap = 1\n")
    b = write(base, EXTRA + "b.toml", "[run]\nmax_parallel = 3\n")
    a = write(base, EXTRA + "a.toml", "[run]\nmax_parallel = 2\noutput_cap = 2\n")
    upper = write(base, EXTRA + "Z.toml", "[run]\noutput_cap = 9\n")
    write(base, EXTRA + "c.conf", "not [ toml")
    write(base, EXTRA + ".hidden.toml", "not [ toml")
    loaded = load(Root(str(base)))
    assert (loaded.config.run, loaded.problems) == (
        RunConfig(deadline_s=1.0, max_parallel=3, output_cap=2), (),
    )  # fmt: skip
    assert loaded.files == (main, upper, a, b)


def test_an_explicit_file_replaces_the_main_one_only(base):
    write(base, MAIN, "[run]\ndeadline = 1\n")
    write(base, "/etc/other", "[run]\nmax_parallel = 2\n")
    write(base, EXTRA + "a.toml", "[run]\noutput_cap = 3\n")
    loaded = load(Root(str(base)), "/etc/other")
    assert loaded.config.run == RunConfig(max_parallel=2, output_cap=3)


def test_an_explicit_file_must_exist(base):
    found = load(Root(str(base)), "/etc/none").problems
    assert found == (Problem(f"{base}/etc/none", "", f"{base}/etc/none does not exist"),)


def test_the_document_and_its_checksum_depend_on_what_is_said_only(base):
    write(base, MAIN, '[run]\ndeadline = "1m"\n')
    one = load(Root(str(base)))
    write(base, MAIN, "# a comment\n[run]\ndeadline = 60 # s\n")
    other = load(Root(str(base)))
    write(base, MAIN, "[run]\ndeadline = 61\n")
    third = load(Root(str(base)))
    assert from_json(one.document) == one.config == other.config
    assert one.sha256 == other.sha256 != third.sha256


@pytest.mark.parametrize(
    ("data", "line"),
    [
        ("[run]\nphases = [\n", 2),
        ("\n\nx\n", 3),
        ("a = 1\r\n\r\nb = = 1\r\n", 3),
        ("[run]\n[run]\n", 2),
        (b"a = 1\nb = '\xff'\n", 2),
        (b"\x7fELF\x02\x01\x01\x00\x00", 1),
        ("x = " + "[" * 20000, 1),
    ],
)
def test_malformed_toml_is_one_problem_with_file_and_line(base, data, line):
    write(base, MAIN, data)
    write(base, EXTRA + "a.toml", "[run]\nmax_parallel = 3\n")
    loaded = load(Root(str(base)))
    assert [(p.file, p.key, p.line) for p in loaded.errors] == [(f"{base}{MAIN}", "", line)]
    assert loaded.config.run.max_parallel == 3


def test_text_that_is_not_utf_8_says_so():
    with pytest.raises(TomlError, match="is not UTF-8 text"):
        parse_toml(b"\xff")


def test_every_problem_of_every_file_comes_at_once(base):
    write(base, MAIN, "[run]\ndeadline = true\nphase = 1\n")
    write(base, EXTRA + "a.toml", "[[[")
    os.mkfifo(f"{base}{EXTRA}b.toml")
    os.mkdir(f"{base}{EXTRA}c.toml")
    write(base, EXTRA + "d.toml", "[post]\nveto = 1\n")
    assert [(file, key) for file, key, _, _ in problems(base)] == [
        (EXTRA + "a.toml", ""),
        (EXTRA + "b.toml", ""),
        (EXTRA + "c.toml", ""),
        (MAIN, "run.deadline"),
        (MAIN, "run.phase"),
        (EXTRA + "d.toml", "post.veto"),
    ]


def test_only_errors_keep_pre_from_running(base):
    write(base, MAIN, "[run]\nphase = 1\ndeadline = true\n")
    assert [p.key for p in load(Root(str(base))).errors] == ["run.deadline"]


@pytest.mark.parametrize("kind", ["FIFO", "directory"])
def test_what_is_no_file_is_refused_without_blocking(base, kind):
    {"FIFO": os.mkfifo, "directory": os.mkdir}[kind](f"{base}{MAIN}")
    file = f"{base}{MAIN}"
    assert load(Root(str(base))).problems == (
        Problem(file, "", f"{file} is a {kind}: move it away"),
    )


def test_a_file_that_others_can_write_is_not_believed(base):
    file = write(base, MAIN, "[run]\nmax_parallel = 9\n", 0o666)
    loaded = load(Root(str(base)))
    assert loaded.config == Config()
    assert loaded.problems == (
        Problem(file, "", f"{file} can be written by others (mode 0666): chmod go-w {file}"),
    )


def test_a_directory_that_others_can_write_spoils_its_files(base):
    write(base, EXTRA + "a.toml", "[run]\nmax_parallel = 9\n")
    os.chmod(f"{base}/etc/hookd/conf.d", 0o777)
    loaded = load(Root(str(base)))
    assert (loaded.config, len(loaded.errors)) == (Config(), 1)


def test_a_link_to_dev_null_masks_a_configuration_file(base):
    os.symlink("/dev/null", f"{base}{EXTRA}a.toml")
    assert load(Root(str(base))).problems == ()


@pytest.mark.parametrize("link", ["/etc/hookd", "/etc/hookd/hookd.toml"])
def test_a_link_to_what_is_not_there_is_no_missing_file(base, link):
    if link == "/etc/hookd":
        os.rename(f"{base}{link}", f"{base}/old")
    os.symlink("/gone", f"{base}{link}")
    assert "does not exist" in load(Root(str(base))).errors[0].reason


def test_conf_d_that_is_a_file_is_a_problem(base):
    os.rmdir(f"{base}/etc/hookd/conf.d")
    write(base, "/etc/hookd/conf.d", "")
    assert problems(base) == [
        ("/etc/hookd/conf.d", "", f"cannot be listed: {base}/etc/hookd/conf.d is no directory", 0)
    ]


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_what_cannot_be_read_is_a_problem(base):
    write(base, MAIN, "", 0)
    os.chmod(f"{base}/etc/hookd/conf.d", 0o300)
    assert problems(base) == [
        (MAIN, "", "Permission denied", 0),
        ("/etc/hookd/conf.d", "", "cannot be listed: Permission denied", 0),
    ]


def test_a_file_of_more_than_a_mebibyte_is_refused(base):
    with open(f"{base}{MAIN}", "wb") as file:
        file.truncate(1 << 40)
    os.chmod(f"{base}{MAIN}", 0o644)
    assert problems(base) == [(MAIN, "", "is larger than 1 MiB", 0)]


def test_a_file_of_a_mebibyte_is_read(base):
    head = b"[run]\nmax_parallel = 2\n"
    write(base, MAIN, head + b"#" * ((1 << 20) - len(head)))
    assert load(Root(str(base))).config.run.max_parallel == 2


@pytest.mark.parametrize(("mode", "count"), [(0o600, 0), (0o640, 1), (0o604, 1), (0o644, 1)])
def test_a_secret_that_others_can_read_is_a_warning_that_does_not_tell_it(base, mode, count):
    file = write(base, MAIN, '[hooks."pre/x".settings]\nDB_PASSWORD = "hunter2"\n', mode)
    reason = "looks like a secret in a file that others can read: chmod go-r it"
    key = 'hooks."pre/x".settings.DB_PASSWORD'
    loaded = load(Root(str(base)))
    assert loaded.problems == (Problem(file, key, reason, is_warning=True),) * count
    said = HookOverride(settings={"DB_PASSWORD": "hunter2"}, source=file)
    assert loaded.config.hooks == {"pre/x": said}


def test_names_that_are_not_text_are_read_and_shown(base):
    with open(os.fsencode(str(base)) + b"/etc/hookd/conf.d/\xff\n.toml", "wb") as file:
        file.write(b"x")
    os.chmod(os.fsencode(str(base)) + b"/etc/hookd/conf.d/\xff\n.toml", 0o644)
    [problem] = load(Root(str(base))).problems
    assert problem.file == f"{base}/etc/hookd/conf.d/\\xff\\x0a.toml"


def test_an_override_may_be_a_toml_time(base):
    write(
        base,
        MAIN,
        '[override]\nuntil = 2026-12-01T00:00:00Z\nreason = "r"\nhooks = ["pre/10-x"]\n',
    )
    loaded = load(Root(str(base)))
    assert (loaded.config.override.until, loaded.problems) == ("2026-12-01T00:00:00.000000Z", ())
