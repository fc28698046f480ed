"""The lifecycle in one table: what happens, and the path, verdict, exit codes and plan of it.

A driver does what the plan says, like the engine; the machine is a few packages, a kernel and a
boot id.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from support.journals import hook_ended, hook_started, opened, started

from hookd.core.answer import as_ended, exit_codes, final_outcome
from hookd.core.budget import DEADLINE_REACHED
from hookd.core.fates import Inputs
from hookd.core.fold import fold
from hookd.core.journal import (
    Checked,
    HookPassedOver,
    OperationClosed,
    PhaseEnded,
    SnapshotTaken,
    UndoKept,
    new_event,
)
from hookd.core.judge import judge
from hookd.core.model import CallerKind, Hook, HookOutcome, HookSpec, Phase
from hookd.core.plan import Do, plan
from hookd.core.readings import Boot, InstalledKernel, Kernel, NextBoot, PackageSet, Standing
from hookd.core.snapshot import Snapshot

PRE, POST, ON_EXIT = Phase.PRE, Phase.POST, Phase.ON_EXIT
OLD, NEW = "4.14.154-128.181.amzn2.x86_64", "4.14.214-160.339.amzn2.x86_64"
VETO = ("kernel.next-boot-files",)


@dataclass
class Machine:
    """What snapshots are taken of."""

    packages: dict = field(default_factory=lambda: {"bash.x86_64": (("4.2-34", 1),)})
    kernels: tuple = (OLD,)
    running: str = OLD
    boot: int = 1
    missing: tuple = ()
    unreadable: bool = False

    def look(self, name):
        kernels = (InstalledKernel(one, "kernel", one[: -len(".x86_64")]) for one in self.kernels)
        entry = NextBoot(release=self.kernels[-1], source="grub.cfg", missing=self.missing)
        kernel = Kernel(
            running=self.running,
            installed=tuple(kernels),
            installed_standing=Standing.OK,
            next_boot=entry,
        )
        packages = PackageSet(installed=dict(self.packages))
        if self.unreadable:
            packages = PackageSet(Standing.UNKNOWN, "rpm timed out")
        return Snapshot(name, "", Boot(boot_id=self.boot_id), kernel, (packages,))

    @property
    def boot_id(self):
        return f"{self.boot:08d}-1111-4111-8111-111111111111"

    def patch(self):
        self.packages["bash.x86_64"] = (("4.2-35", 2),)

    def patch_kernel(self):
        self.packages[f"kernel.{len(self.kernels)}"] = (("4.14.214", 2),)
        self.kernels = (*self.kernels, NEW)

    def reboot(self, into=None):
        self.boot, self.running = self.boot + 1, into or self.kernels[-1]


class Story:
    """One operation, played by the plan. `hooks` are `phase/name` to how each try ends."""

    def __init__(self, hooks=None, expected=tuple(Phase), caller=CallerKind.PERSON, specs=None):
        self.machine, self.snapshots, self.events = Machine(), {}, []
        self.endings = {name: list(ends) for name, ends in (hooks or {}).items()}
        self.hooks = tuple(_hook(name, (specs or {}).get(name, {})) for name in sorted(hooks or {}))
        self.codes, self.ran = [], []
        self.add(opened(expected=expected, caller=caller))
        self.caller = caller

    @property
    def operation(self):
        return fold(self.events)

    def add(self, *bodies):
        for body in bodies:
            n = len(self.events) + 1
            where = {"boot_id": self.machine.boot_id, "up_s": float(n)}
            self.events.append(new_event(body, n=n, at="", **where))

    def judge(self, phase, operation=None):
        return judge(operation or self.operation, self.snapshots, {}, phase, self.hooks)

    def inputs(self, phase, **more):
        hooks = tuple(one for one in self.hooks if one.phase is phase)
        undos = tuple(one for one in self.hooks if one.spec.undoes) if phase is PRE else ()
        path = self.judge(phase).way.path if phase is ON_EXIT and self.snapshots else None
        return Inputs(phase, hooks, undos, path, **more)

    def call(self, phase, *, caller=None, resumed=False, **more):
        last = self.operation.last(phase)
        attempt = 1 if last is None else last.attempt + (0 if resumed else 1)
        self.add(started(phase.value, attempt, caller or self.caller, resumed=resumed))
        while True:
            action = plan(self.operation, self.inputs(phase, **more))[0]
            if action.do is Do.END:
                return self.end(phase, action, attempt)
            self.act(phase, action, attempt)

    def act(self, phase, action, attempt):
        if action.do is Do.LOOK:
            self.snapshots[action.snapshot] = self.machine.look(action.snapshot)
            self.add(SnapshotTaken(action.snapshot))
        elif action.do is Do.JUDGE:
            found = self.judge(phase)
            own = tuple(one for one in found.checks if one.phase == phase.value)
            self.add(Checked(phase, own, found.health))
        elif action.do is Do.KEEP_UNDO:
            hook = action.fates[0].hook
            self.add(UndoKept(hook.name, hook.spec.undoes, "/copy", "aa", hook.spec))
        for fate in action.fates:
            name, required = fate.hook.name, fate.hook.spec.required
            if action.do is Do.PASS_OVER:
                over = (phase, attempt, name, fate.outcome)
                self.add(HookPassedOver(*over, required=required, reason=fate.reason))
            elif action.do is Do.RUN:
                self.ran.append(fate.hook.id)
                self.add(hook_started(name, phase.value, attempt, fate.try_, required=required))
                ending = self.endings[fate.hook.id].pop(0)
                self.add(hook_ended(name, ending, phase.value, attempt, fate.try_))

    def end(self, phase, action, attempt):
        found = self.judge(phase)
        ending = final_outcome(phase, action.outcome, action.reason, found.checks, VETO)
        ended, run = as_ended(self.operation, phase, *ending)
        found = self.judge(phase, ended)
        person, _ = exit_codes(run, found, by_ssm=False)
        _, ssm = exit_codes(run, found, by_ssm=True)
        own = tuple(one for one in found.checks if one.phase == phase.value)
        self.add(Checked(phase, own, found.health))
        self.add(PhaseEnded(phase, attempt, run.outcome, int(person), int(ssm), run.reason))
        self.codes.append((int(person), int(ssm)))
        if phase is ON_EXIT and ended.had_on_exit and not found.outstanding:
            self.add(OperationClosed(found.way.path, found.verdict))
        return found

    def play(self, *steps):
        found = None
        for step in steps:
            found = step(self) or found
        return found


def _hook(name, spec):
    phase, _, file_name = name.partition("/")
    spec = {"required": phase != "post", **spec}
    return Hook(Phase(phase), file_name, f"/hooks/{name}", spec=HookSpec(**spec), sha256="aa")


def pre(story):
    return story.call(PRE)


def post(story):
    return story.call(POST)


def on_exit(story):
    return story.call(ON_EXIT)


def late(phase):
    return lambda story: story.call(phase, stop=DEADLINE_REACHED, stop_undos=DEADLINE_REACHED)


def recovery(story):
    return story.call(ON_EXIT, caller=CallerKind.RECOVERY)


def again(story):
    return story.call(ON_EXIT, resumed=True)


def patch(story):
    story.machine.patch()


def kernel(story):
    story.machine.patch_kernel()


def reboot(story):
    story.machine.reboot()


def old_kernel(story):
    story.machine.reboot(OLD)


def half_a_kernel(story):
    story.machine.patch_kernel()
    story.machine.missing = (f"/boot/initramfs-{NEW}.img",)


def unreadable(story):
    story.machine.unreadable = True


GOOD, BAD, TWICE = ("passed",), ("failed",), ("passed", "passed")
FINE = [(0, 0), (0, 0), (0, 0)]
LEAVE = {"pre/30-leave": TWICE, "on-exit/30-join": TWICE}
UNDO = {"on-exit/30-join": {"undoes": "pre/30-leave"}}

TABLE = {
    # what happens: hooks, steps, exit codes (to a person, to SSM), path, verdict
    "nothing": ({}, (pre, post, on_exit), FINE, "nothing-to-do", "passed"),
    "patched": ({}, (pre, patch, post, on_exit), FINE, "patched-no-reboot", "passed"),
    "a kernel that waits": (
        {},
        (pre, kernel, post, on_exit),
        FINE,
        "patched-reboot-pending",
        "passed-with-warnings",
    ),
    "a kernel that came up": (
        {},
        (pre, kernel, post, reboot, on_exit),
        FINE,
        "patched-rebooted",
        "passed",
    ),
    "a kernel that did not": (
        {},
        (pre, kernel, post, old_kernel, on_exit),
        [(0, 0), (0, 0), (1, 1)],
        "patched-rebooted",
        "failed",
    ),
    "a kernel without its files vetoes the reboot": (
        {},
        (pre, half_a_kernel, post, on_exit),
        [(0, 0), (1, 1), (1, 1)],
        "post-failed",
        "failed",
    ),
    "pre fails closed": (
        {"pre/05-hold": BAD, "pre/10-x": GOOD},
        (pre, on_exit),
        [(1, 1), (1, 1)],
        "pre-failed",
        "failed",
    ),
    "pre fails closed when nothing can be read": (
        {"pre/10-x": GOOD},
        (unreadable, pre, on_exit),
        [(1, 1), (1, 1)],
        "pre-failed",
        "failed",
    ),
    "pre fails when its hooks made the database unreadable": (
        {},
        (pre, unreadable, pre, on_exit),
        [(0, 0), (1, 1), (1, 1)],
        "pre-failed",
        "failed",
    ),
    "pre is late": (
        {"pre/10-x": GOOD},
        (late(PRE), on_exit),
        [(3, 3), (1, 1)],
        "pre-failed",
        "failed",
    ),
    "pre is late and nothing was left to do": (
        {},
        (late(PRE), post, on_exit),
        FINE,
        "nothing-to-do",
        "passed",
    ),
    "patched past a pre that failed": (
        {"pre/05-hold": BAD},
        (pre, patch, post, on_exit),
        [(1, 1), (0, 0), (1, 1)],
        "patched-no-reboot",
        "failed",
    ),
    "a wanted hook of pre fails": (
        {"pre/05-w": BAD, "pre/10-x": GOOD},
        (pre, post, on_exit),
        FINE,
        "nothing-to-do",
        "passed-with-warnings",
    ),
    "post never came": ({}, (pre, patch, on_exit), [(0, 0), (1, 1)], "install-failed", "failed"),
    "post never came, nothing installed": (
        {},
        (pre, on_exit),
        [(0, 0), (1, 1)],
        "install-failed",
        "failed",
    ),
    "a wanted hook of post fails: it costs no reboot": (
        {"post/10-w": BAD},
        (pre, patch, post, on_exit),
        FINE,
        "patched-no-reboot",
        "passed-with-warnings",
    ),
    "a required hook of post fails": (
        {"post/10-x": BAD},
        (pre, patch, post, on_exit),
        [(0, 0), (1, 1), (1, 1)],
        "post-failed",
        "failed",
    ),
    "post is late: it costs no reboot": (
        {"post/10-w": GOOD},
        (pre, patch, late(POST), on_exit),
        [(0, 0), (3, 0), (0, 0)],
        "patched-no-reboot",
        "passed",
    ),
    "post is late and a required hook had no turn": (
        {"post/10-x": GOOD},
        (pre, patch, late(POST), on_exit),
        [(0, 0), (3, 0), (1, 1)],
        "patched-no-reboot",
        "incomplete",
    ),
    "post is late and its veto stands": (
        {"post/10-w": GOOD},
        (pre, half_a_kernel, late(POST), on_exit),
        [(0, 0), (1, 1), (1, 1)],
        "post-failed",
        "failed",
    ),
    "on-exit alone, nothing known": ({}, (on_exit,), [(1, 1)], "unclear", "incomplete"),
    "post and on-exit without pre, no state known": (
        {},
        (post, patch, on_exit),
        [(0, 0), (1, 1)],
        "pre-missing",
        "failed",
    ),
    "a required hook of on-exit fails": (
        {"on-exit/10-x": BAD},
        (pre, patch, post, on_exit),
        [(0, 0), (0, 0), (1, 1)],
        "patched-no-reboot",
        "failed",
    ),
    "a wanted hook of on-exit fails": (
        {"on-exit/10-w": BAD},
        (pre, patch, post, on_exit),
        FINE,
        "patched-no-reboot",
        "passed-with-warnings",
    ),
    "on-exit is late": (
        {"on-exit/10-x": GOOD},
        (pre, patch, post, late(ON_EXIT)),
        [(0, 0), (0, 0), (3, 3)],
        "patched-no-reboot",
        "incomplete",
    ),
    "the node is put back": (
        LEAVE,
        (pre, patch, post, on_exit),
        FINE,
        "patched-no-reboot",
        "passed",
    ),
    "the node is put back after a pre that failed": (
        {**LEAVE, "pre/40-x": BAD},
        (pre, on_exit),
        [(1, 1), (1, 1)],
        "pre-failed",
        "failed",
    ),
    "the node is not put back": (
        {**LEAVE, "on-exit/30-join": BAD},
        (pre, patch, post, on_exit),
        [(0, 0), (0, 0), (1, 1)],
        "patched-no-reboot",
        "failed",
    ),
    "and then it is": (
        {**LEAVE, "on-exit/30-join": ("failed", "passed")},
        (pre, patch, post, on_exit, again),
        [(0, 0), (0, 0), (1, 1), (0, 0)],
        "patched-no-reboot",
        "passed",
    ),
    "no time for the undo": (
        LEAVE,
        (pre, patch, post, late(ON_EXIT)),
        [(0, 0), (0, 0), (3, 3)],
        "patched-no-reboot",
        "failed",
    ),
    "pre is repeated after it failed": (
        {"pre/05-hold": ("failed", "passed")},
        (pre, pre, patch, post, on_exit),
        [(1, 1), (0, 0), (0, 0), (0, 0)],
        "patched-no-reboot",
        "passed",
    ),
    "post is repeated": (
        {},
        (pre, patch, post, kernel, post, reboot, on_exit),
        [(0, 0), (0, 0), (0, 0), (0, 0)],
        "patched-rebooted",
        "passed",
    ),
    "recovery ends it": (
        {},
        (pre, patch, post, recovery),
        [(0, 0), (0, 0), (1, 1)],
        "interrupted",
        "failed",
    ),
    "its caller comes after recovery": (
        {"on-exit/10-x": GOOD},
        (pre, patch, post, recovery, again),
        [(0, 0), (0, 0), (1, 1), (0, 0)],
        "patched-no-reboot",
        "passed-with-warnings",
    ),
}
WANTED = {"pre/05-w": {"required": False}, "on-exit/10-w": {"required": False}}
REQUIRED = {"post/10-x": {"required": True}}


@pytest.mark.parametrize(("hooks", "steps", "codes", "path", "verdict"), TABLE.values(), ids=TABLE)
def test_what_happened_gets_its_path_verdict_and_exit_codes(hooks, steps, codes, path, verdict):
    story = Story(hooks, specs={**UNDO, **WANTED, **REQUIRED})

    found = story.play(*steps)

    assert (story.codes, found.way.path.value, found.verdict.value) == (codes, path, verdict)


NOT_EXPECTED = {
    "no pre": ((POST, ON_EXIT), (post, on_exit), "nothing-to-do", "passed"),
    "no post": ((PRE, ON_EXIT), (pre, patch, on_exit), "patched-no-reboot", "passed"),
    "no on-exit: hookd runs it itself": (
        (PRE, POST),
        (pre, patch, post, recovery),
        "patched-no-reboot",
        "passed",
    ),
}


@pytest.mark.parametrize(
    ("expected", "steps", "path", "verdict"), NOT_EXPECTED.values(), ids=NOT_EXPECTED
)
def test_a_phase_that_is_not_expected_is_not_missed(expected, steps, path, verdict):
    story = Story(expected=expected)
    before = replace(Machine().look("last-known"), name="last-known")
    story.snapshots["last-known"] = before

    found = story.play(*steps)

    assert (found.way.path.value, found.verdict.value) == (path, verdict)


def test_recovery_says_how_far_it_got():
    found = Story().play(pre, kernel, post, reboot, recovery)

    assert (found.way.path.value, found.way.path_so_far.value) == (
        "interrupted",
        "patched-rebooted",
    )


def test_after_pre_failed_the_plan_of_on_exit_puts_the_node_back():
    story = Story({**LEAVE, "pre/40-x": BAD, "on-exit/50-z": GOOD}, specs=UNDO)
    story.play(pre)
    story.add(started("on-exit"))

    forecast = plan(story.operation, story.inputs(ON_EXIT))

    assert [(action.do.value, action.snapshot or _names(action)) for action in forecast] == [
        ("look", "arrived"),
        ("judge", ""),
        ("run", "30-join"),
        ("run", "50-z"),
        ("look", "after"),
        ("end", ""),
    ]


def _names(action):
    return "+".join(fate.hook.name for fate in action.fates)


def test_an_undo_that_waits_for_a_reboot_runs_after_the_reboot():
    specs = {"on-exit/30-join": {"undoes": "pre/30-leave", "when": ("patched-rebooted",)}}
    story = Story(LEAVE, specs=specs)
    story.play(pre, kernel, post, on_exit)
    waited = list(story.ran)

    found = story.play(reboot, again)

    assert (waited, story.ran) == (["pre/30-leave"], ["pre/30-leave", "on-exit/30-join"])
    assert (found.way.path.value, found.verdict.value) == ("patched-rebooted", "passed")


def test_an_unhealthy_machine_does_not_rejoin_and_says_so():
    specs = {"on-exit/30-join": {"undoes": "pre/30-leave", "only_if_healthy": True}}
    story = Story(LEAVE, specs=specs)

    found = story.play(pre, kernel, post, old_kernel, on_exit)

    held = story.operation.last(ON_EXIT).hooks["30-join"]
    assert (held.outcome, held.reason) == (
        HookOutcome.OUTSTANDING,
        "waits until the machine is healthy; health is failed",
    )
    assert (story.codes[-1], found.verdict.value) == ((1, 1), "failed")


def test_a_healthy_machine_rejoins_although_the_undo_itself_is_still_owed():
    specs = {"on-exit/30-join": {"undoes": "pre/30-leave", "only_if_healthy": True}}
    story = Story(LEAVE, specs=specs)

    found = story.play(pre, kernel, post, reboot, on_exit)

    assert (story.ran[-1], found.verdict.value) == ("on-exit/30-join", "passed")
