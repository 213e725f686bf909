"""Writes docs/calibration.md: what each shipped file of moments says of its world, observed against predicted.

`python -m experiments.calibration.page docs/calibration.md` makes the page again, in a few minutes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from experiments.calibration.command import DRAWS, calibrate
from experiments.calibration.moments import NAMES
from experiments.calibration.moments_file import MomentsFile, read_moments
from experiments.calibration.report import Calibration
from experiments.progress import Progress
from rage_env import configs

__all__ = ["main", "page", "section"]

INTRODUCTION = """# Calibration

`rage calibrate` turns a weekly log into a world: it finds the scenario numbers under which simulated people show the
moments of the log, says how surely, and says what the log cannot tell.

```
rage calibrate my_log.csv --scenario fintech --out my_scenario.yaml
rage calibrate my_log.parquet --mapping roles.yaml --newborn --draws 1000 --json
rage calibrate --moments households --out households.yaml
```

## The log

One row a user and week, CSV or Parquet; or the folder of a log of ours.

| column | found under | |
|---|---|---|
| `user_id` | user, customer_id, customer | |
| `week` | | whole numbers without a gap, at least 8 of them |
| `active` | | 0 or 1; left out, a week with spend is active |
| `gmv` | spend, amount | usd; may be left out if `active` is there |
| `transactions` | orders | optional |
| `contacts` | contacted | optional: simulations then contact as many at random |
| `churned` | | optional: 1 in a user's last week |
| `present` | | optional, where rows go on after a departure |
| `late` | | optional: 1 in a week in which a payment was missed |

Other names: `--mapping` takes a YAML file of `role: column` lines. A user has a row for every week from the first to
the last; whose rows end has left. Where only active weeks have rows, say `--sparse`: who left then looks idle. Only
users of the first week are used. `--newborn` says that all of them joined in it; otherwise their ages are those of a
company of long standing.

## How it works

1. **Moments**: activity, its autocorrelations and spread, log-spend between and within users, their correlation,
   survival, lateness. Activity and spend are measured on users who stayed throughout.
2. **Start**: the method of moments, nearly in closed form.
3. **Draws**: cohorts of the log's size (at most 4,000 users) are simulated from a box around the start, each draw is
   moved to the observed moments by a local-linear regression (Beaumont, Zhang and Balding 2002), and once more from a
   narrower box around what was found.
4. **Prediction**: cohorts are simulated from the posterior. A moment marked `no` lies outside the central 95 % of
   them: the world cannot make it and everything else at once. Moments that are not fitted are a test of the world.

`width` is the posterior over the prior standard deviation. Near 1 the log does not tell the number; the file then holds
a number from near the start, and its source says so. Arms' effects and archetypes need an experiment, fraud types need
labels: no log of this kind tells them, and the report lists them each time.

An interval holds if the world's mechanisms do. Tests take simulated cohorts for the log, so that the truth is known:
95 % intervals cover it in 92-98 % of cases, those of a fit by wrong moments in almost none.
"""

MADE = "Made by `python -m experiments.calibration.page docs/calibration.md 400` from `configs/moments`.\n"


def page(files: Sequence[MomentsFile], found: Sequence[Calibration]) -> str:
    """The whole page."""
    parts = [INTRODUCTION, *(section(f, c) for f, c in zip(files, found, strict=True))]
    return "\n".join([*parts, MADE])


def section(file: MomentsFile, found: Calibration) -> str:
    """One file of moments: its parameters, its moments, and what its world cannot make."""
    head = [
        f"## {file.name.replace('_', ' ').capitalize()}, on {found.scenario}",
        "",
        f"{_sentence(file.source)} {file.users:,} people, {file.weeks} weeks; {found.draws} draws, seed {found.seed}.",
        "",
    ]
    missed = [NAMES[row.moment] for row in found.moments if not row.inside]
    verdict = f"Outside what the fitted world makes: {'; '.join(missed)}." if missed else "Every moment is met."
    left = [f"- {name}: {why}" for name, why in file.left_out.items()]
    tail = [
        "",
        verdict,
        *(["", "Figures of the same source that stand for no moment here:", "", *left] if left else []),
    ]
    return "\n".join([*head, *_parameters(found), "", *_moments(found), *tail, ""])


def _parameters(found: Calibration) -> Iterator[str]:
    yield "| parameter | before | posterior mean | 95 % interval | width |"
    yield "|---|--:|--:|--:|--:|"
    for row in found.parameters:
        interval = f"{row.low:.3g} to {row.high:.3g}"
        width = f"{row.width:.2f}" + ("" if row.told else ", not told")
        yield f"| `{row.parameter}` | {row.scenario:.3g} | {row.mean:.3g} | {interval} | {width} |"


def _moments(found: Calibration) -> Iterator[str]:
    yield "| moment | observed | 95 % of simulations | fitted | inside |"
    yield "|---|--:|--:|---|---|"
    for row in found.moments:
        interval = f"{row.low:.3g} to {row.high:.3g}"
        yield (
            f"| {NAMES[row.moment]} | {row.observed:.3g} | {interval} | {_word(row.fitted)} | "
            f"{'yes' if row.inside else '**no**'} |"
        )


def _word(true: bool) -> str:
    return "yes" if true else "held out"


def _sentence(text: str) -> str:
    words = " ".join(text.split()).rstrip(".")
    return f"{words}."


def main(arguments: Sequence[str]) -> int:
    """Fits every shipped file of moments and writes the page. arguments: the file, and the draws if not the usual."""
    out, draws = Path(arguments[0]), int(arguments[1]) if len(arguments) > 1 else DRAWS
    files = [read_moments(name) for name in configs.names("moments")]
    found = []
    for file in files:
        progress = Progress(draws, enabled=True)
        progress.line(f"{file.name} on {file.scenario}")
        found.append(calibrate(file.target, file.world(), draws, 0, progress))
    out.write_text(page(files, found), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
