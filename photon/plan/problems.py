"""What is wrong with a plan's files: each mistake with its place, all of them at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

# Whoever has more mistakes than this mends some first; a hostile file could have thousands.
PROBLEMS_MAX: Final = 20


@dataclass(frozen=True, slots=True)
class Problem:
    """`where` names the value as the file has it: hosts[2].memory; "" is the whole file."""

    file: str
    line: int
    where: str
    sentence: str

    def __str__(self) -> str:
        where = f"{self.where}: " if self.where else ""
        return f"{self.file}:{self.line}: {where}{self.sentence}"


class PlanWrong(Exception):
    """The files cannot be used; `problems` say why, and `unlisted` more are not told."""

    def __init__(self, problems: list[Problem], unlisted: int = 0) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = problems
        self.unlisted = unlisted

    def paragraphs(self) -> list[str]:
        more = [f"{self.unlisted} more mistakes are not listed."] if self.unlisted else []
        return [*map(str, self.problems), *more]


class PlanFailed(Exception):
    """The simulation itself did not come to an end; the sentence says where."""


class Sheet:
    """One file that is being read, and what was found to be wrong with it."""

    def __init__(self, file: str) -> None:
        self.file = file
        self._problems: list[Problem] = []
        self._unlisted = 0

    def wrong(self, line: int, where: str, sentence: str) -> None:
        if len(self._problems) < PROBLEMS_MAX:
            self._problems.append(Problem(self.file, line, where, sentence))
        else:
            self._unlisted += 1

    @property
    def is_fine(self) -> bool:
        return not self._problems

    def judge(self) -> None:
        """Raises PlanWrong if anything is wrong, in the order of the file."""
        if self._problems:
            ordered = sorted(self._problems, key=lambda problem: problem.line)
            raise PlanWrong(ordered, self._unlisted)
