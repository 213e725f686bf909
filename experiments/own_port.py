"""A port of this machine alone, for pages that nobody else is to see."""

from __future__ import annotations

import socket

from rage_env.errors import ConfigError

__all__ = ["HERE", "refuse_taken"]

HERE = "127.0.0.1"


def refuse_taken(port: int) -> None:
    """Raise ConfigError naming a port that somebody listens at already, or that this user may not have."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HERE, port))
        except OSError as error:
            raise ConfigError(f"port: {port} cannot be used ({error.strerror}); give another with --port") from error
