"""Boundaries and plans in print, with where they stand.

RPACT: the expected values of the unit tests of rpact 3.2 (Wassmer & Pahlke), test-f_design_group_sequential.R, seven
digits. CONSTANTS: Jennison & Turnbull (2000), Group Sequential Methods, tables 2.1 and 2.3, three decimals.
LAN_DEMETS: DeMets & Lan (1994) as ld98 prints them, three decimals; the linear one Lan & DeMets (1983), two.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CONSTANTS", "LAN_DEMETS", "RPACT", "RPACT_PLANS", "Design", "PublishedPlan"]


@dataclass(frozen=True)
class Design:
    """A boundary's parameters, and its values as printed."""

    spending: str
    alpha: float
    sides: int
    fractions: tuple[float, ...]
    shape: float | None
    bounds: tuple[float, ...]


@dataclass(frozen=True)
class PublishedPlan:
    """What rpact says of a one-sided design at its drift; expected times in units of the fixed test's information."""

    design: Design
    power: float
    futility: tuple[str, float] | None
    futile: tuple[float, ...]
    information: float  # drift squared
    inflation: float
    stops: tuple[float, ...]
    expected_time: float
    expected_time_at_0: float


_THIRDS = (1 / 3, 2 / 3, 1.0)
_HSD_0 = Design("hsd", 0.03, 1, (0.2, 0.4, 1.0), 0.0, (2.5121443, 2.4228747, 2.0280392))
_HSD_1 = Design("hsd", 0.07, 1, (0.2, 0.4, 1.0), -1.0, (2.364813, 2.1928805, 1.5660474))
_POWER = Design("kim_demets", 0.03, 1, (0.3, 0.7, 1.0), 2.2, (2.8594012, 2.2435708, 1.9735737))

RPACT = (
    _HSD_0,
    _HSD_1,
    _POWER,
    Design("classical_obf", 0.025, 1, _THIRDS, None, (3.4710914, 2.4544323, 2.0040356)),
    Design("pocock", 0.025, 1, (0.4, 0.7), None, (2.223875, 2.3050796)),
    Design("obf", 0.13, 1, (0.4, 0.75, 0.85, 1.0), None, (2.1280732, 1.4368565, 1.422873, 1.2970881)),
    Design("wang_tsiatis", 0.025, 2, (0.3, 0.8, 1.0), 0.24, (3.2029374, 2.4819703, 2.3420706)),
    Design("wang_tsiatis", 0.025, 1, (0.3, 0.8, 1.0), 0.39, (2.4761792, 2.2229286, 2.1690292)),
    Design("wang_tsiatis", 0.025, 2, (0.3, 0.6, 0.8, 1.0), 0.48, (2.6416137, 2.6052458, 2.5902992, 2.5787648)),
    Design("wang_tsiatis", 0.025, 2, (0.3, 0.6, 0.8, 1.0), 0.18, (3.4563925, 2.7688119, 2.5253005, 2.3512665)),
)

RPACT_PLANS = (
    PublishedPlan(
        _HSD_0, 0.86, None, (), 9.4594101, 1.0788327, (0.12783451, 0.21271713, 0.51944835), 0.83081135, 1.0697705
    ),
    PublishedPlan(
        _HSD_1,
        0.86,
        ("hsd", -2.0),
        (-1.1063623, -0.35992439),
        7.1015942,
        1.0869177,
        (0.12038953, 0.20856311, 0.53104735),
        0.82636428,
        0.79471657,
    ),
    PublishedPlan(
        _POWER,
        0.66,
        ("kim_demets", 3.2),
        (-1.1558435, 0.72836893),
        5.551371,
        1.0555891,
        (0.058336437, 0.33990957, 0.261754),
        0.86740735,
        0.75480974,
    ),
)

LAN_DEMETS = (
    Design("obf", 0.05, 2, (0.2, 0.4, 0.6, 0.8, 1.0), None, (4.877, 3.357, 2.680, 2.290, 2.031)),
    Design("pocock", 0.05, 2, (0.2, 0.4, 0.6, 0.8, 1.0), None, (2.438, 2.427, 2.410, 2.397, 2.386)),
    Design("kim_demets", 0.05, 2, (0.2, 0.4, 0.6, 0.8, 1.0), 1.0, (2.58, 2.49, 2.41, 2.34, 2.28)),
    Design("obf", 0.025, 1, _THIRDS, None, (3.710, 2.511, 1.993)),
)

_POCOCK_05 = (2.178, 2.289, 2.361, 2.413, 2.453, 2.485, 2.512, 2.535, 2.555, 2.572, 2.588)
_POCOCK_01 = (2.772, 2.873, 2.939, 2.986, 3.023, 3.053, 3.078, 3.099, 3.117, 3.133, 3.147)
_OBF_05 = (1.977, 2.004, 2.024, 2.040, 2.053, 2.063, 2.072, 2.080, 2.087, 2.092, 2.098)
_OBF_01 = (2.580, 2.595, 2.609, 2.621, 2.631, 2.640, 2.648, 2.654, 2.660, 2.665, 2.670)
CONSTANTS = {
    ("classical_pocock", 0.05): _POCOCK_05,
    ("classical_pocock", 0.01): _POCOCK_01,
    ("classical_obf", 0.05): _OBF_05,
    ("classical_obf", 0.01): _OBF_01,
}
"""{(family, alpha): constants at 2 to 12 looks}, two sides: the bound at the last look."""
