"""One run of AWS-RunPatchBaselineWithHooks on a machine: the agent's and Patch Manager's files."""

from __future__ import annotations

from support.patchfiles import PatchFiles
from support.patchrun import ON_EXIT, POST, PRE, PatchRun, wrapper_steps

from lab import agent

# Where there is neither pass nor skip, somebody is to look.
QUIET = ("pass", "skip")


class Patching:
    """One patch run, step by step. `number` tells those of one machine apart."""

    def __init__(self, machine, number: int = 1, *, reboot_option: str = "RebootIfNeeded") -> None:
        self.machine = machine
        self._reboot_option = reboot_option
        self.run_id = f"{number:08d}-2222-3333-4444-555555555555"
        self._root = machine.ground.seen
        self._run = PatchRun(self._root, self.run_id)
        self._patches = PatchFiles(self._root, self.run_id)
        self._tree = agent.files(machine)
        hooks = dict.fromkeys((PRE, POST, ON_EXIT), "MyHook")
        self._tree.steps = wrapper_steps(reboot_option=reboot_option, **hooks)
        self._tree.submit(self.run_id)
        self._tree.start(self.run_id)

    def pre(self, missing: int = 1):
        """Scan, find what is missing, and call pre."""
        self._patches.summary("Scan", missing=missing)
        self._run.verify(reboot_option=self._reboot_option)
        return self._call(PRE, "pre")

    def install(self, command: str = "true", pending: int = 0) -> None:
        """Let Patch Manager install by `command`; `pending` patches want a reboot."""
        self._run.enter("InstallNoReboot")
        self.machine.execute(command).check()
        self._patches.summary("Install", at="04:50:00", pending=pending)

    def post(self):
        return self._call(POST, "post")

    def reboot(self, how=None) -> None:
        """Reboot by `how` (in order when not given): the agent finds its files again."""
        self._run.enter("RebootHandlingAndReporting")
        self._tree.go_down()
        (how or self.machine.reboot)()
        self._tree.come_up()

    def on_exit(self):
        ended = self._call(ON_EXIT, "on-exit")
        self._tree.end(self.run_id)
        return ended

    def patch(self, command: str, *, reboot: bool = False) -> None:
        """Call all phases around `command`, and a reboot where one is wanted."""
        self.pre().check()
        self.install(command, pending=int(reboot))
        self.post().check()
        if reboot:
            self.reboot()
        self.on_exit()

    def _call(self, slot, phase):
        script = self._run.hook(slot, [f"hookd run {phase}"])
        inside = f"/{script.relative_to(self._root)}"
        return agent.call(self.machine, "sh", "-c", inside, run_id=self.run_id).wait(180)


def noticed(document) -> dict[str, str]:
    """Return the outcome of each check that says anything: whole, so that no other does."""
    return {
        check["id"]: check["outcome"]
        for check in document["checks"]
        if check["outcome"] not in QUIET
    }


def verdict_of(document) -> tuple[str, str]:
    """Return the path and the verdict of the operation."""
    operation = document["operation"]
    return operation["path"], operation["verdict"]
