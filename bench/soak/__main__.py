"""`make soak` (MINUTES=30): half of what the machine can take, held for long; does anything grow or fail?"""

import json
import os
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from typing import Final

from bench.report import RESULTS
from bench.soak.picture import draw
from bench.soak.run import Soak, soak
from bench.soak.sampling import Sample
from bench.soak.trend import LEAST_HOURS, Trend, trend

MOST_OLD: Final = 60.0  # seconds that due work may have waited, at any look
MOST_MORE: Final = 50  # rows by which the ledger may be longer in the last third than in the first


def main() -> None:
    """Run, report, and exit with 1 when something grows, fails or piles up."""
    minutes = float(os.environ.get("MINUTES") or 30)
    seen = soak(minutes, say=lambda line: print(line, flush=True))
    wrong = [*_memory(seen), *_errors(seen), *_waiting(seen)]
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "soak.json").write_text(json.dumps(asdict(seen) | {"wrong": wrong}, indent=1) + "\n")
    (RESULTS / "soak.svg").write_text(_picture(seen))
    print(f"\nEverything that was seen: {RESULTS / 'soak.json'}, drawn in {RESULTS / 'soak.svg'}")
    print("\n".join(wrong) if wrong else "Nothing grows, nothing failed, nothing piled up.")
    sys.exit(1 if wrong else 0)


def _counted(seen: Soak) -> list[Sample]:
    """Those after the warm-up."""
    began = seen.samples[0].second
    return [sample for sample in seen.samples if sample.second - began >= seen.warm_up * 60]


def _memory(seen: Soak) -> list[str]:
    counted = _counted(seen)
    print(f"\nMemory without the first {seen.warm_up:.1f} minutes (children counted with their parents)")
    print(f"  {'':<20}{'processes':>10}{'start MB':>10}{'end MB':>10}{'MB/h':>8}{'files':>14}{'threads':>12}  verdict")
    if counted[-1].second - counted[0].second < LEAST_HOURS * 3600:
        print("  (seen for too short a time to say what grows)")
    wrong = []
    for name in counted[0].roles:
        memory = _trend(counted, lambda sample, name=name: sample.roles[name].get("mb", 0.0))  # type: ignore[misc]
        first, last = counted[0].roles[name], counted[-1].roles[name]
        ends = [f"{first.get(what, 0):.0f} to {last.get(what, 0):.0f}" for what in ("files", "threads")]
        replaced = len({pid for sample in counted for pid in sample.pids[name]}) - last.get("processes", 0)
        verdict = ("grows" if memory.grows else "flat") + (f", {replaced:.0f} replaced" if replaced > 0 else "")
        print(_line(name, last.get("processes", 0), memory) + f"{ends[0]:>14}{ends[1]:>12}  {verdict}")
        if memory.grows:
            wrong.append(f"{name} grows: {memory.gained:+.1f} MB in {memory.hours * 60:.0f} minutes")
    within = _trend(counted, lambda sample: sample.redis_mb)
    print(_line("data in Redis", 0, within) + f"{'':>26}  {'grows' if within.grows else 'flat'}")
    print(
        _line("database on disk", 0, _trend(counted, lambda sample: sample.postgres_mb))
        + f"{'':>26}  with what is written"
    )
    connections = [sample.postgres_connections for sample in counted]
    print(f"  connections to Postgres: {connections[0]} to {connections[-1]}, at most {max(connections)}")
    return wrong + ([f"Redis grows: {within.gained:+.1f} MB"] if within.grows else [])


def _line(name: str, processes: float, memory: Trend) -> str:
    number = f"{processes:.0f}" if processes else ""
    return f"  {name:<20}{number:>10}{memory.start:>10.1f}{memory.end:>10.1f}{memory.per_hour:>+8.1f}"


def _trend(counted: list[Sample], value: Callable[[Sample], float]) -> Trend:
    return trend([sample.second for sample in counted], [value(sample) for sample in counted])


def _errors(seen: Soak) -> list[str]:
    errors: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    for minute in seen.by_minute:
        errors.update(minute.errors)
        refused.update(minute.refused)
    p99 = sorted(minute.p99_ms for minute in seen.by_minute)
    print(f"\n{sum(minute.requests for minute in seen.by_minute):,} answers, {errors.total()} errors; p99 of a minute")
    print(f"  {p99[0]:.0f} to {p99[-1]:.0f} ms; refused as rules say: {dict(refused)}")
    print(f"  {seen.events:,} events over {seen.sockets_opened} WebSockets, of which {seen.sockets_lost} were lost")
    failed = seen.samples[-1].failed
    return [f"{number} x {what}" for what, number in errors.most_common(10)] + (
        [f"{failed} pieces of work were given up"] if failed else []
    )


def _waiting(seen: Soak) -> list[str]:
    counted = _counted(seen)
    depths = [sum(sample.ledger.values()) for sample in counted]
    third = max(1, len(depths) // 3)
    first, last = (sorted(part)[len(part) // 2] for part in (depths[:third], depths[-third:]))
    oldest = max(sample.oldest_seconds for sample in counted)
    queued = max(sum(sample.queues.values()) for sample in counted)
    most = Counter[str]()
    for sample in counted:
        most |= Counter(sample.ledger)
    print(
        f"\nWork that waits: {first} rows at first, {last} in the end, at most {max(depths)}; {queued} messages queued"
    )
    print(f"  the oldest {oldest:.1f} s; most of each kind: {dict(most)}")
    wrong = [f"work piles up: {first} rows at first, {last} in the end"] if last > first + MOST_MORE else []
    return wrong + ([f"due work had waited for {oldest:.0f} s"] if oldest > MOST_OLD else [])


def _picture(seen: Soak) -> str:
    began = seen.samples[0].second
    looks = [(sample.second - began, sample) for sample in seen.samples]
    memory = {
        name: [(second, sample.roles.get(name, {}).get("mb", 0.0)) for second, sample in looks]
        for name in seen.samples[0].roles
    }
    times = {
        "p50": [(minute.second, minute.p50_ms) for minute in seen.by_minute],
        "p99": [(minute.second, minute.p99_ms) for minute in seen.by_minute],
    }
    waiting = {"rows of the ledger": [(second, float(sum(sample.ledger.values()))) for second, sample in looks]}
    return draw({"Memory, MB": memory, "Answers, ms": times, "Work that waits": waiting})


if __name__ == "__main__":
    main()
