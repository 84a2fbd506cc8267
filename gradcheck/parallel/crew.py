"""The processes of all ranks, asked at once. When one fails, the others wait for it in vain: all are ended, and started again."""

from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import suppress
from typing import Any

from gradcheck.errors import Unusable
from gradcheck.implementations.peer import START_LIMIT, Limits, Peer
from gradcheck.implementations.record import NotPosed, TargetFailed
from gradcheck.law import CrossEntropy
from gradcheck.law.options import PLAIN
from gradcheck.parallel.forks import Origin
from gradcheck.parallel.rank import SAYS
from gradcheck.problem import Array

Call = tuple[Any, ...]  # of a Peer
STARTS = 3  # of a crew: each may take as long as a call may
EVERY, ALONE = "every rank", "it"
GRACE = 0.5  # seconds in which other ranks may still answer when one has failed
# What ranks say whose partner has gone: it is not they that failed first.
_LEFT = ("closed by peer", "Connection reset", "Broken pipe", "Socket closed", "Read error", "Timed out", "timed out")


class Crew:
    """So many processes of one script after another, begun when they are first asked. Closed, or lost, they end with all they
    started. Several crews may be of one `origin`, one after the other.
    """

    def __init__(self, ranks: int, limits: Limits, origin: Origin | None = None) -> None:
        self.ranks, self.limits = ranks, limits
        self.origin, self._own = origin or Origin(), origin is None
        self.peers: list[Peer] = []
        self.word = self.begun = ""
        self.starts = 0
        self._pool = ThreadPoolExecutor(ranks)  # a process ends with the thread that has started it

    def __enter__(self) -> "Crew":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all of them."""
        self._end()
        self._pool.shutdown()
        if self._own:
            self.origin.close()

    def ask(self, arrays: Sequence[dict[str, Array]], said: Sequence[dict[str, Any]], law: CrossEntropy) -> list[Any]:
        """What every rank returns of its share. `TargetFailed` and `NotPosed` say which rank."""
        dtype = arrays[0]["theta"].dtype.name
        if not self.peers or self.begun != self.word:
            self._begin(dtype)
        calls = [("step", dtype, arrays[r], law, {"said": said[r]}) for r in range(self.ranks)]
        return self._all(calls, self.limits)

    def turn_to(self, word: str) -> None:
        """The script of the problems that follow."""
        self.word, self.starts = word, int(bool(self.peers))

    def _begin(self, dtype: str) -> None:
        """Have every rank load the script, in processes that run or that are started."""
        try:
            if not self.peers:
                self._start()
            call: Call = ("begin", dtype, {}, PLAIN, {"said": {"word": self.word}})
            self._all([call] * self.ranks, Limits(START_LIMIT, self.limits.memory))
            self.begun = self.word
        except TargetFailed as failure:
            self.begun = ""
            if not failure.fatal:  # all of them say so, and may be asked again
                said = str(failure).removeprefix(f"{EVERY} ").removeprefix(f"{ALONE} ").removeprefix(SAYS)
                raise Unusable(f"{self.word} cannot be run on ranks: {said}") from None
            self._end()
            raise TargetFailed(f"could not begin: {failure}", fatal=True) from None
        except BaseException:
            self._end()
            raise

    def _start(self) -> None:
        if self.starts >= STARTS:
            raise NotPosed(f"its ranks have had to be ended {STARTS} times, and are not started again")
        self.starts += 1
        self.origin.ready()
        port = _free_port()
        for r in range(self.ranks):
            self.peers.append(Peer(self.origin.begin(f"{r},{self.ranks},{port}"), self.limits, f"rank {r}"))
        for each in [self._pool.submit(peer.start) for peer in self.peers]:
            each.result()

    def _all(self, calls: Sequence[Call], limits: Limits) -> list[Any]:
        for peer in self.peers:
            peer.limits = limits
        futures = [self._pool.submit(peer.call, *call) for peer, call in zip(self.peers, calls, strict=True)]
        try:
            wait(futures, return_when=FIRST_EXCEPTION)
            if not any(each.done() and each.exception() for each in futures):
                return [each.result() for each in futures]
            wait(futures, timeout=GRACE)
        except BaseException:  # Ctrl-C
            self._end()
            raise
        waiting = [r for r, each in enumerate(futures) if not each.done()]
        failed = {r: each.exception() for r, each in enumerate(futures) if each.done() and each.exception()}
        alike = len(failed) == self.ranks and not any(getattr(e, "fatal", False) for e in failed.values())
        if not alike:  # what is left of their messages would be taken for those of the next problem
            self._end()
            wait(futures)
        raise _told(failed, waiting, self.ranks, ended=not alike)

    def _end(self) -> None:
        for peer in self.peers:
            peer.let_go()  # a thread that waits for it hears of its end
        peers, self.peers = self.peers, []
        for each in [self._pool.submit(peer.stop) for peer in peers]:
            with suppress(Exception):
                each.result()


def _told(failed: Mapping[int, Any], waiting: Sequence[int], ranks: int, *, ended: bool) -> Exception:
    """The failure of the rank that failed first, as far as can be seen, by its name."""
    if len(failed) == ranks and all(isinstance(e, NotPosed) for e in failed.values()):
        return failed[0]
    r = min(failed, key=lambda r: (_weight(failed[r]), r))
    more = f"; rank{'s' * (len(waiting) > 1)} {', '.join(map(str, waiting))} waited for it" if waiting else ""
    if isinstance(failed[r], NotPosed):
        return NotPosed(f"{failed[r]} (said by rank {r} alone)")
    alike = len({str(e) for e in failed.values()}) == 1 and len(failed) == ranks
    who = (EVERY if ranks > 1 else ALONE) if alike else f"rank {r}"
    return TargetFailed(f"{who} {failed[r]}{more}", fatal=ended)


def _weight(failure: Exception) -> int:
    """Which of several is told: a process that has ended, then what was raised, then who waited too long, or for one that left."""
    said = str(failure)
    if "took longer" in said:
        return 4
    if any(word in said for word in _LEFT):
        return 3
    return 1 if getattr(failure, "fatal", False) else 2


def _free_port() -> int:
    import socket

    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
