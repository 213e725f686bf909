"""A log in the forms of other libraries: obp's dict of arrays, Vowpal Wabbit's text, a Minari data set."""

from experiments.exports.minari import to_minari
from experiments.exports.obp import to_obp, write_obp
from experiments.exports.vw import to_vw

__all__ = ["to_minari", "to_obp", "to_vw", "write_obp"]
