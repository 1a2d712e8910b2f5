"""`syscard` with every socket refused that does not stay on this machine."""

import socket
import sys
from typing import Any

LOCAL = ("127.", "::1", "localhost", "0.0.0.0")
connect, resolve = socket.socket.connect, socket.getaddrinfo


def guarded_connect(self: socket.socket, address: Any) -> Any:
    if self.family != socket.AF_UNIX and not str(address[0]).startswith(LOCAL):
        raise PermissionError(f"the tests reach no network, and this wanted {address}")
    return connect(self, address)


def guarded_resolve(host: Any, *args: Any, **kwargs: Any) -> Any:
    if host is not None and not str(host).startswith(LOCAL):
        raise PermissionError(f"the tests reach no network, and this wanted {host}")
    return resolve(host, *args, **kwargs)


if __name__ == "__main__":
    socket.socket.connect = guarded_connect  # type: ignore[method-assign, assignment]
    socket.getaddrinfo = guarded_resolve
    from syscard.cli import main

    main(sys.argv[1:], prog_name="syscard")
