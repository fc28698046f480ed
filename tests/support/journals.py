"""Journals to fold: events in a row, and hypothesis strategies for every kind of them."""

from __future__ import annotations

from hypothesis import strategies as st

from hookd.core.fold import fold
from hookd.core.journal import (
    Checked,
    Event,
    HookCutOff,
    HookEnded,
    HookPassedOver,
    HookSpawned,
    HookStarted,
    Noted,
    Observed,
    OperationClosed,
    OperationOpened,
    PhaseEnded,
    PhaseStarted,
    Published,
    SnapshotTaken,
    UndoKept,
    new_event,
)
from hookd.core.model import (
    CallerKind,
    Check,
    Health,
    HookOutcome,
    HookSpec,
    Leftover,
    Outcome,
    Path,
    Phase,
    PhaseOutcome,
    Severity,
    Stream,
    Verdict,
)

ID = "20261105T041807Z-7f3a"
BOOT_1 = "11111111-1111-4111-8111-111111111111"
BOOT_2 = "22222222-2222-4222-8222-222222222222"


def at(n):
    """The wall clock of event `n`."""
    minute, second = divmod(n, 60)
    hour, minute = divmod(18 + minute, 60)
    return f"2026-11-05T{4 + hour:02d}:{minute:02d}:{second:02d}.000000Z"


def events(*bodies, boot_id=BOOT_1, first=1):
    """Number `bodies` from `first`; a second passes between two of them."""
    return tuple(
        new_event(body, n=n, at=at(n), boot_id=boot_id, up_s=100.0 + n)
        for n, body in enumerate(bodies, first)
    )


def folded(*bodies, **more):
    return fold(events(*bodies, **more))


def opened(**more):
    fields = {
        "id": ID,
        "number": 1,
        "run_id": "",
        "caller": CallerKind.PERSON,
        "version": "0",
        "config": {},
        "config_sha256": "c0",
        "expected": tuple(Phase),
    }
    return OperationOpened(**{**fields, **more})


def started(phase, attempt=1, caller=CallerKind.PERSON, *, resumed=False):
    return PhaseStarted(Phase(phase), attempt, caller, 41, 7.5, 3300.0, "[run] deadline", resumed)


def ended(phase, outcome="passed", exit_code=0, attempt=1, reason="all hooks done"):
    return PhaseEnded(Phase(phase), attempt, PhaseOutcome(outcome), exit_code, exit_code, reason)


def hook_started(hook, phase="pre", attempt=1, try_=1, *, required=True, **more):
    token = f"{ID}/{phase}/{hook}#{try_}"
    return HookStarted(Phase(phase), attempt, hook, try_, token, 600.0, required, **more)


def hook_ended(hook, outcome="passed", phase="pre", attempt=1, try_=1, **more):
    return HookEnded(Phase(phase), attempt, hook, try_, HookOutcome(outcome), **more)


def ran(hook, outcome="passed", phase="pre", *, required=True, **more):
    """A hook from its start to its end."""
    return (
        hook_started(hook, phase, required=required),
        hook_ended(hook, outcome, phase, **more),
    )


# -- strategies: what decodes must encode, and the other way round ----------------------------

texts = st.text('aZ09 ./"\\\0\n\r\t\x1b\x7f\x85\u2028\xe9\u6f22\U0001f600\udc80\udcff', max_size=4)
numbers = st.sampled_from([0.0, -0.0, 0.1, -2.5, 1e-9, 5e-324, 1.7976931348623157e308])
small = st.integers(0, 9)
maybe = st.one_of(st.none(), st.integers())
json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), numbers, texts),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=6,
)
tables = st.dictionaries(texts, texts, max_size=3)


def some(strategy):
    return st.lists(strategy, max_size=2).map(tuple)


phases = st.sampled_from(Phase)
hooks = st.sampled_from(["10-a", "20-b", "30-c"])
specs = st.builds(
    HookSpec,
    description=texts,
    timeout_s=numbers,
    grace_s=numbers,
    required=st.booleans(),
    retries=small,
    retry_delay_s=numbers,
    user=texts,
    group=texts,
    parallel=st.booleans(),
    undoes=texts,
    when=some(texts),
    only_if_healthy=st.booleans(),
    settings=tables,
)
streams = st.builds(
    Stream, path=texts, bytes=small, head=texts, tail=texts, hidden=small, dropped=small
)
leftovers = some(st.builds(Leftover, pid=small, command=texts, holds_stdout=st.booleans()))
checks = st.builds(
    Check,
    id=texts,
    outcome=st.sampled_from(Outcome),
    severity=st.sampled_from(Severity),
    expected=texts,
    found=texts,
    reason=texts,
    remedy=texts,
    phase=texts,
)
attempts = {"phase": phases, "attempt": st.integers(1, 2)}
tried = {**attempts, "hook": hooks, "try_": st.integers(1, 3)}
of_file = {"sha256": texts, "owner": small, "mode": texts, "path": texts, "undo_of": texts}

