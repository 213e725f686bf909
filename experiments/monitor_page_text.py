"""What docs/monitors.md says beside its tables."""

from __future__ import annotations

__all__ = ["CATALOGUE_TAIL", "EXAMPLES", "GRID_HEAD", "INTRODUCTION", "TAIL"]

INTRODUCTION = """# Monitors

A monitor takes in an experiment week by week and may be looked at after each. It answers with an estimate, an interval
or evidence, and a verdict: `continue`, `harm`, `lift`, `futile`, `certified`, or `refused` with the reason. Every
answer says what was tested (the null) and how far it holds:

| valid | what that means |
|---|---|
| finite sample | errors are bounded for any number of users and any looks |
| asymptotic | the same for any looks, once users are many: at least 355 x skewness squared in each group |
| group sequential | at the planned looks; other looks spend what the calendar allows and say so |
| descriptive | no control of errors: to be read, never to stop anything by itself |

An **alarm** takes for granted that all is well until data prove harm; a **certificate** takes for granted that it is
not, until data prove safety. They are different monitors, and silence of the first is not the second.

## What there is
"""

CATALOGUE_TAIL = """
Which assumptions stand behind these lines, and when a monitor refuses:

- **KPI** (`group_sequential`, `asymptotic_cs`, `independent_cs`, `bayesian`, `naive_z`): the unit is the user (or the
  account), never the user-week, and its outcome the mean per enrolled week, capped by a number that was settled before
  the data. All units of the first week have a row in each later one. Refused: too few users for the skewness;
  information that falls (running totals instead of weekly values). `asymptotic_cs` and `bayesian` refuse weeks of a
  user that hang together longer than their theory allows; `independent_cs` takes them. The covariate has to be older
  than exposure; errors of its slope are paid for.
- **Ratio guardrails** (`ratio_betting`, `ratio_certificate`): denominators are cut at a declared cap, losses never. The
  null speaks of this cohort and the decisions as made, so user-weeks may enter one by one; for a statement about the
  population each unit enters once. Losses reported late can only hide harm, so an alarm need not wait; a certificate
  takes mature rows, and the most that a row can lose must be enforced by somebody.
- **Rare events** (`rare_events`, `planned_binomial`, `events_against_control`): values are 0 or 1, a unit enters once,
  or each week for as long as it is at risk. Fewer events than a normal law needs are no obstacle.
- **Bounded means** (`empirical_bernstein`, `betting_mean`): need a bound that holds for certain, and each unit once.
- **Logged decisions** (`arm_effect`, `arm_shares`, `off_policy`): need the propensities, as logged.
- **Inputs** (`drift`, `ssrm`): a reference, or planned shares. Where the shares are broken, no comparison is worth
  reading.
"""

GRID_HEAD = """## What they keep

{reps} replications of {weeks} weekly looks at a nominal {alpha} %. False alarms are shares of replications of a true
null that were stopped at any look, with one standard error. Power is the share stopped under the effect that the
setting is drawn with, and the last column the mean week of the stop; whoever was never stopped counts as the last.
"""

TAIL = """
Tests hold each of these cells to its level (allowance: three standard errors, shared out among cells), and show that
the same test rejects naive peeking, cumulative spending used as if it were per look, and user-weeks taken as
independent.

## Checked against others

| what | against | agrees to |
|---|---|---|
| spending boundaries | published tables, 2 to 12 looks, .05 and .01 | 1e-6, or the digits printed |
| beta-binomial evidence | `ville` 0.1.0 | 1e-10 |
| sample-ratio Bayes factors | `ssrm-test` 0.1.5 | 1e-10 |
| normal-mixture boundary | `confseq` 0.0.11 | 1e-12 at its rho, which is approximate; 3e-3 at ours |
| betting wealth | `confseq` 0.0.11 | 1e-10 |

Those packages need NumPy below 2 and were run once, apart; their figures stand frozen in the tests, each with the lines
that made it. Methods: Lan & DeMets (1983); Waudby-Smith et al. (2021), arXiv 2103.06476; Waudby-Smith & Ramdas (2020),
arXiv 2010.09686; Howard et al. (2021); Lindon & Malek (2022); Deng et al. (2013); Waudby-Smith et al. (2022), arXiv
2210.10768.

How verdicts stand to the truth, over 200 simulated worlds, is in [A/B tests](ab-tests.md).
"""

