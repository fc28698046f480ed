"""The systemd units: every directive is one that systemd 219 knows, in the section it knows it in.

First versions are those of the tables in systemd's own source (load-fragment-gperf.gperf.m4 of the
tags v183 to v255; man pages for [Install]). What 219 does not know it logs and ignores, so a later
directive may only be one that nothing depends on, named here with the reason.
"""

from __future__ import annotations

import pathlib
import re

import pytest

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "systemd"
UNITS = sorted(path for path in FOLDER.iterdir() if path.suffix in (".service", ".socket"))

OLDEST = 219  # Amazon Linux 2

# 183 stands for "183 or earlier"
FIRST = {
    "Unit": {
        "Description": 183,
        "Documentation": 183,
        "Requires": 183,
        "Wants": 183,
        "BindsTo": 183,
        "PartOf": 183,
        "Conflicts": 183,
        "Before": 183,
        "After": 183,
        "OnFailure": 183,
        "DefaultDependencies": 183,
        "RequiresMountsFor": 183,
        "ConditionPathExists": 183,
        "ConditionDirectoryNotEmpty": 183,
        "AssertPathExists": 218,
        "JobTimeoutSec": 183,
        "StartLimitIntervalSec": 230,
        "StartLimitBurst": 230,
        "CollectMode": 236,
        "FailureAction": 236,
        "ConditionKernelVersion": 237,
        "OnSuccess": 249,
    },
    "Service": {
        "Type": 183,
        "Restart": 183,
        "RestartSec": 183,
        "ExecStart": 183,
        "ExecStartPre": 183,
        "ExecStartPost": 183,
        "ExecReload": 183,
        "ExecStop": 183,
        "ExecStopPost": 183,
        "PIDFile": 183,
        "BusName": 183,
        "NotifyAccess": 183,
        "Sockets": 183,
        "WatchdogSec": 183,
        "RemainAfterExit": 183,
        "TimeoutSec": 183,
        "TimeoutStartSec": 188,
        "TimeoutStopSec": 188,
        "SuccessExitStatus": 189,
        "RestartPreventExitStatus": 189,
        "KillMode": 183,
        "KillSignal": 183,
        "SendSIGKILL": 183,
        "StartLimitInterval": 183,
        "StartLimitBurst": 183,
        "StartLimitAction": 183,
        "Delegate": 218,
        "FileDescriptorStoreMax": 219,
        "UMask": 183,
        "Nice": 183,
        "OOMScoreAdjust": 183,
        "User": 183,
        "Group": 183,
        "WorkingDirectory": 183,
        "Environment": 183,
        "EnvironmentFile": 183,
        "SyslogIdentifier": 183,
        "StandardInput": 183,
        "StandardOutput": 183,
        "StandardError": 183,
        "LimitNOFILE": 183,
        "PassEnvironment": 228,
        "AmbientCapabilities": 229,
        "TasksMax": 227,
        "RuntimeMaxSec": 229,
        "StateDirectory": 235,
        "LogsDirectory": 235,
        "RuntimeDirectoryPreserve": 235,
        "UnsetEnvironment": 235,
        "LogLevelMax": 236,
        "OOMPolicy": 243,
        "TimeoutAbortSec": 243,
        "ExecCondition": 243,
    },
    "Socket": {
        "ListenStream": 183,
        "SocketMode": 183,
        "DirectoryMode": 183,
        "Accept": 183,
        "Backlog": 183,
        "MaxConnections": 183,
        "PassCredentials": 183,
        "Service": 183,
        "SocketUser": 214,
        "SocketGroup": 214,
        "RemoveOnStop": 214,
        "FileDescriptorName": 227,
        "TriggerLimitBurst": 230,
        "MaxConnectionsPerSource": 232,
    },
    "Install": {"WantedBy": 183, "RequiredBy": 183, "Also": 183, "Alias": 183},
}

LATER = {"OOMPolicy": "Delegate=yes implies the same value wherever the directive is known"}

# Hooks inherit these; they must find what a shell of root finds.
SANDBOXING = re.compile(
    r"Private|Protect|Restrict|ReadOnly|ReadWrite|Inaccessible|NoNewPrivileges|Capabilit|System"
    r"Call|SecureBits|MountFlags|RootDirectory|DynamicUser|Lock|Keyring|NoExec|Memory|CPU|Tasks"
    r"|OOMScore|Limit[A-Z]|IPAddress|Device"
)


def directives(text):
    """Return (section, name, value) of each directive. Raises ValueError on anything else."""
    section, found = "", []
    for line in text.splitlines():
        if not line.strip() or line.startswith(("#", ";")):
            continue
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1]
            continue
        name, equals, value = line.partition("=")
        if not (section and equals and name.isalpha() and not line.endswith("\\")):
            raise ValueError(line)
        found.append((section, name, value))
    return found


