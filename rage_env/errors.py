"""Every error that RAGE raises on purpose, in one tree.

::

    RageError
    |-- InputError            the user can mend it; commands leave with exit code 2
    |   |-- ConfigError       a scenario, experiment, mapping or override breaks its schema
    |   |-- LogError          a log or table breaks a rule of the log
    |   |-- GuardrailError    guardrails that cannot be met, or that are stated wrongly
    |   `-- UnknownNameError  a name that nothing registered answers to
    |-- DecisionError         an agent's decision or an action breaks the contract with the world
    |-- WorldError            check_world found a broken invariant
    `-- RunError              a run stopped half-way; commands leave with exit code 1
        `-- StoppedError      a signal ended it in order; commands leave with 128 + the signal's number

A message names the thing, the rule, the value and the way out.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

__all__ = [
    "ConfigError",
    "DecisionError",
    "GuardrailError",
    "InputError",
    "LogError",
    "RageError",
    "RunError",
    "StoppedError",
    "UnknownNameError",
    "WorldError",
    "did_you_mean",
]


class RageError(Exception):
    """Root of the tree: catch it to catch everything RAGE raises on purpose.

    Errors reach other processes as they are, whatever their constructors ask for.
    """

    def __reduce__(self) -> tuple[object, ...]:
        return _as_it_was, (type(self), self.args), self.__dict__


class InputError(RageError):
    """Something the user gave breaks a rule; commands print it and leave with exit code 2."""


class ConfigError(InputError):
    """One or more problems in a configuration; `problems` holds one line for each."""

    def __init__(self, problems: str | Sequence[str]) -> None:
        self.problems: tuple[str, ...] = (problems,) if isinstance(problems, str) else tuple(problems)
        super().__init__("\n".join(self.problems))


class LogError(InputError):
    """A log or table breaks a rule; the message names column, row and rule."""


class GuardrailError(InputError):
    """Guardrails that contradict each other, cannot be met, or are stated wrongly."""


class UnknownNameError(InputError):
    """A name that nothing registered answers to; the message offers the nearest ones."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        names = sorted(set(known))
        super().__init__(
            f"no {kind} is called {name!r}{did_you_mean(name, names)} Known: {', '.join(names) or 'none'}."
        )


class DecisionError(RageError):
    """A decision or an action breaks the contract between agents and world."""


class WorldError(RageError):
    """A broken invariant of the world; names the invariant, the user and the week."""


class RunError(RageError):
    """A run could not go on; what had been computed stays on disk."""


class StoppedError(RunError):
    """Ctrl-C or a signal ended the work in order. signal: its number."""

    def __init__(self, message: str, signal: int) -> None:
        self.signal = signal
        super().__init__(message)


def _as_it_was(kind: type[RageError], args: tuple[object, ...]) -> RageError:
    return kind.__new__(kind, *args)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`": did you mean 'x'?"` for the nearest known name, or `"."` where none is near."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f": did you mean {near[0]!r}?" if near else "."