EXAMPLES = """
## Before: how long must it run?

```sh
rage monitor design --mean 20 --sd 8 --lift 3% --users 3000 --looks 4 --weeks 8
```

With the name of a world (`rage monitor design fintech`), means, spreads, delays and guardrails are the world's.

## During and after: your own experiment

A file needs a row for each unit and week, with the group the unit was put into:

```python
import numpy as np
import pandas as pd

rng = np.random.default_rng(7)
users = 3_000
before = rng.gamma(2.0, 10.0, users)  # usd per week before the test: known before exposure
group = np.where(rng.random(users) < 0.5, "voucher", "control")
weeks = []
for week in range(8):
    spent = np.maximum(before + rng.normal(0.0, 8.0, users) + 0.6 * (group == "voucher"), 0.0)
    lost = np.where(rng.random(users) < np.where(group == "voucher", 0.02, 0.004), rng.gamma(2.0, 10.0, users), 0.0)
    columns = {"spent": spent, "lost": lost, "before": before}
    weeks.append(pd.DataFrame({"user": np.arange(users), "week": week, "arm": group, **columns}).round(2))
pd.concat(weeks).to_csv("voucher.csv", index=False)
```

```sh
rage monitor voucher.csv --unit user --time week --group arm --metric spent --covariate before \\
  --weeks 8 --looks 4 --cap 200 --cap-week -1 --monitor group_sequential --monitor naive_z
```

The voucher lifts spending by 0.6 usd a week. What it costs in losses is another question, asked of the same file:

```sh
rage monitor voucher.csv --unit user --time week --group arm --metric lost --metric-is loss --denominator spent \\
  --limit 0.01 --denominator-cap 200 --max-loss 200 --monitor ratio_betting --monitor ratio_certificate \\
  --plot losses.png
```

- Without `--monitor`, every monitor gives its verdict or says why it cannot. `--json` has all of it.
- Times are whole numbers, or dates, of which seven days make a week. Rows of a unit stand in order of time.
- What belongs to the plan is declared before the data: `--weeks`, `--looks`, `--cap`, `--limit`, `--shares` (as
  planned; equal if left out). A quantile of the data it cuts is no cap. A look beside the plan is named with
  `--looked 3`; like the look at the end of a file, it spends what the calendar allows and is said to be unplanned.
- A unit without a row in a week is a mistake unless `--absent zero` says that it did nothing; one that was not there in
  the first week is a mistake unless `--newcomers leave_out`; several rows of a unit in a week are one unless
  `--repeats add`.
- The sample-ratio check comes first. Where it alarms, every comparison is refused.
- Several treated groups share alpha equally.

The same as a file, for `rage monitor voucher.csv --mapping voucher.yaml`:

```yaml
unit: user
time: week
group: arm
metric: spent
covariate: before
weeks: 8
looks: [2, 4, 6, 8]
cap: 200
cap_week: -1
monitors: [group_sequential, asymptotic_cs]
params: { group_sequential: { spending: pocock } }
```

## As it comes: a stream

`rage monitor - --stream --mapping voucher.yaml --state voucher.state` reads JSON lines, one record a unit and week, or
a batch with lists in place of values, and prints one state for each monitor whenever a week is over: when a record of a
later week comes, or the input ends. The state file (plain arrays and JSON) lets the same command go on tomorrow; a
plan that was changed in between is refused. Ctrl-C ends it between weeks.

```
{"user": 17, "week": 0, "arm": "voucher", "spent": 12.5, "before": 11.0}
{"user": 18, "week": 0, "arm": "control", "spent": 5.0, "before": 4.0}
{"week": 1, "user": [17, 18], "arm": ["voucher", "control"], "spent": [9.0, 3.5], "before": [11.0, 4.0]}
```
"""
