"""Which Ray cluster is meant, as the command line says it; imports nothing of Ray."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from rage_env.errors import ConfigError

__all__ = ["RayCluster", "asked_for"]

_HOST_PORT = re.compile(r"^(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):(?P<port>[0-9]{1,5})$")


@dataclass(frozen=True)
class RayCluster:
    """A cluster of that address: HOST:PORT of its head, `auto` for the one this machine is a node of, or `local`.

    `local` starts one on this machine with as many CPUs as there are workers, and ends it afterwards.
    """

    address: str = "local"

    def __post_init__(self) -> None:
        found = _HOST_PORT.match(self.address)
        if self.address not in ("auto", "local") and not (found and 0 < int(found["port"]) < 65536):
            raise ConfigError(
                f"--address: {self.address!r} is none; give HOST:PORT of the head (6379 unless `ray start --head` was "
                "told another port), `auto` for the cluster of this machine, or `local` to start one"
            )

    @property
    def host_port(self) -> tuple[str, int] | None:
        """Where its head listens, if the address says so."""
        if self.address in ("auto", "local"):
            return None
        host, _, port = self.address.rpartition(":")
        return host.strip("[]"), int(port)


def asked_for(executor: str, address: str | None) -> Literal["process"] | RayCluster:
    """What `--executor NAME --address WHERE` mean. Raises ConfigError naming the option that is wrong."""
    if executor == "ray":
        return RayCluster(address or "local")
    if executor != "process":
        raise ConfigError(f"--executor: must be process or ray, got {executor!r}")
    if address is not None:
        raise ConfigError("--address: is that of a Ray cluster; give --executor ray beside it")
    return "process"
