"""The argparse tree and the one error boundary: every exception becomes an exit code here."""

from __future__ import annotations

import argparse
import gc
import json
import os
import signal
import sys

from hookd import __version__
from hookd.commands.words import EPILOG, EXAMPLES, HELP
from hookd.daemon import client, protocol
from hookd.errors import Exit, HookdError
from hookd.system import clock, streams

TYPE_CHECKING = False  # without `typing`: the thin client has no time for it
if TYPE_CHECKING:
    from typing import Sequence


def _size(text: str) -> int:
    """Read `64MiB` or a bare number of bytes."""
    from hookd.config.values import size  # noqa: PLC0415 - see _dispatch

    try:
        return size(int(text) if text.isdigit() else text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _count(text: str) -> int:
    if not text.isdigit() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 on")
    return int(text)


def _duration(text: str) -> float:
    """Read `50m`, `90s` or a bare number of seconds."""
    from hookd.config.values import positive_duration  # noqa: PLC0415 - see _dispatch

    try:
        return positive_duration(float(text) if text.replace(".", "", 1).isdigit() else text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def parser() -> argparse.ArgumentParser:
    """Return the whole command line."""
    shared = argparse.ArgumentParser(add_help=False)
    _global_options(shared, default=argparse.SUPPRESS)
    top = argparse.ArgumentParser(
        prog="hookd",
        description="Run hooks around a patch operation and tell what it did to the machine.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _global_options(top, default=None)
    top.add_argument("--version", action="version", version=f"hookd {__version__}")
    verbs = top.add_subparsers(dest="verb", metavar="COMMAND")
    made = {
        name: verbs.add_parser(
            name,
            parents=[shared],
            help=text,
            description=text[0].upper() + text[1:] + ".",
            epilog="\n  ".join(("examples:", *EXAMPLES[name])),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        for name, text in HELP.items()
    }
    _arguments(made)
    return top


def _global_options(to: argparse.ArgumentParser, *, default: str | None) -> None:
    fallback: dict[str, object] = {"default": default}
    root = default or os.environ.get("HOOKD_ROOT") or "/"
    suppressed = default == argparse.SUPPRESS
    to.add_argument(
        "--root",
        metavar="DIR",
        default=default if suppressed else root,
        help="prefix of every path read or written (default: $HOOKD_ROOT, else /)",
    )
    to.add_argument("--config", metavar="FILE", help="instead of /etc/hookd/hookd.toml", **fallback)  # type: ignore[arg-type]
    false = default if suppressed else False
    to.add_argument("--json", action="store_true", default=false, help="print JSON")
    zero = default if suppressed else 0
    to.add_argument(
        "-v", "--verbose", action="count", default=zero, help="show progress and output"
    )


def _arguments(made: dict[str, argparse.ArgumentParser]) -> None:
    phases = ("pre", "post", "on-exit")
    run = made["run"]
    run.add_argument("phase", choices=phases, help="the slot that the document stands in")
    run.add_argument("--deadline", metavar="TIME", type=_duration, help="answer within, like 50m")
    run.add_argument(
        "--operation-id",
        metavar="ID",
        default="",
        help="the operation's id, else the id of the run it belongs to",
    )
    run.add_argument("--dry-run", action="store_true", help="print the plan and do nothing")
    run.add_argument("--no-daemon", action="store_true", help="execute in this process")
    made["show"].add_argument(
        "id",
        nargs="?",
        default="last",
        metavar="ID|last",
        help="an operation's id or a run's; default: the newest operation",
    )
    made["show"].add_argument("--junit", action="store_true", help="print JUnit XML")
    made["ssm-document"].add_argument("phase", nargs="?", choices=phases, help="default: list them")
    made["hooks"].add_argument("phase", nargs="?", choices=phases, help="default: all three")
    switch = made["hooks"].add_mutually_exclusive_group()
    switch.add_argument("--enable", metavar="PHASE/NAME", help="say what to configure, too")
    switch.add_argument("--disable", metavar="PHASE/NAME", help="in a file of its own in conf.d")
    collect = made["collect"]
    collect.add_argument(
        "id", nargs="?", default="", metavar="ID|last", help="this operation alone"
    )
    collect.add_argument(
        "--last",
        metavar="N",
        type=_count,
        default=3,
        help="the newest N operations, default 3; what is open or damaged comes along",
    )
    collect.add_argument(
        "--output", metavar="FILE", default="", help="a new file, or - ; default: in /var/tmp"
    )
    collect.add_argument(
        "--list", dest="catalogue", action="store_true", help="say what it would have, and stop"
    )
    collect.add_argument(
        "--max-size",
        dest="most_bytes",
        metavar="SIZE",
        type=_size,
        default=64 << 20,
        help="of all files, unpacked, default 64MiB",
    )
    collect.add_argument(
        "--within",
        dest="within_s",
        metavar="TIME",
        type=_duration,
        default=120.0,
        help="what takes longer is left out, default 2m",
    )
    made["new"].add_argument("hook", metavar="PHASE/NAME", help="in /etc/hookd/hooks.d")
    rehearse = made["rehearse"]
    rehearse.add_argument(
        "scenario", nargs="?", default="patched", metavar="SCENARIO|all", help="default: patched"
    )
    rehearse.add_argument(
        "--list", dest="catalogue", action="store_true", help="say what there is, and do nothing"
    )
    rehearse.add_argument("--keep", action="store_true", help="leave the throw-away directory")
    rehearse.add_argument("--yes", action="store_true", help="let this machine's hooks run unasked")
    made["daemon"].add_argument(
        "--no-recovery",
        dest="recovers",
        action="store_false",
        help="only serve calls; an on-exit that never comes is left to `hookd recover`",
    )
    hold = made["hold"]
    hold.add_argument("reason", nargs="?", default="", metavar="REASON", help="for all to read")
    hold.add_argument(
        "--for",
        dest="for_s",
        metavar="TIME",
        type=_duration,
        default=6 * 3600.0,
        help="how long, default 6h",
    )
    hold.add_argument("--release", action="store_true", help="end the hold now")
    made["attach"].add_argument(
        "id", nargs="?", default="", metavar="ID|last", help="default: the one whose phase runs"
    )
    made["recover"].add_argument(
        "id", nargs="?", default="", metavar="ID", help="default: every one that needs it"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    began = clock.up_s()
    # a caller may have left SIGCHLD ignored: exit statuses would be lost, and read as success
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    streams.open_missing()
    as_json = "--json" in (sys.argv if argv is None else argv)
    try:
        code = _dispatch(parser().parse_args(argv), began)
        sys.stdout.flush()
    except HookdError as error:
        _tell(error, as_json=as_json)
        return error.code
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except BrokenPipeError:
        streams.mute()
        return Exit.FAILED
    except Exception:  # noqa: BLE001 - the boundary: a bug has an exit code of its own
        import traceback  # noqa: PLC0415 - a served call has no time for it

        traceback.print_exc()
        print(f"hookd {__version__}: this is a bug in hookd, please report it", file=sys.stderr)
        return Exit.BUG
    else:
        return code


def _tell(error: HookdError, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(error.document))
    print(error.text.encode("utf-8", "backslashreplace").decode("utf-8"), file=sys.stderr)


def _dispatch(options: argparse.Namespace, began: float) -> int:
    if options.verb is None:
        parser().print_help()
        return Exit.USAGE
    code, joined = _served(options, began)
    if code is not None:
        return code
    gc.disable()  # what is imported stays: to look through it took a tenth of a run without hooks
    # imported late: `--help`, `--version` and a served call go without
    from hookd.commands import command  # noqa: PLC0415
    from hookd.commands.context import Context  # noqa: PLC0415

    execute = command(options.verb)
    gc.freeze()
    gc.set_threshold(_RARELY)
    gc.enable()
    context = Context(options.root, options.config, options.json, options.verbose, began)
    arguments = {k: v for k, v in vars(options).items() if k not in _GLOBAL}
    if joined:
        arguments["joined"] = joined
    return execute(context, **arguments)


def _served(
    options: argparse.Namespace, began: float
) -> tuple[int | None, tuple[tuple[str, int], ...]]:
    """Let the service do it; else return None, and the attempt that it had begun."""
    path = os.path.join(options.root, protocol.SOCKET.lstrip("/"))
    request = _request(options, began)
    if request is None or os.environ.get("HOOKD_HOOK") or not os.path.exists(path):
        return None, ()
    try:
        return client.ask(path, request), ()
    except client.Unserved as error:
        if options.verbose or sys.stderr.isatty():
            why = f"hookd: not served ({error}), doing it in this process"
            print(why, file=sys.stderr)
        return None, (error.joined,) if error.joined else ()


def _request(options: argparse.Namespace, began: float) -> dict[str, object] | None:
    """Return what the service is asked; None for what is done without it."""
    if options.config:
        return None
    if options.verb == "cancel":
        return {"verb": "cancel", "json": options.json}
    if options.verb != "run" or options.dry_run or options.no_daemon:
        return None
    return {
        "verb": "run",
        "phase": options.phase,
        "identity": options.operation_id,
        "deadline_s": options.deadline,
        "json": options.json,
        "verbose": options.verbose,
        "live": options.verbose > 0 or sys.stderr.isatty(),
        "began": began,
        "environment": client.environment(),
    }


_RARELY = 10_000  # objects more; 700 by default, which is ten looks for garbage a hook
_GLOBAL = frozenset(("root", "config", "json", "verbose", "verb", "no_daemon"))


def entry() -> None:
    """Run as the `hookd` program."""
    raise SystemExit(main())
