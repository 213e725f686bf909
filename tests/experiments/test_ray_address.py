"""A Ray address that is none, or where nobody answers, ends in a sentence with the way out and not in a hang."""

from __future__ import annotations

import os
import socket
import sys

import pytest

from experiments.cli import main
from experiments.executor import RayCluster, asked_for, at_hand, probe
from experiments.threads import THREAD_VARIABLES
from rage_env.errors import ConfigError

LOCAL = RayCluster("local")


def test_an_address_where_nobody_listens_is_told_with_the_way_out(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    asked = ["run", "quickstart", "users=50", "weeks=2", "oracle.users_fit=1000", "--no-track"]
    assert main([*asked, "--executor", "ray", "--address", f"127.0.0.1:{port}"]) == 2
    told = capsys.readouterr().err
    assert f"--address 127.0.0.1:{port}: no Ray cluster answers (nothing listens there" in told
    assert "ray start --head" in told
    assert "leave --executor out" in told


def test_a_server_that_is_no_cluster_ends_the_waiting_after_a_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "_JOIN_SECONDS", 2.0)
    with socket.create_server(("127.0.0.1", 0)) as server:  # takes connections and never says a word
        address = f"127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(ConfigError, match=rf"{address}: no Ray cluster answers \(no answer within 2 s"):
            probe.refuse_silent(RayCluster(address))


@pytest.mark.parametrize("address", ["", "somewhere", "ray://head:10001", "host:0", "host:99999", "a b:1", ":6379"])
def test_what_is_no_address_is_told_before_anything_starts(address: str) -> None:
    with pytest.raises(ConfigError, match=r"--address: .* is none; give HOST:PORT"):
        RayCluster(address)


def test_options_that_do_not_go_together_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert asked_for("process", None) == "process"
    assert asked_for("ray", None) == LOCAL
    for words, says in (
        (["run", "quickstart", "--executor", "dask"], "--executor: must be process or ray, got 'dask'"),
        (["sweep", "loss_limit", "--address", "auto"], "--address: is that of a Ray cluster; give --executor ray"),
        (["evaluate", "hillstrom", "--executor", "ray"], "--executor ray: is for --stream and --against-truth"),
    ):
        assert main(words) == 2
        assert says in capsys.readouterr().err


def test_without_ray_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)  # as if it were not installed
    with pytest.raises(ConfigError, match=r"needs Ray; pip install 'rage-env\[ray\]'"), at_hand(LOCAL):
        pass


def test_threads_and_environment_are_left_alone_where_ray_cannot_start(monkeypatch: pytest.MonkeyPatch) -> None:
    before = {name: os.environ.get(name) for name in (*THREAD_VARIABLES, "RAY_USAGE_STATS_ENABLED")}
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ConfigError), at_hand(LOCAL):
        pass
    assert {name: os.environ.get(name) for name in before} == before
