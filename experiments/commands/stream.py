"""`rage stream`: a world as a stream of records."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from experiments.commands._options import Policy, PolicyParams, Seed, WorldName, WorldOverrides
from experiments.threads import one_thread

if TYPE_CHECKING:
    from experiments.sinks import Sink

__all__ = ["stream"]


def stream(
    scenario: WorldName,
    overrides: WorldOverrides = None,
    rate: Annotated[float, typer.Option(help="Records a minute.")] = 60.0,
    duration: Annotated[float, typer.Option(help="Minutes.")] = 30.0,
    users: Annotated[int, typer.Option(min=1, help="Users at any time; newcomers replace who leaves.")] = 100,
    seed: Seed = 0,
    drift: Annotated[bool, typer.Option("--drift", help="Let the scenario's declared drift act; else none.")] = False,
    policy: Policy = "status_quo",
    param: PolicyParams = None,
    to: Annotated[str, typer.Option(help="stdout, kafka, or the name of a file.")] = "stdout",
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there already.")] = False,
    broker: Annotated[str, typer.Option(help="Kafka: host:port, several with commas.")] = "localhost:9092",
    topic: Annotated[str | None, typer.Option(help="Kafka: rage.SCENARIO if left out.")] = None,
    kafka: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="Kafka: a setting of librdkafka; may be repeated.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Keep the pace, or be done at once.")] = True,
) -> None:
    """Send what happens in a world as JSON records, one a line, at a steady pace.

    A record is a user's week, or a late report of a loss. Ctrl-C ends the stream after a whole record.
    """
    one_thread()
    from experiments.drift import with_drift
    from experiments.history import Plan
    from experiments.policy_params import parsed
    from experiments.stream import MOST_WEEKS, Pace, stream_command
    from rage_env.errors import ConfigError
    from rage_env.scenario import load

    pace = Pace(rate, duration)
    pace.check_users(users)
    if to != "kafka" and (kafka or topic is not None):
        raise ConfigError(f"--kafka, --topic: go with --to kafka, not with --to {to}; add it, or leave them out")
    world = with_drift(load(scenario, overrides or ()), wanted=drift)
    plan = Plan(world, users, MOST_WEEKS, seed, policy, parsed(param or ()), "open")

    def opened() -> Sink:
        if to == "kafka":
            from experiments.kafka import KafkaSink

            return KafkaSink(broker, topic or f"rage.{world.name}", _settings(kafka or ()))
        from experiments.sinks import FileSink, StdoutSink

        return StdoutSink() if to == "stdout" else FileSink(Path(to), force=force)

    stream_command(plan, pace, opened, wait=wait)


def _settings(texts: list[str] | tuple[str, ...]) -> dict[str, str]:
    """{setting: text} as librdkafka takes them: its names hold dots, so nothing nests."""
    from rage_env.errors import ConfigError

    for text in texts:
        if "=" not in text:
            raise ConfigError(f"--kafka: {text!r} is no KEY=VALUE, e.g. security.protocol=SSL")
    return {key.strip(): value for key, _, value in (text.partition("=") for text in texts)}