def problems(text):
    """Return what systemd 219 would not do of the unit `text`."""
    found = []
    for section, name, value in directives(text):
        first = FIRST.get(section, {}).get(name)
        if section not in FIRST:
            found.append(f"no section [{section}]")
        elif first is None:
            found.append(f"[{section}] has no {name} in the table")
        elif first > OLDEST and name not in LATER:
            found.append(f"[{section}] has {name} only since {first}")
        if "%" in value:
            found.append(f"{name} uses a specifier")
        if name.startswith("Exec") and not re.match(r"-?/", value):
            found.append(f"{name} needs a path, and no prefix but -")
    return found


def unit(name):
    return directives((FOLDER / name).read_text(encoding="ascii"))


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_systemd_219_knows_every_directive(path):
    assert problems(path.read_text(encoding="ascii")) == []


def test_these_are_the_units():
    names = sorted(path.name for path in FOLDER.iterdir())
    assert names == ["90-hookd.preset", "hookd-boot.service", "hookd.service", "hookd.socket"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[Service]\nDelegate=yes\n", []),
        ("[Service]\nTasksMax=5\n", ["[Service] has TasksMax only since 227"]),
        ("[Service]\nHarden=yes\n", ["[Service] has no Harden in the table"]),
        ("[Service]\nWantedBy=x\n", ["[Service] has no WantedBy in the table"]),
        ("[Unit]\nStartLimitInterval=0\n", ["[Unit] has no StartLimitInterval in the table"]),
        ("[Slice]\nCPUShares=1\n", ["no section [Slice]"]),
        ("[Service]\nExecStart=+/bin/x\n", ["ExecStart needs a path, and no prefix but -"]),
        ("[Service]\nExecStart=hookd\n", ["ExecStart needs a path, and no prefix but -"]),
        ("[Service]\nEnvironment=A=%S\n", ["Environment uses a specifier"]),
        ("# [Nothing]\n\n[Unit]\nAfter=x\n", []),
    ],
)
def test_the_checker_sees(text, expected):
    assert problems(text) == expected


@pytest.mark.parametrize("text", ["[Unit]\nAfter\n", "After=x\n", "[Unit]\nAfter=a \\\n b\n"])
def test_the_checker_reads_no_line_it_does_not_understand(text):
    with pytest.raises(ValueError, match="After"):
        directives(text)


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_nothing_is_sandboxed(path):
    names = {name for _, name, _ in directives(path.read_text(encoding="ascii"))}
    assert {name for name in names if SANDBOXING.match(name)} == set()


def test_the_service_is_as_its_life_needs_it():
    assert unit("hookd.service") == [
        ("Unit", "Description", "hookd: hooks around SSM patch operations"),
        ("Unit", "Documentation", "man:hookd(8)"),
        ("Unit", "Wants", "network-online.target hookd.socket"),
        ("Unit", "After", "hookd.socket"),
        ("Service", "Type", "notify"),
        ("Service", "ExecStart", "/usr/bin/hookd daemon"),
        ("Service", "KillMode", "process"),
        ("Service", "TimeoutStopSec", "45"),
        ("Service", "Delegate", "yes"),
        ("Service", "StartLimitInterval", "0"),
        ("Service", "Restart", "on-failure"),
        ("Service", "RestartSec", "5"),
        ("Service", "WatchdogSec", "5min"),
        ("Service", "OOMPolicy", "continue"),
    ]


def test_the_socket_is_roots_alone():
    assert unit("hookd.socket")[2:] == [
        ("Socket", "ListenStream", "/run/hookd/hookd.sock"),
        ("Socket", "SocketMode", "0600"),
        ("Socket", "DirectoryMode", "0711"),
        ("Install", "WantedBy", "sockets.target"),
    ]


def test_at_boot_only_an_open_operation_starts_anything():
    assert unit("hookd-boot.service")[2:] == [
        ("Unit", "ConditionDirectoryNotEmpty", "/var/lib/hookd/open"),
        ("Unit", "RequiresMountsFor", "/var/lib/hookd /var/log/hookd"),
        (
            "Unit",
            "Before",
            "amazon-ssm-agent.service snap.amazon-ssm-agent.amazon-ssm-agent.service",
        ),
        ("Unit", "OnFailure", "hookd.service"),
        ("Service", "Type", "oneshot"),
        ("Service", "ExecStart", "/usr/bin/hookd boot"),
        ("Service", "ExecStartPost", "-/usr/bin/systemctl --no-block start hookd.service"),
        ("Service", "TimeoutStartSec", "60"),
        ("Install", "WantedBy", "multi-user.target"),
    ]


def test_what_has_an_install_section_is_enabled_by_the_preset():
    lines = (FOLDER / "90-hookd.preset").read_text(encoding="ascii").splitlines()
    enabled = {line.split()[1] for line in lines if not line.startswith("#")}
    installed = {path.name for path in UNITS if "\n[Install]\n" in path.read_text("ascii")}
    assert enabled == installed == {"hookd.socket", "hookd-boot.service"}
