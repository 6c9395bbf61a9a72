"""What the product promises of meetings among a few people: the model that tests hold the database to."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

TALKING = {"active", "archived", "dating"}
INSTANT = timedelta(microseconds=1)  # no two messages of a match are of the same one
QUIET = timedelta(days=14)


@dataclass
class Meeting:
    """A match in the model; people are numbers."""

    people: frozenset[int]
    since: datetime
    state: str = "active"
    proposed: set[int] = field(default_factory=set)
    changes: int = 1
    written: datetime = field(init=False)

    def __post_init__(self) -> None:
        self.written = self.since

    def become(self, state: str, now: datetime) -> None:
        self.state, self.since = state, now
        self.proposed.clear()
        self.changes += 1


@dataclass
class World:
    """What the product promises, for few people. What is asked returns why it is refused, or None."""

    now: datetime
    meetings: list[Meeting] = field(default_factory=list)
    likes: set[tuple[int, int]] = field(default_factory=set)
    blocked: set[frozenset[int]] = field(default_factory=set)
    resting: set[int] = field(default_factory=set)

    def is_dating(self, person: int) -> bool:
        return any(person in one.people and one.state == "dating" for one in self.meetings)

    def is_paused(self, person: int) -> bool:
        return person in self.resting or self.is_dating(person)

    def can_find(self, person: int, meeting: Meeting) -> bool:
        return person in meeting.people and meeting.people not in self.blocked

    def like(self, liker: int, liked: int) -> str | None:
        pair = frozenset({liker, liked})
        if self.is_paused(liker):
            return "forbidden"
        if pair in self.blocked or self.is_paused(liked):
            return "not_found"
        if any(one.people == pair and one.state in TALKING for one in self.meetings):
            return "already_matched"
        if (liker, liked) in self.likes:
            return "already_liked"
        self.likes.add((liker, liked))
        if (liked, liker) in self.likes:
            self.meetings.append(Meeting(pair, self.now))
        return None

    def change(self, person: int, meeting: Meeting, to: str) -> str | None:
        if not self.can_find(person, meeting):
            return "not_in_match"
        if to == "dating":
            return self.propose(person, meeting)
        if to == meeting.state and person in meeting.proposed:
            meeting.proposed.remove(person)
            return None
        either = {"active": {"archived"}, "archived": {"active"}, "dating": {"active"}}
        if to not in either.get(meeting.state, set()) and not (to == "unmatched" and meeting.state in TALKING):
            return "invalid_transition"
        meeting.become(to, self.now)
        return None

    def propose(self, person: int, meeting: Meeting) -> str | None:
        if meeting.state not in {"active", "archived"} or self.is_dating(person):
            return "invalid_transition"
        (other,) = meeting.people - {person}
        if other not in meeting.proposed:
            meeting.proposed.add(person)
        elif self.is_dating(other):
            return "invalid_transition"
        else:
            meeting.become("dating", self.now)
        return None

    def write(self, person: int, meeting: Meeting) -> str | None:
        if not self.can_find(person, meeting):
            return "not_in_match"
        if meeting.state not in TALKING:
            return "match_closed"
        if meeting.state == "archived":
            meeting.become("active", self.now)
        meeting.written = max(self.now, meeting.written + INSTANT)
        return None

    def block(self, blocker: int, blocked: int) -> None:
        pair = frozenset({blocker, blocked})
        self.blocked.add(pair)
        for meeting in self.meetings:
            if meeting.people == pair and meeting.state in TALKING:
                meeting.become("unmatched", self.now)

    def archive_quiet(self) -> None:
        for meeting in self.meetings:
            if meeting.state == "active" and self.now - max(meeting.written, meeting.since) > QUIET:
                meeting.become("archived", self.now)

    def end_all(self, person: int) -> None:
        for meeting in self.meetings:
            if person in meeting.people and meeting.state != "deleted":
                if meeting.state in TALKING:
                    self.likes = {like for like in self.likes if frozenset(like) != meeting.people}
                meeting.become("deleted", self.now)

    def resume(self, person: int) -> str | None:
        if self.is_dating(person):
            return "invalid_transition"
        self.resting.discard(person)
        return None
