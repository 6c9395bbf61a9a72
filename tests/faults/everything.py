"""People who use the whole system while all of its parts break, and whether what they were promised is true."""

import asyncio
import random
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults import judging
from tests.faults.breaks import BREAKS, Break, go_wrong
from tests.faults.doing import ACTIONS, Action, join, upload
from tests.faults.evidence import Evidence
from tests.faults.listening import Ear
from tests.faults.people import Person, Town
from tests.faults.recovery import recovered
from tests.faults.system import System, running

Say = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """How many people, for how long, and what breaks how often."""

    people: int = 60
    seconds: float = 200.0
    every: float = 5.0
    think: float = 2.0  # seconds between two things that somebody does, about
    seed: int = 1
    breaks: tuple[Break, ...] = BREAKS
    actions: tuple[Action, ...] = ACTIONS
    lease_scale: float = 0.2
    settle: float = 240.0


@dataclass
class Outcome:
    """What was asked, what became of it, and every promise that was broken."""

    faults: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    slowest: dict[str, float] = field(default_factory=dict)
    words: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(kind, word) of everything in the journal."""
    events: Counter[str] = field(default_factory=Counter)
    events_missed: int = 0
    mails: int = 0
    mails_repeated: int = 0
    answers_cut: int = 0
    drained_after: float = 0.0
    broken: list[str] = field(default_factory=list)

    @property
    def held(self) -> bool:
        """Whether anything was promised at all, and everything was kept."""
        return not self.broken and any(word == "promised" for _, word in self.words)


class Run:
    """One system with its people."""

    def __init__(self, system: System, plan: Plan, say: Say) -> None:
        self.system, self.plan, self.say = system, plan, say
        self.town = Town(system.stack.api_port, random.Random(plan.seed), mailed=system.mailed)
        self.ears: list[Ear] = []
        self.evidence = Evidence(system.database_url, system.media, self.town)
        self._listening: set[asyncio.Task[None]] = set()
        self._until = 0.0

    async def run(self) -> Outcome:
        """Let people act while everything breaks, wait until all has come to rest, and judge."""
        plan = self.plan
        self.town.people = [Person(self.town, number) for number in range(plan.people)]
        self.say("People join")
        await asyncio.gather(*(self._join(person) for person in self.town.people if not person.is_late))
        await self._settle()
        self._until = time.monotonic() + plan.seconds
        async with asyncio.TaskGroup() as group:
            for person in self.town.people:
                group.create_task(self._live(person))
            group.create_task(
                go_wrong(
                    self.system,
                    self.town.trouble,
                    breaks=plan.breaks,
                    seconds=plan.seconds,
                    every=plan.every,
                    seed=plan.seed,
                    say=self.say,
                )
            )
        self.say("Nothing breaks any more; waiting until all is done")
        outcome = Outcome(drained_after=await self._settle())
        self.say("Sweeping the storage, and judging")
        self.town.broken += await recovered(self.evidence, self.ears)
        await asyncio.to_thread(self._sweep)
        self.town.broken += await self.judge()
        self._fill(outcome)
        for task in self._listening:
            task.cancel()
        await asyncio.gather(*self._listening, return_exceptions=True)
        return outcome

    async def judge(self) -> list[str]:
        """Every promise that is broken now, logins aside, which are judged once."""
        return [
            *await asyncio.to_thread(lambda: list(judging.stored(self.evidence))),
            *await asyncio.to_thread(lambda: list(judging.ranking(self.evidence))),
            *await asyncio.to_thread(lambda: list(judging.erased(self.evidence))),
            *judging.files(self.evidence),
            *judging.mails(self.evidence, self.system.posted),
            *judging.events(self.evidence, self.ears),
            *await judging.shown(self.evidence),
        ]

    async def _live(self, person: Person) -> None:
        """Do this and that until the end; some join only now, in the middle of it."""
        if person.is_late:
            await asyncio.sleep(person.random.uniform(0, self.plan.seconds / 2))
            await self._join(person)
        weights = [action.weight for action in self.plan.actions]
        while person.id and not person.has_left and time.monotonic() < self._until:
            await asyncio.sleep(person.random.expovariate(1 / self.plan.think))
            await person.random.choices(self.plan.actions, weights)[0].do(person)

    async def _join(self, person: Person) -> None:
        if not await join(person):
            self.town.note_broken(f"{person} could not join")
            return
        self.ears.append(Ear(person))
        self._listening.add(asyncio.create_task(self.ears[-1].listen()))
        await upload(person)  # who has no photo is shown to nobody

    async def _settle(self) -> float:
        """Wait until nothing is left to do; the seconds that it took."""
        began = time.monotonic()
        await self.system.until_api_answers()
        while time.monotonic() < began + self.plan.settle:
            left = await asyncio.to_thread(
                self.evidence.rows, "SELECT kind, count(*) FROM work WHERE due_at IS NOT NULL GROUP BY kind"
            )
            if not left:
                break
            await asyncio.sleep(0.5)
        return time.monotonic() - began

    def _sweep(self) -> None:
        swept = self.system.stack.run(sys.executable, "-m", "tests.faults.sweep")
        assert swept.returncode == 0, swept.stderr

    def close(self) -> None:
        """Hang up."""
        for person in self.town.people:
            person.wire.close()

    async def judge_logins(self) -> list[str]:
        """What is wrong with anybody's logins. It ends them."""
        return [
            *[wrong for person in self.town.here() for wrong in await judging.tokens(person)],
            *[wrong for person in self.town.left() for wrong in await judging.farewell(person)],
        ]

    def _fill(self, outcome: Outcome) -> None:
        town, mails = self.town, Counter(message_id for message_id, _ in self.system.posted)
        outcome.faults, outcome.answers = town.trouble.counts(), town.answers
        outcome.slowest, outcome.broken = town.slowest, town.broken
        outcome.words = Counter((entry.kind, str(entry.word)) for entry in town.journal.entries)
        for ear in self.ears:
            outcome.events += ear.told
        outcome.events_missed = judging.missed(self.evidence, self.ears)
        outcome.mails, outcome.mails_repeated = len(mails), mails.total() - len(mails)
        outcome.answers_cut = self.system.database.lost


@asynccontextmanager
async def prepared(folder: Path, plan: Plan, say: Say) -> AsyncIterator[Run]:
    """A system that runs, and its people, who have not begun."""
    async with running(folder, {"LEASE_SCALE": str(plan.lease_scale)}, seed=plan.seed) as system:
        where = "a file system of its own" if system.disk.is_own else "a limit on files: mounting is not allowed here"
        say(f"The disk of the storage is {where}")
        run = Run(system, plan, say)
        try:
            yield run
        finally:
            run.close()
            await asyncio.sleep(0)  # in which they do


def run(folder: Path, plan: Plan, say: Say) -> Outcome:
    """Start a system, break it while people use it, and judge."""

    async def everything() -> Outcome:
        async with prepared(folder, plan, say) as prepared_run:
            outcome = await prepared_run.run()
            outcome.broken += await prepared_run.judge_logins()
            if not outcome.held:
                (folder / "log").write_text(prepared_run.system.stack.log())
            return outcome

    return asyncio.run(everything())
