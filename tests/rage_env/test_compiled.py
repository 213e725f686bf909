"""`compiled=True` takes another way to the same bits: in every world, and each broken kernel is noticed."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rage_env
from rage_env import configs, kernels, mechanisms
from rage_env.aging import next_lives
from rage_env.cohort import CohortEnv
from rage_env.compiled import CompiledNoise
from rage_env.randomness import Noise, keys_of_hashes, person_keys
from rage_env.state import Struct
from rage_env.week import Columns, Week
from tests.rage_env.full_world import FULL

Held = dict[str, bytes]
WORLDS = (*configs.names("scenarios"), "everything")
ODD = 257
DRAW = 3


def cohort(world: str, n: int = ODD, **changes: Any) -> CohortEnv:  # Any: keywords of CohortEnv
    """Little burn-in, and chunks of 64: the last one holds a single user."""
    base, nested = ("fintech", dict(FULL)) if world == "everything" else (world, {})
    env = CohortEnv(n, base, scenario={**nested, "burn_in_weeks": 3, "weeks": 26}, **changes)
    env.chunk = 64
    return env


def arrays(name: str, held: Any) -> Iterator[tuple[str, bytes]]:  # Any: whatever a step hands out
    """Dtype, shape and bytes of every array in structs, mappings and tuples."""
    held = vars(held) if isinstance(held, Struct) else held
    if isinstance(held, Mapping | tuple):
        for key, one in held.items() if isinstance(held, Mapping) else enumerate(held):
            yield from arrays(f"{name}.{key}", one)
    else:
        array = np.asarray(held)
        content = repr(array.tolist()).encode() if array.dtype == object else array.tobytes()
        yield name, f"{array.dtype} {array.shape} ".encode() + content


def differing(one: Held, other: Held) -> list[str]:
    """Names of what is not the same to the last bit."""
    assert one.keys() == other.keys()
    return [name for name in one if one[name] != other[name]]


def lived(env: CohortEnv, weeks: int = 4) -> Held:
    """Everything that some weeks hand out or leave behind."""
    rng = np.random.default_rng(2)
    obs, info = env.reset(seed=11)
    found = dict(arrays("reset", (obs, info)))
    for week in range(weeks):
        arm = (rng.random(info["action_mask"].shape) * info["action_mask"]).argmax(axis=1)
        held = env.step(arm)
        info = held[4]
        reports = vars(env.reports())
        found.update(arrays(f"week {week}", (held, dict(env.columns_all), reports, env.traits, env.lives)))
    return found


def of_a_week(env: CohortEnv, noise: type[Noise]) -> Held:
    """Every column of every mechanism in one week, what stands between them, and the lives after it."""
    world, now, found = env.world, Columns(), Held()
    when = env.when(env.week)
    arm = np.arange(env.num_envs) % world.arms.k
    luck = noise(env.key, env.traits.key, env.week)
    parts = world.parts(when)
    week = Week(parts.arms, env.traits, env.lives, arm, luck, now, when, world.scenario.used)
    for name, params in parts.used.items():
        module = mechanisms.module(name)
        for inner in ("_logit", "_location", "probability"):
            if name in ("engagement", "spending", "churn") and hasattr(module, inner):
                found.update(arrays(f"{name}.{inner}", getattr(module, inner)(week, params)))
        drawn = module.draw(week, params)
        found.update(arrays(name, drawn))
        now.update(drawn)
    after = next_lives(week, now, parts.used.get("response"), world.scenario.population.signals)
    return found | dict(arrays("after", after))


def of_luck(noise: type[Noise], n: int) -> Held:
    """Every kind of luck of n people, the rarest there is among them."""
    plain = Noise(5, person_keys(5, np.arange(n)), 2)
    rarest = keys_of_hashes([0, (1 << 64) - 1, 1 << 41, (1 << 41) - 1, 1 << 12], plain, DRAW)
    luck = noise(5, np.concatenate([plain.keys, rarest]), 2)
    chance = np.resize(np.array([0, 2.0**-24, 0.3, 1 - 2.0**-24, 1], np.float32), n + len(rarest))
    kinds = {name: getattr(luck, name)(DRAW) for name in ("pair", "uniform", "uniform64", "normals")}
    return dict(arrays("luck", kinds | {"below": luck.below(DRAW, chance), "below64": luck.below64(DRAW, chance)}))


@pytest.mark.parametrize("n", [0, 1, 2, 63, 1000])
def test_luck_is_the_same_to_the_last_bit(n: int) -> None:
    assert differing(of_luck(Noise, n), of_luck(CompiledNoise, n)) == []


@pytest.mark.parametrize("world", WORLDS)
def test_every_column_of_every_mechanism_is_the_same(world: str) -> None:
    env = cohort(world)
    lived(env, weeks=3)
    assert differing(of_a_week(env, Noise), of_a_week(env, CompiledNoise)) == []


@pytest.mark.parametrize("world", WORLDS)
def test_a_cohort_lives_the_same_weeks(world: str) -> None:
    found = lived(cohort(world, compiled=True))
    assert "week 3.1.gmv" in found
    assert differing(lived(cohort(world)), found) == []


@pytest.mark.parametrize("changes", [{"population": "open"}, {"copy": False}, {"threads": 2}, {"n": 1}])
def test_so_do_open_ones_in_place_on_threads_and_of_a_single_user(changes: dict[str, Any]) -> None:
    assert (
        differing(lived(cohort("everything", **changes)), lived(cohort("everything", **changes, compiled=True))) == []
    )


def test_potential_outcomes_and_twins_are_compiled_too() -> None:
    plain, compiled = cohort("fintech"), cohort("fintech", compiled=True)
    lived(plain), lived(compiled)
    one, other = (dict(arrays("arms", env.truth.potential_outcomes())) for env in (plain, compiled))
    assert differing(one, other) == []
    assert compiled.twin().noise is CompiledNoise
    assert plain.twin().noise is Noise


def nudged(made: Callable[..., Any]) -> Callable[..., Any]:
    """The same kernel, wrong by the last bit of every number."""

    def wrong(*given: Any) -> Any:  # Any: of any kernel
        found = made(*given)
        every = found if isinstance(found, tuple) else (found,)
        off = tuple(np.nextafter(x, x.dtype.type(9)) if x.dtype.kind == "f" else x ^ 1 for x in every)
        return off if isinstance(found, tuple) else off[0]

    return wrong


@pytest.mark.parametrize("name", kernels.__all__)
def test_a_kernel_wrong_by_one_bit_is_noticed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    env = cohort("fintech")
    lived(env, weeks=3)
    right = of_luck(Noise, 9), of_a_week(env, Noise)
    monkeypatch.setattr(kernels, name, nudged(getattr(kernels, name)))
    found = of_luck(CompiledNoise, 9), of_a_week(env, CompiledNoise)
    assert [x for one, other in zip(right, found, strict=True) for x in differing(one, other)]


def python(code: str, folder: Path | None = None, **variables: str) -> str:
    """What the code prints in a process of its own; folder: where `rage_env` is found."""
    found = Path(rage_env.__file__).parent.parent if folder is None else folder
    done = subprocess.run(
        [sys.executable, "-B", "-c", code], cwd=found, env={"PATH": "", **variables}, capture_output=True, text=True
    )
    return done.stdout + done.stderr


def test_numba_is_not_loaded_unless_it_is_asked_for() -> None:
    step = "env = CohortEnv(9, burn_in_weeks=1, compiled={}); env.reset(seed=1)\nprint('numba' in sys.modules)"
    begin = "import sys\nfrom rage_env.cohort import CohortEnv\n"
    assert python(begin + step.format(False)) == "False\n"


def test_without_numba_the_way_out_is_named() -> None:
    asked = (
        "import sys; sys.modules['numba'] = None\n"
        "from rage_env.cohort import CohortEnv\nfrom rage_env.errors import ConfigError\n"
        "try: CohortEnv(9, compiled=True)\nexcept ConfigError as error: print(error)"
    )
    assert "pip install 'rage-env[fast]'" in python(asked)


def test_the_code_of_the_page_on_scale_runs_as_it_stands() -> None:
    page = Path(__file__).resolve().parents[2] / "docs" / "scale.md"
    (block,) = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert "compiled=True" in block
    assert python(block) == ""


def test_where_nothing_may_be_written_kernels_are_compiled_anew(tmp_path: Path) -> None:
    package = Path(rage_env.__file__).parent
    shutil.copytree(package, tmp_path / "rage_env", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "rage_env" / "__pycache__").write_text("a file, so that no folder can be")
    (tmp_path / "home").write_text("another")
    code = (
        "import numpy as np\nfrom rage_env import kernels\nprint(kernels.uniform(np.zeros(1, np.uint64), np.uint64(0)))"
    )
    home = str(tmp_path / "home")
    assert python(code, tmp_path, HOME=home, XDG_CACHE_HOME=home) == "[5.9604645e-08]\n"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["home", "rage_env"]
