"""A server that never finishes what it begins to say."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread


@contextmanager
def dripping(begin: bytes) -> Iterator[str]:
    """A web server on loopback that answers with some bytes, and then one more now and then; yields its address."""
    over = Event()

    def answer(connection: socket.socket) -> None:
        with connection, suppress(OSError):  # the client went away
            connection.sendall(begin)
            while not over.wait(0.02):
                connection.sendall(b"x")

    def serve() -> None:
        with suppress(OSError):  # it was closed
            while True:
                connection, _ = listener.accept()
                Thread(target=answer, args=[connection]).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        acceptor = Thread(target=serve)
        acceptor.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        over.set()
        listener.shutdown(socket.SHUT_RDWR)
        acceptor.join()
