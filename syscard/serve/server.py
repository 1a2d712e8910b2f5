"""Runs the endpoint until it is told to stop, then finishes what it has."""

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import uvicorn

from syscard.errors import SetupError
from syscard.serve.answer import Served
from syscard.serve.app import Endpoint, Limits, app
from syscard.serve.gate import Gate
from syscard.serve.journal import Journal
from syscard.serve.keys import Keys

Talk = Callable[[str], None]

LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True)
class Settings:
    """Where to listen, to whom, and for how many at once."""

    host: str = "127.0.0.1"
    port: int = 8080  # 0: one that is free
    keys: Keys | None = None
    max_connections: int = 8
    max_waiting: int = 32
    log_dir: Path = Path("logs/serve")
    limits: Limits = field(default_factory=Limits)


class Server(uvicorn.Server):
    """Stops in two steps: at a first signal it takes no more, when the last has left it ends.

    A second signal ends it at once.
    """

    def __init__(self, config: uvicorn.Config, gate: Gate) -> None:
        super().__init__(config)
        self.gate = gate

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """What a signal does, in uvicorn's place, which would end with the signal's code."""
        if self.gate.draining:
            self.should_exit = self.force_exit = True
        else:
            self.stop()

    def stop(self) -> None:
        """Take no more requests; end when those that were taken have ended."""
        self.gate.drain(lambda: setattr(self, "should_exit", True))


def make(models: Sequence[Served], settings: Settings, journal: Journal) -> Server:
    """A server of these models, not yet running."""
    gate = Gate(settings.max_connections, settings.max_waiting)
    endpoint = Endpoint(models, settings.keys or Keys(), gate, journal, settings.limits)
    config = uvicorn.Config(
        app(endpoint),
        loop="asyncio",
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
    )
    return Server(config, gate)


def serve(models: Sequence[Served], settings: Settings, talk: Talk) -> tuple[str, bool]:
    """Serve until told to stop. Gives the table of what it cost, and whether all had ended.

    Raises:
        SetupError: the address is taken or open to others without keys, or the journal cannot be
            written.
    """
    if settings.keys is None and settings.host not in LOOPBACK:
        raise SetupError(
            f"{settings.host} is open to other machines, and no key is asked for. "
            "Name a file of keys with --keys-file."
        )
    listening = listen(settings.host, settings.port)
    journal = Journal(settings.log_dir)
    server = make(models, settings, journal)
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    names = ", ".join(served.name for served in models)
    talk(f"Serving {names} at http://{host}:{listening.getsockname()[1]}/v1")
    talk(f"Reasoning is logged in {journal.path}. Stop with Ctrl-C or SIGTERM.")
    try:
        server.run(sockets=[listening])
    finally:
        journal.close()
    return journal.table(), not server.force_exit


def listen(host: str, port: int) -> socket.socket:
    """A socket at the address.

    Raises:
        SetupError: it is taken, or is none of this machine's.
    """
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise SetupError(
            f"Cannot listen at {host}:{port}: {error.strerror}. Name another --port or --host."
        ) from error
