"""The node of the demo: a rehearsal's machine, with an application and hooks for it."""

from __future__ import annotations

import os
import pathlib
import shutil

from hookd.rehearsal.node import Node as Machine

HERE = pathlib.Path(__file__).resolve().parent


class Node(Machine):
    """The files of one machine below `root`, as they were on 2021-02-05."""

    def __init__(self, root: pathlib.Path) -> None:
        super().__init__(str(root))
        self.lay_out()
        self.write("etc/app/app.conf", "listen = 8080\nworkers = 4\n")
        self.write("etc/app/service", "in service\n")
        self._install_hooks()

    @property
    def service(self) -> str:
        """Whether the node serves: `in service` or `out of service`."""
        return self.read("etc/app/service").strip()

    def _install_hooks(self) -> None:
        """Copy the hooks with modes of their own: a checkout may be writable by a group."""
        for source in sorted((HERE / "hooks").glob("*/*")):
            target = pathlib.Path(self.root, "etc/hookd/hooks.d", source.parent.name, source.name)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(str(source), str(target))
            os.chmod(str(target), 0o755)
