"""What right code may return, worked out when it is asked for: a large Jacobian takes long, and is seldom looked at."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from gradcheck.readings.running import Running


class Right(Mapping[str, Running]):
    """By quantity, of those that are offered; `made` gives it, and perhaps others with it."""

    def __init__(self, offered: Collection[str], made: Callable[[str], Iterable[tuple[str, Running]]]) -> None:
        self._offered, self._made, self._found = offered, made, dict[str, Running]()

    def __getitem__(self, name: str) -> Running:
        if name not in self._found and name in self._offered:
            self._found.update(self._made(name))
        return self._found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._offered)

    def __len__(self) -> int:
        return len(self._offered)