BODIES = {
    OperationOpened: st.builds(
        OperationOpened,
        id=texts,
        number=small,
        run_id=texts,
        caller=st.sampled_from(CallerKind),
        version=texts,
        config=json_values,
        config_sha256=texts,
        expected=some(phases),
        environment=tables,
        host=tables,
        root=texts,
    ),
    Observed: st.builds(Observed, subject=texts, value=json_values),
    PhaseStarted: st.builds(
        PhaseStarted,
        **attempts,
        caller=st.sampled_from(CallerKind),
        pid=small,
        process_started_at=numbers,
        deadline_s=numbers,
        deadline_by=texts,
        resumed=st.booleans(),
    ),
    SnapshotTaken: st.builds(
        SnapshotTaken,
        name=texts,
        file=texts,
        sha256=texts,
        same_as=texts,
        inline=texts,
        failed=texts,
    ),
    UndoKept: st.builds(
        UndoKept, hook=hooks, undoes=texts, file=texts, sha256=texts, spec=specs, failed=texts
    ),
    HookStarted: st.builds(
        HookStarted,
        **tried,
        token=texts,
        timeout_s=numbers,
        required=st.booleans(),
        **of_file,
        from_copy=st.booleans(),
    ),
    HookSpawned: st.builds(HookSpawned, **tried, pid=small, process_started_at=numbers),
    HookEnded: st.builds(
        HookEnded,
        **tried,
        outcome=st.sampled_from(HookOutcome),
        exit_code=maybe,
        signal=st.one_of(st.none(), texts),
        duration_s=numbers,
        reason=texts,
        stdout=streams,
        stderr=streams,
        outputs=tables,
        left_running=leftovers,
        cpu_s=numbers,
        max_rss_kb=small,
        retry=st.booleans(),
    ),
    HookPassedOver: st.builds(
        HookPassedOver,
        **attempts,
        hook=hooks,
        outcome=st.sampled_from(HookOutcome),
        required=st.booleans(),
        reason=texts,
        **of_file,
    ),
    HookCutOff: st.builds(HookCutOff, **tried, reason=texts, found=leftovers),
    Checked: st.builds(Checked, phase=phases, checks=some(checks), health=st.sampled_from(Health)),
    PhaseEnded: st.builds(
        PhaseEnded,
        **attempts,
        outcome=st.sampled_from(PhaseOutcome),
        exit_code=small,
        process_exit=small,
        reason=texts,
        wall_s=numbers,
        cpu_s=numbers,
        max_rss_kb=small,
    ),
    OperationClosed: st.builds(
        OperationClosed,
        path=st.sampled_from(Path),
        verdict=st.sampled_from(Verdict),
        reason=texts,
    ),
    Published: st.builds(Published, of=small),
    Noted: st.builds(Noted, code=texts, message=texts),
}
bodies = st.one_of(*BODIES.values())


def to_events(body_strategy):
    return st.builds(
        new_event,
        body_strategy,
        n=st.integers(1, 99),
        at=texts,
        boot_id=st.sampled_from(["", BOOT_1, BOOT_2]),
        up_s=st.integers(0, 10**9).map(lambda milliseconds: milliseconds / 1000),
    )


unknown_events = st.builds(
    lambda n, raw: Event(
        n, "", "", 0.0, "hook-dreamt", None, {**raw, "n": n, "event": "hook-dreamt"}
    ),
    st.integers(1, 99),
    st.dictionaries(texts, json_values, max_size=3),
)
any_events = st.one_of(to_events(bodies), unknown_events)


@st.composite
def journals(draw):
    """The bodies of a journal as an engine would write it, crashes and retries included."""
    story = [draw(BODIES[OperationOpened])]
    for phase in Phase:
        for attempt in range(1, 1 + draw(st.integers(0, 2))):
            story += draw(_phase_story(phase, attempt))
    if draw(st.booleans()):
        story.append(draw(BODIES[OperationClosed]))
    return tuple(story)


@st.composite
def _phase_story(draw, phase, attempt):
    story = [started(phase, attempt)]
    for hook in draw(st.lists(hooks, unique=True)):
        story += draw(_hook_story(hook, phase, attempt))
        if draw(st.integers(0, 5)) == 0:
            story.append(started(phase, attempt, CallerKind.RECOVERY, resumed=True))
    if draw(st.booleans()):
        story.append(Checked(phase, (draw(checks),), draw(st.sampled_from(Health))))
    if draw(st.integers(0, 3)):
        story.append(ended(phase, draw(st.sampled_from(PhaseOutcome)), attempt=attempt))
    return story


@st.composite
def _hook_story(draw, hook, phase, attempt):
    if draw(st.integers(0, 4)) == 0:
        outcome = draw(st.sampled_from(HookOutcome))
        return [HookPassedOver(phase, attempt, hook, outcome, draw(st.booleans()), "because")]
    story = []
    tries = draw(st.integers(1, 3))
    for try_ in range(1, tries + 1):
        story.append(hook_started(hook, phase, attempt, try_))
        story.append(HookSpawned(phase, attempt, hook, try_, 4711, 9.25))
        if try_ < tries:
            story.append(hook_ended(hook, "failed", phase, attempt, try_, exit_code=75, retry=True))
    last = draw(st.sampled_from(["ended", "cut off", "nothing"]))
    if last == "ended":
        outcome = draw(st.sampled_from(HookOutcome))
        story.append(hook_ended(hook, outcome, phase, attempt, tries))
    elif last == "cut off":
        story.append(HookCutOff(phase, attempt, hook, tries, "its engine died"))
    return story
