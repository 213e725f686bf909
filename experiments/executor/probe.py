"""Whether a cluster answers at all, asked where a wrong address does no harm and with an end to the waiting."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys

from experiments.executor.ray_address import RayCluster
from rage_env.errors import ConfigError

__all__ = ["refuse_silent"]

_PORT_SECONDS = 5.0
_JOIN_SECONDS = 60.0
_JOIN = "import sys, ray; ray.init(address=sys.argv[1], log_to_driver=False, logging_level='ERROR'); ray.shutdown()"


def refuse_silent(cluster: RayCluster) -> None:
    """Raise ConfigError unless a process of its own can join the cluster.

    Of its own, because Ray waits for minutes where something else than Ray listens, and then ends its process.
    """
    if (place := cluster.host_port) is not None:
        try:
            with contextlib.closing(socket.create_connection(place, timeout=_PORT_SECONDS)):
                pass
        except OSError as error:
            raise _silent(cluster, f"nothing listens there: {error.strerror or error}") from error
    try:
        subprocess.run(
            [sys.executable, "-c", _JOIN, cluster.address],
            timeout=_JOIN_SECONDS, check=True, capture_output=True, text=True, errors="replace",
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise _silent(cluster, f"no answer within {_JOIN_SECONDS:g} s; is it the port of the head?") from error
    except subprocess.CalledProcessError as error:
        said = [line.strip() for line in str(error.stderr).splitlines() if line.strip()]
        raise _silent(cluster, said[-1][:300] if said else f"exit code {error.returncode}") from error


def _silent(cluster: RayCluster, why: str) -> ConfigError:
    return ConfigError(
        f"--address {cluster.address}: no Ray cluster answers ({why}). Start one with `ray start --head`, and run on "
        "one of its nodes, give `local`, or leave --executor out to use processes of this machine"
    )
