"""What each verb says of itself in `--help`: one line, and examples."""

from __future__ import annotations

EXAMPLES = {
    "run": (
        "hookd run pre || exit 1            what the pre document holds (on-exit likewise)",
        "hookd run on-exit --dry-run        what would be done, and why",
        "hookd run post --deadline 20m --operation-id 7f3a9c1e-run-42",
    ),
    "status": (
        "hookd status                       ends 0: nothing open, 1: look at it, 75: running",
        "hookd status --json | jq '.operations[].next'",
    ),
    "show": (
        "hookd show                         the newest operation",
        "hookd show last --json | jq -r .operation.verdict",
        "hookd show --junit >hookd.xml      for a CI that reads test results",
    ),
    "history": ("hookd history",),
    "hooks": (
        "hookd hooks pre",
        "hookd hooks --enable pre/30-stop-units      and say what to configure",
        "hookd hooks --disable pre/30-stop-units     with on-exit/40-start-units, its undo",
    ),
    "new": (
        "hookd new pre/20-backup-database   a template that does nothing yet",
        "hookd --root DIR new on-exit/50-application-answers",
    ),
    "check": ("hookd check                        ends 1 when there is an error",),
    "doctor": ("hookd doctor                       ends 1 when something failed",),
    "collect": (
        "hookd collect                      the newest three operations, into /var/tmp",
        "hookd collect 20261105T041807Z-7f3a --output case-42.tar.gz",
        "ssh NODE sudo hookd collect --output - >node.tar.gz",
    ),
    "verify": (
        "hookd verify                       ends 1 when an expectation is not met",
        "hookd verify --json | jq '.[] | select(.is_met != true)'",
    ),
    "rehearse": (
        "hookd rehearse                     the ordinary patch run, with a reboot",
        "hookd rehearse --list              what can go otherwise",
        "hookd --root DIR rehearse all      with the hooks in DIR, in CI",
    ),
    "hold": (
        "hookd hold --for 6h 'release of the week'",
        "hookd hold --release",
    ),
    "recover": (
        "hookd recover                      every operation that is open or owes an undo",
        "hookd recover 20261105T041807Z-7f3a",
    ),
    "attach": ("hookd attach                       `hookd attach last` when none runs",),
    "cancel": ("hookd cancel",),
    "daemon": ("systemctl start hookd.socket",),
    "identity": ("hookd identity --json | jq -r .instance_id",),
    "boot": ("hookd boot                         hookd-boot.service does it",),
    "ssm-document": (
        "hookd ssm-document                 which there are, and for which slot",
        "hookd ssm-document pre >hookd-pre.json",
        "aws ssm create-document --name hookd-pre --document-type Command \\",
        "    --document-format JSON --content file://hookd-pre.json",
        "aws ssm update-document --name hookd-pre --document-version '$LATEST' \\",
        "    --document-format JSON --content file://hookd-pre.json",
    ),
}
HELP = {
    "run": "execute a phase: pre, post or on-exit",
    "status": "what is open, and what hookd will do next and when",
    "show": "the result of an operation",
    "history": "the operations, newest first",
    "hooks": "the hooks of a phase and what becomes of each; enable or disable one",
    "new": "write a commented template of a hook",
    "check": "every problem of configuration and hooks at once",
    "doctor": "is this machine ready to be patched with hooks",
    "collect": "one archive of all that a report of a problem needs, without secrets",
    "verify": "try now what the configuration expects of this machine",
    "rehearse": "play the SSM lifecycle locally, with your hooks",
    "hold": "make pre fail and recovery wait, until the hold ends",
    "recover": "finish an operation whose caller is gone; retry owed undos",
    "attach": "follow the running phase: what it did and does",
    "cancel": "end the running phase; on-exit stays owed",
    "daemon": "the service that runs phases for their callers",
    "identity": "who this instance is, by its environment, metadata service and firmware",
    "boot": "look at the machine as it booted, before SSM goes on",
    "ssm-document": "print a document that SSM runs before, after or on exit",
}
EPILOG = """\
in the documents that SSM runs:
  pre       hookd run pre || exit 1
  post      hookd run post || [ $? -ne 1 ]
  on-exit   hookd run on-exit || exit 1

`hookd COMMAND --help` has examples of each. exit codes: 0 fine, 1 failed, 2 usage,
3 deadline reached, 70 a bug in hookd, 75 busy, 78 bad configuration, 130 interrupted.
"""
