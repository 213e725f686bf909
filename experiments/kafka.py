"""Sends a stream to Kafka through librdkafka; the one door to confluent-kafka, which the extra `kafka` installs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from rage_env.errors import ConfigError, RunError

if TYPE_CHECKING:
    from confluent_kafka import KafkaError, Message

__all__ = ["KafkaSink"]

_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")
_ANSWER_SECONDS = 5.0
_FLUSH_SECONDS = 30.0
_QUIET = {"log_level": 2}  # librdkafka repeats on standard error what is told here once


class KafkaSink:
    """One message a record, keyed by user, so that a user's weeks keep their order.

    settings: any of librdkafka's. Raises ConfigError for settings that it refuses, and where no broker answers.
    """

    def __init__(self, broker: str, topic: str, settings: Mapping[str, str]) -> None:
        try:
            from confluent_kafka import KafkaException, Producer
        except ImportError as error:
            raise ConfigError("--to kafka: needs confluent-kafka; pip install 'rage-env[kafka]'") from error
        if not _TOPIC.fullmatch(topic):
            raise ConfigError(
                f"--topic: {topic!r} cannot be the name of a topic; letters, digits, '.', '_' and '-', at most 249"
            )
        self.topic, self._refusal = topic, KafkaException
        self._failed: str | None = None
        try:
            self._producer = Producer({**_QUIET, "bootstrap.servers": broker, **settings})
        except KafkaException as error:
            raise ConfigError(f"--kafka: {error.args[0].str()}; see librdkafka's CONFIGURATION.md") from error
        try:
            self._producer.list_topics(timeout=_ANSWER_SECONDS)
        except KafkaException as error:
            told = error.args[0].str()
            raise ConfigError(
                f"--broker: no Kafka broker answers at {broker} within {_ANSWER_SECONDS:g} s ({told}); start one, or "
                "give host:port of one that runs"
            ) from error

    def send(self, key: str, line: str) -> None:
        """Hand one record to the producer, waiting while its queue is full."""
        while True:
            self._refuse_failed()
            try:
                self._producer.produce(self.topic, value=line.encode(), key=key.encode(), on_delivery=self._delivered)
            except BufferError:
                self._producer.poll(0.1)
            except self._refusal as error:
                self._failed = error.args[0].str()
            else:
                self._producer.poll(0)
                return

    def close(self) -> None:
        """Wait until every record has arrived. Raises RunError where some have not."""
        left = self._producer.flush(_FLUSH_SECONDS)
        self._refuse_failed()
        if left:
            raise RunError(f"topic {self.topic}: {left} records had not arrived after {_FLUSH_SECONDS:g} s")

    def _delivered(self, error: KafkaError | None, _message: Message) -> None:
        if error is not None and self._failed is None:
            self._failed = error.str()

    def _refuse_failed(self) -> None:
        if self._failed is not None:
            raise RunError(f"topic {self.topic}: a record could not be delivered ({self._failed})")
