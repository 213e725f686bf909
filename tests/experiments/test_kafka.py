"""Records in Kafka: all of them, keyed by user, or an error that says what is wrong. librdkafka plays the cluster."""

from __future__ import annotations

import json
import sys

import pytest
from confluent_kafka import Consumer

from experiments import cli, kafka
from experiments.kafka import KafkaSink
from rage_env.errors import ConfigError, RunError

MOCK = {"test.mock.num.brokers": "1"}


def broker_of(sink: KafkaSink) -> str:
    found = sink._producer.list_topics(timeout=5).brokers.values()
    return ",".join(f"{b.host}:{b.port}" for b in found)


def consumed(broker: str, topic: str, count: int) -> list[tuple[str, str]]:
    consumer = Consumer({"bootstrap.servers": broker, "group.id": "g", "auto.offset.reset": "earliest", "log_level": 2})
    consumer.subscribe([topic])
    found: list[tuple[str, str]] = []
    while len(found) < count:
        message = consumer.poll(20)
        assert message is not None, f"{len(found)} of {count} messages came"
        assert message.error() is None
        key, value = message.key(), message.value()
        assert isinstance(key, bytes)
        assert isinstance(value, bytes)
        found.append((key.decode(), value.decode()))
    consumer.close()
    return found


def test_every_record_arrives_once_and_whole_under_its_users_key() -> None:
    sink = KafkaSink("replaced", "rage.fintech", MOCK)
    lines = [json.dumps({"user_id": i % 3, "sequence": i}) for i in range(200)]
    for line in lines:
        sink.send(str(json.loads(line)["user_id"]), line)
    sink.close()
    found = consumed(broker_of(sink), "rage.fintech", 200)
    assert sorted(json.loads(v)["sequence"] for _, v in found) == list(range(200))
    for user in "012":
        mine = [json.loads(v)["sequence"] for k, v in found if k == user]
        assert mine == sorted(mine)  # one user's weeks keep their order


def test_a_full_queue_is_waited_for() -> None:
    sink = KafkaSink("replaced", "t", {**MOCK, "queue.buffering.max.messages": "5"})
    for i in range(50):
        sink.send("1", str(i))
    sink.close()
    assert [v for _, v in consumed(broker_of(sink), "t", 50)] == [str(i) for i in range(50)]


def test_a_record_that_cannot_be_delivered_is_an_error_and_never_lost_in_silence() -> None:
    slow = {"test.mock.broker.rtt": "500", "message.timeout.ms": "20", "linger.ms": "0"}
    sink = KafkaSink("replaced", "t", {**MOCK, **slow})  # the message is given up long before the broker answers
    sink.send("1", "x")
    with pytest.raises(RunError, match="topic t: a record could not be delivered"):
        sink.close()


def test_a_record_that_is_too_large_is_an_error_with_a_message() -> None:
    sink = KafkaSink("replaced", "t", {**MOCK, "message.max.bytes": "1000"})
    with pytest.raises(RunError, match=r"topic t: a record could not be delivered .*too large"):
        sink.send("1", "x" * 2000)


@pytest.mark.parametrize(
    ("topic", "settings", "said"),
    [
        ("a/b", MOCK, "cannot be the name of a topic"),
        ("t", {"acsk": "1"}, 'No such configuration property: "acsk"'),
        ("t", {"acks": "maybe"}, "acks"),
    ],
)
def test_wrong_settings_are_named(topic: str, settings: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        KafkaSink("localhost:1", topic, settings)


def test_a_broker_that_does_not_answer_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(kafka, "_ANSWER_SECONDS", 0.5)
    assert cli.main(["stream", "fintech", "--users", "10", "--to", "kafka", "--broker", "localhost:1"]) == 2
    assert "--broker: no Kafka broker answers at localhost:1 within 0.5 s" in capsys.readouterr().err


def test_without_the_extra_the_way_to_install_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "confluent_kafka", None)
    with pytest.raises(ConfigError, match=r"pip install 'rage-env\[kafka\]'"):
        KafkaSink("localhost:9092", "t", {})


def test_the_command_streams_a_world_into_kafka(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--rate", "600", "--duration", "0.05", "--no-wait", "--to", "kafka"]
    assert cli.main(["stream", "fintech", *arguments, "--kafka", "test.mock.num.brokers=1"]) == 0
    assert "30 of 30 records sent" in capsys.readouterr().err
