"""Reads somebody else's log: a mapping file says which column plays which role.

A mapping names the arms with the probabilities of the trial's design, or the column that logged them.
"""

from __future__ import annotations

import hashlib
import os
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from rage_env.errors import ConfigError
from rage_env.yamlfile import load

__all__ = ["DATA_VARIABLE", "Covariates", "LogMapping", "MappedArm", "Outcome", "data_folder", "locate", "read_mapping"]

DATA_VARIABLE = "RAGE_DATA"

Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]


def _fraction(value: object) -> object:
    """A share written as `1/3`, which no decimal number can say."""
    if isinstance(value, str):
        try:
            return float(Fraction(value))
        except (ValueError, ZeroDivisionError):
            raise ValueError(f"must be a number or a fraction such as 1/3, got {value!r}") from None
    return value


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class MappedArm(_Strict):
    """An arm: how we call it, how the file writes it, and its probability where the design fixed one."""

    name: Name
    value: str | int
    propensity: Annotated[float, BeforeValidator(_fraction), Field(gt=0, le=1)] | None = None


class Outcome(_Strict):
    """A column that holds what came of the decision."""

    name: Name
    unit: str
    column: str | None = None  # None: the column is called like the outcome


class Covariates(_Strict):
    """Columns known before the decision. Categorical ones become one 0/1 column for each value but the first."""

    numeric: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()


class LogMapping(_Strict):
    """Roles of a log's columns. unit, week: None where every row is its own unit, or there is one week.

    propensities: `withheld` where nobody kept them; estimators that weigh then refuse, or guess where they are told to.
    """

    name: Name
    source: str
    file: str
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    unit: str | None = None
    week: str | None = None
    arm_column: str
    arms: tuple[MappedArm, ...] = Field(min_length=2)
    propensity_column: str | None = None
    propensities: Literal["known", "withheld"] = "known"
    outcomes: tuple[Outcome, ...] = Field(min_length=1)
    covariates: Covariates = Covariates()

    @model_validator(mode="after")
    def _says_each_thing_once(self) -> Self:
        for what, held in (
            ("arm name", [a.name for a in self.arms]),
            ("arm value", [str(a.value) for a in self.arms]),
            ("outcome", [o.name for o in self.outcomes]),
            ("covariate", [*self.covariates.numeric, *self.covariates.categorical]),
        ):
            twice = sorted({h for h in held if held.count(h) > 1})
            if twice:
                raise ValueError(f"{what} {', '.join(twice)} stands there twice")
        designed = [a.propensity for a in self.arms if a.propensity is not None]
        if self.propensities == "withheld":
            if designed or self.propensity_column is not None:
                raise ValueError("propensities: withheld, yet some are given; leave out the one or the others")
            return self
        if self.propensity_column is not None and designed:
            raise ValueError("give the arms' propensities or propensity_column, not both")
        if self.propensity_column is None and len(designed) < len(self.arms):
            raise ValueError(
                "every arm needs its propensity by design, unless propensity_column names a logged one; where nobody "
                "kept them, say propensities: withheld"
            )
        if designed and abs(sum(designed) - 1) > 1e-6:
            raise ValueError(f"the arms' propensities must sum to 1, they sum to {sum(designed):.6g}")
        return self

    @property
    def by_design(self) -> bool:
        """Propensities follow from the arm alone."""
        return self.propensity_column is None and self.propensities == "known"

    @property
    def columns(self) -> dict[str, str]:
        """{column of the file: the role it plays}, of every column that is read."""
        named = {self.unit: "unit", self.week: "week", self.arm_column: "arm_column"}
        named[self.propensity_column] = "propensity_column"
        named |= {o.column or o.name: f"outcome {o.name}" for o in self.outcomes}
        named |= dict.fromkeys((*self.covariates.numeric, *self.covariates.categorical), "covariate")
        return {column: role for column, role in named.items() if column is not None}


def read_mapping(path: str | Path) -> LogMapping:
    """The mapping in a YAML file. Raises ConfigError with every problem and its line."""
    return load(LogMapping, path)


def data_folder() -> Path | None:
    """The folder of data sets: `RAGE_DATA`, else `../shared/data` beside the checkout; None where neither exists."""
    named = os.environ.get(DATA_VARIABLE)
    folder = Path(named) if named else Path(__file__).resolve().parents[2] / "shared" / "data"
    return folder if folder.is_dir() else None


def locate(mapping: LogMapping, beside: Path | None = None) -> Path:
    """Where the mapping's file is: as written, beside the mapping, or in the data folder.

    Raises ConfigError saying where it was looked for, or that its content is another than the mapping's author saw.
    """
    places = [Path(mapping.file)]
    if not places[0].is_absolute():
        places += [folder / mapping.file for folder in (beside, data_folder()) if folder is not None]
    for place in places:
        if place.is_file():
            return _checked(place, mapping)
    named = os.environ.get(DATA_VARIABLE)
    state = f"it is {named!r}" if named else "it is not set"
    raise ConfigError(
        f"{mapping.name}: no file {mapping.file}; looked at {', '.join(str(p) for p in places)}. "
        f"Set {DATA_VARIABLE} to the folder of the data ({state}), or give the file itself"
    )


def _checked(place: Path, mapping: LogMapping) -> Path:
    if mapping.sha256 is not None:
        with place.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != mapping.sha256:
            raise ConfigError(
                f"{place}: sha256 is {found}, the mapping {mapping.name!r} was written for {mapping.sha256}; "
                "fetch the original file, or correct or drop sha256 in the mapping"
            )
    return place
