"""Who will be late, default or defraud: a calibrated chance, a threshold that weighs what misses cost, and drivers."""

from agents.risk.calibration import Bin, Calibration, reliability
from agents.risk.drivers import Driver, drivers
from agents.risk.labels import Cases, fraud_cases, late_cases
from agents.risk.model import RiskModel, RiskSettings, fit_risk
from agents.risk.threshold import Threshold, cheapest

__all__ = [
    "Bin",
    "Calibration",
    "Cases",
    "Driver",
    "RiskModel",
    "RiskSettings",
    "Threshold",
    "cheapest",
    "drivers",
    "fit_risk",
    "fraud_cases",
    "late_cases",
    "reliability",
]
