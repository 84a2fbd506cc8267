"""What the failing problems of a shard have in common: a diagnosis of all of them where one fits, else one for each group."""

from dataclasses import dataclass

from gradcheck import clock, diagnosis
from gradcheck.campaign.findings import HURRIED, UNKNOWN
from gradcheck.checks import Check
from gradcheck.checks.meant import MEANT
from gradcheck.facts import Record
from gradcheck.implementations import Implementation
from gradcheck.problem import Problem
from gradcheck.verdict import Verdict

VAIN = 3  # searches that found nothing; after these the other groups of a shard are not diagnosed anew


@dataclass(eq=False)
class Group:
    """The failing problems of one check in one regime of this shard."""

    check: Check
    regime: str
    first: tuple[Problem, Verdict]
    failing: list[Problem]
    failed: int = 0
    smallest: tuple[Problem, Verdict] | None = None


class Explained:
    """Diagnoses of the groups of a shard: one for all of them where it fits, else one for each."""

    def __init__(
        self, implementation: Implementation, passing: list[Problem], groups: list[Group], record: Record | None = None
    ) -> None:
        self.implementation, self.passing, self.record = implementation, passing, record
        failing = [problem for group in groups for problem in group.failing]
        self.exact: list[diagnosis.Diagnosis] = []
        self.vain = 0
        self.late = False
        self._made(failing)

    def label(self, group: Group) -> tuple[str, str]:
        """What is likely wrong, and how it is mended."""
        if group.check.name in MEANT:
            return MEANT[group.check.name]
        found = self.of(group)
        if found and (found.exact or found.state):
            return found.likely, found.fix
        return HURRIED if self.late else UNKNOWN, found.fix if found else ""

    def of(self, group: Group) -> diagnosis.Diagnosis | None:
        """One that explains every problem of the group that was examined, of those made before or anew."""
        for found in self.exact:
            explained, examined = found.counts(group.failing)
            if explained == examined > 0 or (found.state and found.concerns(group.check.needs)):
                return found
        return self._made(group.failing) if group.failing and self.vain < VAIN else None

    def _made(self, failing: list[Problem]) -> diagnosis.Diagnosis | None:
        found = None
        try:
            if failing:
                found = diagnosis.diagnose(
                    self.implementation, failing, self.passing, describe=False, record=self.record
                )
        except clock.Late:
            self.late = True
        if found and (found.exact or found.state):
            self.exact.append(found)
        else:
            self.vain += 1
        return found
