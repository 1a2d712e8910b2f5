"""The endpoint's end: what runs is finished, what comes is refused, and the cost is printed."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

pytest.importorskip("fastapi", reason="the extra 'web' is not installed")
pytest.importorskip("openai", reason="the package openai is not installed")

from serving import ANSWER

RUN = "import serving; from syscard.cli import main; main()"
BODY = {"model": "safe", "messages": [{"role": "user", "content": "How?"}]}


class Process:
    """`syscard serve` in a process of its own, on a model that thinks for three seconds."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "-c", RUN, "serve", "--model", "safe=staged/slow", "--port", "0"]
        self.process = subprocess.Popen(
            [*command, "--log-dir", str(folder)],
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stderr is not None
        line = self.process.stderr.readline()
        found = re.search(r"http://\S+", line)
        assert found, line + self.process.stderr.read()
        self.address = found.group().removesuffix("/v1")

    def asked(self) -> tuple[threading.Thread, list[httpx.Response]]:
        """A request under way."""
        answers: list[httpx.Response] = []

        def ask() -> None:
            answers.append(httpx.post(f"{self.address}/v1/chat/completions", json=BODY, timeout=30))

        thread = threading.Thread(target=ask)
        thread.start()
        while "inside 1" not in httpx.get(f"{self.address}/metrics", timeout=30).text:
            time.sleep(0.02)
        return thread, answers

    def draining(self) -> httpx.Response:
        """Its health, once the signal has arrived."""
        while (health := httpx.get(f"{self.address}/health", timeout=30)).status_code == 200:
            time.sleep(0.02)
        return health


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Process]:
    made = Process(tmp_path / "journal")
    yield made
    made.process.kill()
    made.process.communicate()


def test_at_sigterm_what_runs_is_finished_what_comes_is_refused_and_the_cost_printed(
    process: Process,
) -> None:
    ready = httpx.get(f"{process.address}/health", timeout=30)
    thread, answers = process.asked()

    process.process.send_signal(signal.SIGTERM)
    draining = process.draining()
    refused = httpx.post(f"{process.address}/v1/chat/completions", json=BODY, timeout=30)
    thread.join()
    out, talk = process.process.communicate(timeout=60)

    assert (ready.status_code, draining.status_code, refused.status_code) == (200, 503, 503)
    assert refused.json()["error"]["code"] == "draining"
    assert "retry-after" in refused.headers
    assert answers[0].json()["choices"][0]["message"]["content"] == ANSWER
    assert process.process.returncode == 0
    assert re.search(r"safe +1 +0 +2 +2 +1 +[23456789]\.\d\d", out)
    assert "Traceback" not in talk


def test_without_work_it_ends_at_once(process: Process) -> None:
    process.process.send_signal(signal.SIGINT)

    process.process.communicate(timeout=60)

    assert process.process.returncode == 0


def test_a_second_signal_does_not_wait_and_does_not_claim_success(process: Process) -> None:
    thread, _ = process.asked()

    process.process.send_signal(signal.SIGTERM)
    process.draining()
    process.process.send_signal(signal.SIGTERM)
    _, talk = process.process.communicate(timeout=60)
    thread.join()

    assert process.process.returncode == 7
    assert "before every request had ended" in talk
