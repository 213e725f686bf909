"""What docs/safe_exploration.md says around its measured tables."""

from __future__ import annotations

__all__ = ["GAP", "INTRODUCTION", "METHOD", "READING"]

INTRODUCTION = """\
# Safe from the first week

`safe_exploration` is meant to keep every guardrail of the fintech world *in truth*, from its first decision on and in
19 of 20 worlds, and to gain most of what could be gained all the same. A true violation is judged on conditional means
at the probabilities that arms were drawn from; luck has no part in it (see README). The study is

```sh
rage run safe_from_week_one
```

10,000 users, 26 weeks, delays cut at six weeks. The agent was built and tuned on seeds 5001 to 5040 alone; what follows
is from seeds 9001 on, which tuning never saw.
"""

READING = """\
Share of oracle: expected gain over leaving everybody alone in the agent's own states, over that of
`oracle_observable`, which ranks by the best regression on what can be observed and knows how far it may go. Above
100 % a limit was broken. The safe share, over all sampled weeks, is blank where more than one seed in twenty has a
violation. Rivals come from `rage run safe_rivals`, whose five seeds have the oracle solved in every week and give the
shares, and from more seeds of the same (`rage run safe_rivals seeds=9006..9030 oracle.every_weeks=8`), which say how
often limits are broken: too few, for time, to call anybody safe. Logging policies that lean on a signal are told one.
"""

GAP = """\
## Where the rest goes

Two seeds that are used for nothing else (`python -m experiments.safe_gap`). Shares of the oracle's gain: the agent's
plan; a plan by its values if it knew how far it may go; a plan by the oracle's values under its own cautious rows. Then
believed over true sums: loss of everybody left alone, loss of who is lent to, and GMV, before any margin. Values are
believed well early; it is caution about losses that costs.
"""

METHOD = """\
## How it works

Where could it go wrong? Contacts are counted before they are made. Bonuses and cashback are capped, and their cost is
seen within the week. What offers attract is to stay below the status quo. Two limits are on losses that become known
weeks later: dollars lost for each dollar spent, and chargebacks. Nearly all of the value lies in the credit line, whose
loss no offer caps. So the share of the oracle's gain is nearly the share of the loss limit's slack that is used, and
the question is how much of it may be used safely.

1. **What everybody loses when left alone** is the largest unknown: a hundred cases in half a year, of very uneven size.
   The agent fits a Poisson regression of cases on features and their squares, with the known delay law as offset, so
   that young weeks are neither ignored nor taken for safe. The size of a case is pooled. Before data it is worth 25
   cases at two thirds of what arm 0 declares (`mean_loss_bound_usd` is one to three times the mean). Posterior doubt of
   rate and size becomes a margin of 2.2 standard deviations of the whole sum, shaped by a gamma law.
2. **The declared bound** caps that: the sum never counts for more than arm 0 declares for those present. This alone
   keeps about half of the slack open from the first week on.
3. **Offers relative to the status quo** need no rate. In each of four strata of risk, the dollars that offers put at
   stake may reach 60 % of what the status quo stakes there. What abusers take is assumed to grow at most with the cap.
4. **Arms of open-ended loss** start under a quota: users lent to, each at the declared bound and more if they spend
   more than average, may together be declared to lose half the slack. The quota is filled at once, since evidence comes
   from it alone.
5. **Certificates** bet each week against the hypothesis that borrowers lose what is declared of them. Enough evidence
   doubles the quota, and the next doubling needs its own. If old weeks turn out to have shown less than half of what
   the delay law promised when young, no quota grows.
6. **Loss by borrower** is a ridge on spending and features, with the delay law as offset and a sandwich covariance. Its
   margin enters the same sum of variances, linearised at last week's plan, where it is exact.
7. **Value** is what `lagrangian_linucb` believes, with half its optimism, and 3 % of each slack is left alone.

## What is proved, and what is only measured

Proved, given the assumptions named: a certificate for a bound that does not hold is given with probability at most
`level` over all weeks together (Ville's inequality), *if* losses become known by the declared law and at most a tenth
of the expected loss lies beyond ten times the bound. While the quota rules, expected loss under open-ended arms is at
most half the slack, *if* the declared bounds hold for the users chosen, scaled by what they spend. Capped stakes hold
by arithmetic in dollars; that they bound abuse is the assumption in point 3.

Only measured: that margins of 2.2 standard deviations suffice in all weeks together (they are a Laplace approximation,
and weeks are dependent); that choosing borrowers by the same regression that judges them costs no more than the
margin; that beliefs on GMV are right to a few per cent (both in the table above). The declared bound of arm 0 is a mean
over a population; the 10,000 users at hand may lie above it, which in the first week would take a deviation of about
two standard deviations.

Numbers of the method (25 cases, slopes, 60 %, ten times) were chosen once, on tuning seeds, and are written in
agents/safe and agents/policies/safe_exploration.py. In smaller cohorts fewer cases are seen, so margins are wider and
shares lower. The agent needs `mean_loss_bound_usd` to be true; `rage check` holds every world to that.

Made by `python -m experiments.safe_page docs/safe_exploration.md`.
"""
