"""llama.cpp with one file of weights, loaded once in a process and shared by who asks for it.

The server of llama.cpp runs in this process, with as many slots as requests are to share a batch.
Completions call it directly, which holds no lock of Python's while it computes; only the chat
template is asked for over its loopback port, since nothing else offers it.
"""

import atexit
import http.client
import json
import secrets
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from syscard.errors import SetupError

# MiB for prompts of the past, which llama.cpp would let grow to 8 GiB. With adapters there must be
# none: it finds prompts by their text, whichever adapter they were computed with.
PROMPT_CACHE = 1024

PATIENCE = 0.2  # seconds after which a waiting request looks whether it was cancelled

# Asked at once: a server that is closed before its loop has begun never stops.
FIRST = {"prompt": "Hello", "max_tokens": 1, "stream": True}


class Setup(NamedTuple):
    """What one load of the weights is for: the same digest and sizes share it."""

    digest: str  # of the base weights
    context: int  # tokens of each slot
    slots: int
    threads: int


class Engine:
    """llama.cpp's server with one file of weights: renders prompts, completes them in batches."""

    def __init__(self, path: Path, setup: Setup, adapters: Sequence[Path] = ()) -> None:
        self.adapters = tuple(adapters)
        self._key = secrets.token_hex(16)  # its port is open to every user of this machine
        self._server = _server(path, setup, self._key, self.adapters)
        self._address = urlsplit(self._server.listening_address).netloc
        self._closing = False
        self._stream(FIRST, threading.Event())

    def strengths(self, adapter: Path | None, scale: float) -> list[dict[str, float]]:
        """The scale of every adapter that is loaded, for one request: 0 for all but its own."""
        return [
            {"id": number, "scale": scale if path == adapter else 0.0}
            for number, path in enumerate(self.adapters)
        ]

    def prompt(self, messages: Sequence[Mapping[str, str]]) -> str:
        """The text that the model continues; a last message of the assistant's stays open."""
        connection = http.client.HTTPConnection(self._address)
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        try:
            body = json.dumps({"messages": messages})
            connection.request("POST", "/apply-template", body, headers)
            answer = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        if "prompt" not in answer:
            why = answer["error"]["message"]
            raise SetupError(f"the model's chat template refuses these messages: {why}")
        return str(answer["prompt"])

    def complete(self, request: Mapping[str, Any], cancelled: threading.Event) -> list[bytes]:
        """The server's events, one a token. They are streamed only so that they can be stopped."""
        events: list[bytes] = []
        with _turns.taken(self, lambda: self._closing or cancelled.is_set()) as mine:
            if mine:
                events = self._stream(request, cancelled)
        self._refuse_if_closing()
        return events

    def _stream(self, request: Mapping[str, Any], cancelled: threading.Event) -> list[bytes]:
        events: list[bytes] = []

        def take(event: bytes) -> bool:
            events.append(event)
            return cancelled.is_set() or self._closing

        self._server.handle_completions(json.dumps(request).encode(), take)
        return events

    def close(self) -> None:
        """Frees the weights, after stopping what runs: the server waits for it for ever."""
        self._closing = True
        _turns.wait_for_end(self)
        del self._server

    def _refuse_if_closing(self) -> None:
        if self._closing:
            raise RuntimeError("the weights were unloaded while a request needed them")


class Turns:
    """Engines compute one at a time: two that share the processor's cores starve each other.

    Requests join the batch of the engine whose turn it is, until another waits for its own.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._holder: Engine | None = None  # who computes, or did last
        self._running = 0  # requests of the holder's
        self._waiting: Counter[Engine] = Counter()

    @contextmanager
    def taken(self, engine: Engine, gone: Callable[[], bool]) -> Iterator[bool]:
        """A turn for one request; False where it was `gone` before its turn came."""
        with self._changed:
            self._waiting[engine] += 1
            while not (gone() or self._free(engine)):
                self._changed.wait(PATIENCE)
            self._waiting[engine] -= 1
            mine = not gone()
            if mine:
                self._holder = engine
                self._running += 1
        try:
            yield mine
        finally:
            with self._changed:
                self._running -= mine
                self._changed.notify_all()

    def computes(self, engine: Engine) -> bool:
        """Whether a request of the engine's computes."""
        return self._holder is engine and self._running > 0

    def wait_for_end(self, engine: Engine) -> None:
        """Until none of the engine's requests computes."""
        with self._changed:
            self._changed.wait_for(lambda: not self.computes(engine))

    def _free(self, engine: Engine) -> bool:
        if engine is self._holder:
            return not any(count for other, count in self._waiting.items() if other is not engine)
        return not self._running


_turns = Turns()
_engines: dict[tuple[Setup, tuple[Path, ...]], Engine] = {}
_expected: dict[str, list[Path]] = {}
_loading = threading.Lock()


def expect(digest: str, adapter: Path) -> None:
    """Load this adapter with the base weights of that digest, when they are loaded next.

    llama.cpp takes adapters only when it loads. A run that knows which are to come loads the base
    once, and each request says how much of which adapter it wants.
    """
    with _loading:
        if adapter not in _expected.setdefault(digest, []):
            _expected[digest].append(adapter)


def load(path: Path, setup: Setup, adapter: Path | None = None) -> Engine:
    """The engine of these weights that has the adapter, loaded once in a process."""
    with _loading:
        for (held, adapters), engine in _engines.items():
            if held == setup and (adapter is None or adapter in adapters):
                return engine
        wanted = list(_expected.get(setup.digest, ()))
        if adapter is not None and adapter not in wanted:
            wanted.append(adapter)
        _engines[setup, tuple(wanted)] = engine = Engine(path, setup, wanted)
        return engine


@atexit.register
def unload() -> None:
    """Stops and frees every engine; a model that is asked again loads its own anew."""
    with _loading:
        while _engines:
            _engines.popitem()[1].close()


def _server(path: Path, setup: Setup, key: str, adapters: Sequence[Path]) -> Any:
    xllamacpp = _xllamacpp()
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(str(one)) for one in adapters]
    params.lora_init_without_apply = True  # each request says how much of which
    params.n_parallel = setup.slots
    params.n_ctx = setup.context * setup.slots
    params.cpuparams.n_threads = setup.threads
    params.cpuparams_batch.n_threads = setup.threads
    params.cache_ram_mib = 0 if adapters else PROMPT_CACHE
    params.api_keys = [key]
    params.warmup = False  # the first request does
    params.ui = False
    params.verbosity = -1
    try:
        return xllamacpp.Server(params)
    except RuntimeError as error:
        raise SetupError(
            f"llama.cpp cannot load {path}: the file is cut or too new for it, or "
            f"{setup.slots} slots of {setup.context} tokens need more memory than there is"
        ) from error


def _xllamacpp() -> Any:
    try:
        import xllamacpp
    except ImportError as error:
        raise SetupError(
            "local models need llama.cpp, which is not installed: pip install 'syscard[local]'"
        ) from error
    return xllamacpp
