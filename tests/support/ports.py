"""Ports that nobody uses."""

import random
import socket

# below those that outgoing connections are given, of which the tests make very many
LISTENING = range(20000, 32000)


def free_port() -> int:
    """Return a TCP port of the loopback interface that was free a moment ago."""
    for port in random.SystemRandom().sample(LISTENING, 100):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError(f"of 100 ports from {LISTENING.start} to {LISTENING.stop} none is free")
