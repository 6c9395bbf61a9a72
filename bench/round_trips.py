"""A proxy before Postgres that counts how often a client waits for an answer."""

import socket
import threading
from typing import Final, Self
from urllib.parse import urlsplit, urlunsplit

from dev import parts

_ASKING: Final = b"QS"  # simple query, and sync: what a client sends last before it waits (protocol 3.0)


class Counter:
    """Listens while it is entered; `url` is the database behind it."""

    def __init__(self, url: str) -> None:
        self._target = urlsplit(url)
        self._port = parts.free_port()
        self.url = urlunsplit(self._target._replace(netloc=f"postgres@{parts.HOST}:{self._port}"))
        self.round_trips = 0

    def __enter__(self) -> Self:
        self._listener = socket.create_server((parts.HOST, self._port))
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection((parts.HOST, self._target.port or 5432))
            threading.Thread(target=self._count, args=(client, server), daemon=True).start()
            threading.Thread(target=_copy, args=(server, client), daemon=True).start()

    def _count(self, client: socket.socket, server: socket.socket) -> None:
        """Pass on what the client sends, message by message; the first ones, before it is connected, have no type."""
        waiting = b""
        connected = False
        while data := client.recv(65536):
            server.sendall(data)
            waiting += data
            while len(waiting) > 4:
                header = 1 if connected else 0
                length = header + int.from_bytes(waiting[header : header + 4], "big")
                if len(waiting) < length:
                    break
                if connected:
                    self.round_trips += waiting[:1] in {_ASKING[:1], _ASKING[1:]}
                else:
                    connected = waiting[4:8] == b"\x00\x03\x00\x00"
                waiting = waiting[length:]
        server.shutdown(socket.SHUT_WR)


def _copy(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
    except OSError:
        pass
    finally:
        target.close()
