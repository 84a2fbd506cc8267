"""Databases of Hypothesis examples, by address: what one machine found, others pose first.

    DIR                     a folder
    redis://host:port/0     a Redis server, by hypothesis.extra.redis
    github://owner/repo     artifacts of a repository's workflows, read only

Our one door to redis. A database that goes away is told of once, and then left alone.
"""

import contextlib
from collections.abc import Callable, Iterable
from pathlib import Path
from unittest import SkipTest
from urllib.parse import urlsplit

from hypothesis import Phase
from hypothesis.database import (
    DirectoryBasedExampleDatabase,
    ExampleDatabase,
    GitHubArtifactDatabase,
    MultiplexedDatabase,
    ReadOnlyDatabase,
)

from gradcheck import conformance
from gradcheck.campaign.job import Job
from gradcheck.errors import Missing, Unusable
from gradcheck.problem import Problem

SECONDS = 5  # how long a server is waited for


class Steady(ExampleDatabase):
    """A database that is left alone once it has failed, and says why."""

    def __init__(self, address: str, inner: ExampleDatabase) -> None:
        super().__init__()
        self.address, self.inner, self.note = address, inner, ""

    def save(self, key: bytes, value: bytes) -> None:
        self._tried(lambda: self.inner.save(key, value))

    def delete(self, key: bytes, value: bytes) -> None:
        self._tried(lambda: self.inner.delete(key, value))

    def fetch(self, key: bytes) -> Iterable[bytes]:
        found: list[bytes] = []
        self._tried(lambda: found.extend(self.inner.fetch(key)))
        return iter(sorted(set(found)))

    def _tried(self, act: Callable[[], None]) -> None:
        if self.note:
            return
        try:
            act()
        except Exception as exception:  # whatever a server, a file system or a network may raise
            self.note = f"the database {self.address} cannot be used ({exception}); the campaign goes on without it"


def _directory(address: str) -> ExampleDatabase:
    return DirectoryBasedExampleDatabase(Path(address.removeprefix("file://")))


def _redis(address: str) -> ExampleDatabase:
    try:
        import redis
        from hypothesis.extra.redis import RedisExampleDatabase
    except ModuleNotFoundError:
        raise Missing.extra(f"--database {address}", "redis", "fuzz") from None
    try:
        server = redis.Redis.from_url(address, socket_timeout=SECONDS, socket_connect_timeout=SECONDS)
    except ValueError as problem:
        raise Unusable(f"--database {address}: {problem}; expected such as redis://localhost:6379/0") from None
    return RedisExampleDatabase(server)


def _github(address: str) -> ExampleDatabase:
    parts = urlsplit(address)
    owner, repo = parts.netloc, parts.path.strip("/")
    if not owner or not repo or "/" in repo:
        raise Unusable(f"--database {address} names no repository; expected github://owner/repo")
    kept = DirectoryBasedExampleDatabase(Path(".gradcheck-examples"))
    return MultiplexedDatabase(kept, ReadOnlyDatabase(GitHubArtifactDatabase(owner, repo)))


KINDS: dict[str, Callable[[str], ExampleDatabase]] = {
    "": _directory,
    "file": _directory,
    "redis": _redis,
    "rediss": _redis,
    "github": _github,
}


def opened(address: str) -> Steady | None:
    """The database of an address; None for none. `Unusable` where there is no such kind, `Missing` without its package."""
    if not address:
        return None
    scheme = address.partition("://")[0] if "://" in address else ""
    if scheme not in KINDS:
        raise Unusable(f"--database {address}: expected a folder, redis://host:port/0 or github://owner/repo")
    return Steady(address, KINDS[scheme](address))


def notes(database: Steady | None) -> list[str]:
    """What went wrong with it."""
    return [database.note] if database and database.note else []


def replay(judge: Callable[[Problem], None], job: Job, database: Steady | None) -> None:
    """Pose what the database holds. It is only read: Hypothesis would take out of it what does not fail here."""
    if database is None:
        return
    with contextlib.suppress(SkipTest):  # what Hypothesis raises where it holds nothing
        conformance.pose(
            judge,
            dtype=job.dtype_of(0),
            regimes=("*",),
            seed=0,
            count=job.size,
            shrink=False,
            database=ReadOnlyDatabase(database),
            phases=(Phase.reuse,),
        )
