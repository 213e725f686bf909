"""Every estimator and certificate marked by the truth: five worlds, three ways in which their logs came about."""
