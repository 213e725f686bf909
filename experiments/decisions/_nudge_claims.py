"""What the published audit of nudges tells of accounts and seats, beside the ranges in which figures are accepted."""

from __future__ import annotations

from experiments.showcase import Claim

__all__ = ["CLAIMS", "FUNNEL", "REACHED"]

FUNNEL = {
    "HELD_OUT": ("held out as a control", "10 %", 204, 276),
    "ADMIN_VETO": ("admin veto", "281", 239, 323),
    "TOXIC_USERS": ("toxic users", "937", 796, 1078),
    "TOO_SMALL": ("too small", "220", 187, 253),
    "UNPROFITABLE": ("unprofitable", "none given", None, None),
    "CAPACITY": ("beyond the limit on anger", "none given", None, None),
    "TARGETED": ("let through, and targeted or explored", "about 964", 819, 1109),
}
REACHED = {
    "ADMIN_VETO": FUNNEL["ADMIN_VETO"][0],
    "TOXIC_USERS": FUNNEL["TOXIC_USERS"][0],
    "TARGETED": "let through",
    "worth": "revenue gained, $",
    "dogs": "sleeping dogs let through",
}
CLAIMS = {
    **{k: Claim(f"accounts: {text}", told, low, high) for k, (text, told, low, high) in FUNNEL.items()},
    "worth": Claim("revenue gained by nudging those let through, $", "about 32,000", 27.2e3, 36.8e3),
    "dogs": Claim("sleeping dogs let through", "at most .02", None, 0.02),
    "sure_suppressed": Claim("sure things suppressed", ".75", 0.65, 0.85),
    "persuadable": Claim("persuadables let through", ".46", 0.36, 0.56),
    "lost_suppressed": Claim("lost causes suppressed", ".59", 0.49, 0.69),
    **{f"best_{k}": Claim(f"if expected lift were known: {text}", "none given") for k, text in REACHED.items()},
    "worth_kept": Claim("under the limits on anger: revenue gained, $", "none given"),
    "dogs_kept": Claim("under the limits on anger: sleeping dogs nudged", "none given"),
    "sure_suppressed_kept": Claim("under the limits on anger: sure things left alone", "none given"),
    "persuadable_kept": Claim("under the limits on anger: persuadables nudged", "none given"),
    "lost_suppressed_kept": Claim("under the limits on anger: lost causes left alone", "none given"),
    "dogs_raw": Claim("sleeping dogs the raw point score would nudge", ".12"),
    "dogs_in_raw": Claim("sleeping dogs among those whom it would nudge", "none given"),
    "agreement": Claim("correlation of learned with true lift, seat by seat", "none given"),
    "best_agreement": Claim("the same of expected lift", "none given"),
    "below": Claim("seats whose expected lift lies under its lower 90 % bound", "at most .10", None, 0.10),
    "below_own": Claim("seats whose own true lift lies under that bound", "none given"),
    "best_below_own": Claim("seats whose own true lift lies under the lift expected of them", "none given"),
    "slowing": Claim("learned relative lift of seats slowing by 10-20 %, over that of others", "2", 1.7, 2.3),
    "best_slowing": Claim("the same of expected lift", "none given"),
    "rank": Claim("place of momentum among predictors of learned lift", "1", None, 1.0),
    "best_rank": Claim("the same of expected lift", "none given"),
}
