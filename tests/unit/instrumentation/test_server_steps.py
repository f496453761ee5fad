"""The loop's steps: it stops between two of them, and none of them takes it down."""

from __future__ import annotations

import os
import socket

import agent_runs
import pytest

answers = agent_runs.agent_module("answers")
server = agent_runs.agent_module("server")


def test_the_loop_stops_between_two_steps_and_goes_on(tmp_path):
    spool = tmp_path / "u0-1"
    spool.mkdir()
    listener = socket.create_server(("127.0.0.1", 0))
    one = server.Server(
        socket._socket.socket(fileno=listener.detach()), answers.Answers(str(spool), os.getpid(), "", {})
    )
    with socket.create_connection(one.listener.getsockname()) as client:
        client.sendall(b"GET /health HTTP/1.1\r\n\r\n")
        turns = 0
        client.setblocking(False)
        data = b""
        while b"Content-Length" not in data:
            left = [True]
            one.run(lambda left=left: left.pop() if left else False, nap=0.01)
            turns += 1
            try:
                data += client.recv(65536)
            except BlockingIOError:
                continue
        assert turns > 1
    one.close()


class Failing:
    """Answers that fail before, or after, their first step."""

    def __init__(self, steps: int) -> None:
        self.steps = steps

    def refuse(self, status: int, text: str) -> bytes:
        return f"{status} {text}".encode()

    def answer(self, request):
        yield from [0] * self.steps
        raise ValueError("a fault of ours")


@pytest.mark.parametrize("steps", [0, 1])
def test_what_fails_in_a_step_ends_that_job_alone(steps):
    listener = socket.create_server(("127.0.0.1", 0))
    failing = Failing(steps)
    failing.upkeep = lambda: failing.answer(None)
    one = server.Server(socket._socket.socket(fileno=listener.detach()), failing)
    for _ in range(2):
        with socket.create_connection(one.listener.getsockname()) as client:
            client.sendall(b"GET /health HTTP/1.1\r\n\r\n")
            turns = [True] * 50
            one.run(lambda turns=turns: turns.pop() if turns else False, nap=0.01)
            assert client.recv(100).startswith(b"500 ")
    one.close()
