"""Databases of Hypothesis examples, by address: what one machine found, others pose first.

    DIR                     a folder
    redis://host:port/0     a Redis server, by hypothesis.extra.redis
    github://owner/repo     the newest artifact `hypothesis-example-db` of a repository's workflows, read once by a campaign; what
                            is found goes to the folder .gradcheck-examples, which a workflow may upload under that name

Our one door to redis. A database that goes away is told of once, and then left alone.
"""

import contextlib
import re
import socket
import warnings
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from unittest import SkipTest

from hypothesis import Phase
from hypothesis.database import (
    DirectoryBasedExampleDatabase,
    ExampleDatabase,
    GitHubArtifactDatabase,
    ReadOnlyDatabase,
)
from hypothesis.errors import HypothesisWarning

from gradcheck import drawing
from gradcheck.campaign.job import Job
from gradcheck.campaign.metered import Meter, connection
from gradcheck.errors import Missing, Unusable, text
from gradcheck.implementations import Implementation
from gradcheck.printable import refusal
from gradcheck.problem import Problem

SECONDS = 5  # how long a server is waited for, in each operation as a whole
KEPT, ARTIFACTS = ".gradcheck-examples", ".gradcheck-artifacts"

_gone: set[str] = set()  # servers that failed in this process: no shard after that waits for them again


class Steady(ExampleDatabase):
    """Databases as one, each left alone once it has failed. `notes` says why, and what they warned of."""

    def __init__(self, address: str, *inner: ExampleDatabase) -> None:
        super().__init__()
        self.address, self.inner = address, list(inner)
        self.notes: list[str] = []

    def save(self, key: bytes, value: bytes) -> None:
        self._tried(lambda each: each.save(key, value))

    def delete(self, key: bytes, value: bytes) -> None:
        self._tried(lambda each: each.delete(key, value))

    def fetch(self, key: bytes) -> Iterable[bytes]:
        found: set[bytes] = set()
        self._tried(lambda each: found.update(each.fetch(key)))
        return iter(sorted(found))

    def _tried(self, act: Callable[[ExampleDatabase], None]) -> None:
        for each in tuple(self.inner):
            try:
                with _patient() as warned:
                    act(each)
            except Exception as exception:  # whatever a server, a file system or a network may raise
                self.inner.remove(each)
                if isinstance(each, _Metered):
                    _gone.add(self.address)
                self._note(f"cannot be used ({text(exception, str)}); the campaign goes on without it")
            if warned:
                said = "; ".join(text.strip().rstrip(".") for text in warned)
                self._note(f"says: {said}; the campaign goes on with what it has")

    def _note(self, said: str) -> None:
        self.notes.append(refusal(f"the database {self.address} {said}"))


@contextlib.contextmanager
def _patient() -> Iterator[list[str]]:
    """Waits for no server longer than `SECONDS`, and gives what Hypothesis warns of, which no one would see otherwise."""
    said: list[str] = []
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(SECONDS)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", HypothesisWarning)
            yield said
    finally:
        socket.setdefaulttimeout(before)
        said += [str(warning.message) for warning in caught if issubclass(warning.category, HypothesisWarning)]


def _directory(address: str) -> ExampleDatabase:
    return DirectoryBasedExampleDatabase(Path(address.removeprefix("file://")))


def _redis(address: str) -> ExampleDatabase:
    try:
        import redis
        from hypothesis.extra.redis import RedisExampleDatabase
        from redis.backoff import NoBackoff
        from redis.retry import Retry
    except ModuleNotFoundError:
        raise Missing.package(f"--database {address}", "redis") from None
    meter = Meter(SECONDS)
    kind = connection(redis.SSLConnection if address.startswith("rediss") else redis.Connection, meter)
    limits = {"socket_timeout": SECONDS, "socket_connect_timeout": SECONDS, "retry": Retry(NoBackoff(), 0)}
    try:
        pool = redis.ConnectionPool.from_url(address, connection_class=kind, **limits)
    except ValueError as problem:
        raise Unusable(f"--database {address}: {problem}; expected such as redis://localhost:6379/0") from None
    return _Metered(RedisExampleDatabase(redis.Redis(connection_pool=pool)), meter)


class _Metered(ExampleDatabase):
    """A database on a server, which has so much time and room for each operation."""

    def __init__(self, inner: ExampleDatabase, meter: Meter) -> None:
        super().__init__()
        self.inner, self.meter = inner, meter

    def save(self, key: bytes, value: bytes) -> None:
        self.meter.begin()
        self.inner.save(key, value)

    def delete(self, key: bytes, value: bytes) -> None:
        self.meter.begin()
        self.inner.delete(key, value)

    def fetch(self, key: bytes) -> Iterable[bytes]:
        self.meter.begin()
        return list(self.inner.fetch(key))


def _github(address: str) -> ExampleDatabase:
    _repository(address)
    return DirectoryBasedExampleDatabase(Path(KEPT))


def _repository(address: str) -> tuple[str, str]:
    found = re.fullmatch(r"github://([\w-]+)/([\w.-]+)/?", address, re.ASCII)
    if found is None or set(found[2]) <= {"."}:  # it becomes the name of a folder
        raise Unusable(f"--database {address} names no repository; expected github://owner/repo")
    return found[1], found[2]


def _artifacts(address: str) -> ExampleDatabase:
    """Fetched anew by every campaign, into a folder of its own: by itself, Hypothesis has one for all repositories."""
    owner, repo = _repository(address)
    folder = Path(ARTIFACTS, owner, repo)
    return ReadOnlyDatabase(GitHubArtifactDatabase(owner, repo, cache_timeout=timedelta(0), path=folder))


KINDS: dict[str, Callable[[str], ExampleDatabase]] = {
    "": _directory,
    "file": _directory,
    "redis": _redis,
    "rediss": _redis,
    "github": _github,
}
# What is only read, and by one worker: others that fetch it at once would take each other's files away.
SOURCES: dict[str, Callable[[str], ExampleDatabase]] = {"github": _artifacts}


def opened(address: str) -> Steady | None:
    """The database of an address; None for none. `Unusable` where there is no such kind, `Missing` without its package."""
    if not address:
        return None
    scheme = _scheme(address)
    if scheme not in KINDS:
        raise Unusable(f"--database {address}: expected a folder, redis://host:port/0 or github://owner/repo")
    return Steady(address, *([] if address in _gone else [KINDS[scheme](address)]))


def _scheme(address: str) -> str:
    return address.partition("://")[0] if "://" in address else ""


def notes(database: Steady | None) -> list[str]:
    """What went wrong with it."""
    return database.notes if database else []


def replay(
    judge: Callable[[Problem], None], job: Job, database: Steady | None, implementation: Implementation | None = None
) -> None:
    """Pose what the database holds. It is only read: Hypothesis would take out of it what does not fail here."""
    if database is None:
        return
    database.inner += [make(job.database) for scheme, make in SOURCES.items() if scheme == _scheme(job.database)]
    with contextlib.suppress(SkipTest):  # what Hypothesis raises where it holds nothing
        drawing.pose(
            judge,
            dtype=job.dtype_of(0),
            regimes=("*",),
            seed=0,
            count=job.size,
            shrink=False,
            database=ReadOnlyDatabase(database),
            phases=(Phase.reuse,),
            implementation=implementation,
        )
