"""Start and stop an engine's server on this machine's CPU, with our parsers and a demo model.

    python tests/live/engine_server.py start [--engine sglang] --family kimi_k2 --port 8000 [--follow]
    python tests/live/engine_server.py start [--engine sglang] --model qwen2.5-coder-0.5b
    python tests/live/engine_server.py stop [--port 8000]

`make serve` and `make stop` call it so; the live tests import `Server`.

Rules:
- Loopback only, no downloads, no telemetry.
- A server is a process group of its own, and only that group is ever ended. A group left by an earlier run
  is known by its leader's id together with its start time, so that an id the system has given to something
  else is safe.
- A server that does not come up is ended, and its log's end is shown.
- Standard library only, so that `stop` works without any environment. `start` needs the package and, in the
  same environment or in `.venv-<engine>`, the engine.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RUN = ROOT / ".run"
HOST = "127.0.0.1"
MODEL_NAME = "demo"
START_SECONDS = 300.0
STOP_SECONDS = 20.0


@dataclass(frozen=True)
class Engine:
    """How an engine's server is started."""

    title: str
    command: tuple[str, ...]  # the first is a program of its environment; then comes the model's folder
    flags: tuple[str, ...]
    tool_flags: tuple[str, ...]  # before the name of a tool parser
    environment: dict[str, str]
    scripted_flags: tuple[str, ...]  # what lets a demo model say a script; a real model's server is without them
    scripted_environment: dict[str, str]


ENGINES = {
    "vllm": Engine(
        "vLLM",
        ("vllm", "serve"),
        (
            *("--host", HOST),
            *("--served-model-name", MODEL_NAME),
            # Compiling needs a C++ compiler and half a minute, and half precision is emulated on many CPUs.
            *("--enforce-eager", "--dtype", "float32"),
            *("--max-model-len", "32768", "--max-num-seqs", "8"),
            # The model in the engine's process, and not in a third that both would keep asking whether it is done.
            *("--distributed-executor-backend", "uni"),
        ),
        ("--enable-auto-tool-choice", "--tool-call-parser"),
        {
            "VLLM_NO_USAGE_STATS": "1",
            "VLLM_CPU_KVCACHE_SPACE": "1",  # GiB
            "VLLM_USE_V2_MODEL_RUNNER": "0",  # the scripted mode is written for V1
            "VLLM_ENABLE_V1_MULTIPROCESSING": "0",  # what allows "uni"; a server's engine has its process all the same
            "OMP_NUM_THREADS": "1",  # a tiny model has no use for more
        },
        ("--logits-processors", "dynamo_parsers.vllm.scripted:ScriptedReply"),
        {},
    ),
    "sglang": Engine(
        "SGLang",
        ("sglang", "serve", "--model-path"),
        (
            *("--host", HOST),
            *("--served-model-name", MODEL_NAME),
            *("--device", "cpu", "--attention-backend", "torch_native", "--dtype", "float32"),
            # Room for eight requests of any length: one that is put back begins its script again.
            *("--mem-fraction-static", "0.05", "--max-total-tokens", "262144", "--max-running-requests", "8"),
            *("--chunked-prefill-size", "40000", "--disable-overlap-schedule"),
            "--skip-server-warmup",
            # Idle, it would keep a core busy with asking for requests.
            "--sleep-on-idle",
        ),
        ("--tool-call-parser",),
        {
            "SGLANG_USE_CPU_ENGINE": "1",
            # A tiny model has no use for more, and on a busy machine they wait for each other.
            "OMP_NUM_THREADS": "1",
            # HTTP workers import SGLang first, and two cores take their time.
            "SGLANG_UVICORN_WORKER_HEALTHCHECK_TIMEOUT": "300",
            "PYTHONPATH": os.pathsep.join(
                filter(None, (str(Path(__file__).resolve().parent / "stand_ins"), os.environ.get("PYTHONPATH")))
            ),
        },
        # The scripted model, which takes a Llama's place, has to see a prompt as a whole.
        ("--disable-radix-cache",),
        {"SGLANG_EXTERNAL_MODEL_PACKAGE": "sglang_models"},
    ),
}
ENVIRONMENT = {"HF_HUB_OFFLINE": "1", "DO_NOT_TRACK": "1"}


class DidNotStart(Exception):
    """The server ended, or did not answer in time. The text says which, with the end of its log."""


@dataclass(frozen=True)
class Server:
    """A server that this module started, in this run or an earlier one."""

    engine: str
    family: str
    port: int
    pid: int  # also the id of its process group
    born: str  # when that process started, as `ps` tells it
    began: float  # the same in seconds since the epoch, as far as this module knows
    log: str
    flags: list[str]

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def record(self) -> Path:
        return _record(self.port)

    def alive(self) -> bool:
        return _born(self.pid) == self.born

    def healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=5) as reply:
                return bool(reply.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def log_end(self, lines: int) -> str:
        text = Path(self.log).read_text(errors="replace")
        return "\n".join(text.splitlines()[-lines:])

    def wait(self, say: Callable[[str], None], seconds: float = START_SECONDS) -> None:
        """Return once the server answers; end it and raise DidNotStart if it does not."""
        begin = time.monotonic()
        said = 0.0
        while not self.healthy():
            passed = time.monotonic() - begin
            if not self.alive():
                self.stop()
                raise DidNotStart(f"the server ended after {passed:.0f} s; {self.log} ends:\n{self.log_end(40)}")
            if passed > seconds:
                self.stop()
                raise DidNotStart(f"no answer within {seconds:.0f} s; {self.log} ends:\n{self.log_end(40)}")
            if passed - said >= 5:
                said = passed
                say(f"  {passed:3.0f} s  {self.log_end(1)[:100]}")
            time.sleep(0.5)

    def stop(self) -> None:
        """End the process group: asked first, then killed."""
        if self.alive():
            for what, seconds in ((signal.SIGTERM, STOP_SECONDS), (signal.SIGKILL, 5.0)):
                try:
                    os.killpg(self.pid, what)
                except ProcessLookupError:
                    break
                if _within(seconds, lambda: not _group_runs(self.pid)):
                    break
            # It was once still taken when the next server was to start on it.
            _within(STOP_SECONDS, lambda: not _port_taken(self.port))
        self.record.unlink(missing_ok=True)


def start(  # noqa: PLR0913
    family: str,
    port: int,
    *,
    say: Callable[[str], None],
    flags: Sequence[str] = (),
    reasoning_parser: str | None = None,
    engine: str = "vllm",
    environment: Mapping[str, str] | None = None,
    checkpoint_folder: Path | None = None,
    parsers: Sequence[str] | None = None,
) -> Server:
    """Start a server and return at once; `Server.wait` waits until it answers.

    `environment`: further variables. `checkpoint_folder`: a model that is there, in place of the family's demo model.
    `parsers`: the flags that name parsers, in place of ours for the family; none if it is empty.

    Raises DidNotStart if something else has the port: it would answer in the server's place.
    """
    from dynamo_parsers.demo import checkpoint
    from dynamo_parsers.demo.model import DemoModel

    if _port_taken(port):
        raise DidNotStart(f"something else listens on port {port}")
    model = DemoModel.of(family, reasoning_parser)
    folder = ROOT / ".cache" / f"demo-{model.tool_parser}"
    if reasoning_parser:
        folder = folder.with_name(f"{folder.name}-{model.reasoning_parser}")
    if checkpoint_folder is not None:
        folder = checkpoint_folder
    elif checkpoint.write(folder, model):
        say(f"demo model written to {folder.relative_to(ROOT)}")
    how = ENGINES[engine]
    scripted = checkpoint_folder is None
    chosen = [*how.tool_flags, f"dynamo_{model.tool_parser}"]
    if model.reasoning_parser:
        chosen += ["--reasoning-parser", f"dynamo_{model.reasoning_parser}"]
    if parsers is not None:
        chosen = [*parsers]
    RUN.mkdir(exist_ok=True)
    log = RUN / f"{engine}-{port}.log"
    program, *words = how.command
    given = (*how.flags, *(how.scripted_flags if scripted else ()), *chosen, *flags)
    command = [str(program_of(engine, program)), *words, str(folder), "--port", str(port), *given]
    say(f"$ {shlex.join(command)}".replace(f"{ROOT}/", ""))
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env={
                **os.environ,
                **ENVIRONMENT,
                **how.environment,
                **(how.scripted_environment if scripted else {}),
                **(environment or {}),
            },
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    born = _born(process.pid) or ""
    server = Server(engine, family, port, process.pid, born, time.time(), str(log), [*chosen, *flags])
    server.record.write_text(json.dumps(asdict(server), indent=1) + "\n")
    return server


def running(port: int) -> Server | None:
    """The server that an earlier run of this module left on `port`, if it still runs."""
    try:
        server = Server(**json.loads(_record(port).read_text()))
    except (OSError, ValueError, TypeError):
        return None
    return server if server.alive() else None


def program_of(engine: str, program: str) -> Path:
    """A program of the engine: next to this interpreter, or in the engine's own environment.

    Raises DidNotStart if there is none.
    """
    # The interpreter is not resolved: that would leave the environment.
    for folder in (Path(sys.executable).parent, ROOT / f".venv-{engine}" / "bin"):
        if (folder / program).exists():
            return folder / program
    raise DidNotStart(f"no {program} here; the environment for it is made by: make {engine}-env")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _record(port: int) -> Path:
    return RUN / f"server-{port}.json"


def _ps(*arguments: str) -> str:
    # A fixed locale: start times are compared as text.
    environment = {**os.environ, "LC_ALL": "C", "TZ": "UTC"}
    return subprocess.run(
        ["ps", *arguments], capture_output=True, text=True, env=environment, check=False
    ).stdout.strip()


def _born(pid: int) -> str | None:
    """When process `pid` started; None if there is none, or only its remains."""
    state, _, born = _ps("-o", "stat=,lstart=", "-p", str(pid)).partition(" ")
    return born.strip() if born and not state.startswith("Z") else None


def _group_runs(group: int) -> bool:
    """Whether any process of the group is more than the remains of one."""
    rows = (row.split() for row in _ps("-A", "-o", "pgid=,stat=").splitlines())
    return any(int(pgid) == group and not state.startswith("Z") for pgid, state in rows)


def _within(seconds: float, happened: Callable[[], bool]) -> bool:
    end = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > end:
            return False
        time.sleep(0.2)
    return True


def _port_taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return True
    return False


def _sources_changed(since: float) -> bool:
    folders = [ROOT / "common", ROOT / "plugins"]
    return any(file.stat().st_mtime > since for folder in folders for file in folder.rglob("*.py"))


TRY = """\
curl -s {url}/v1/chat/completions -H 'content-type: application/json' -d '{{
  "model": "{model}",
  "messages": [{{"role": "user", "content": "What is the weather in Lisbon?"}}],
  "tools": [{{"type": "function", "function": {{"name": "get_weather", "parameters": {{
    "type": "object", "properties": {{"city": {{"type": "string"}}}}, "required": ["city"]}}}}}}]
}}' | python3 -m json.tool"""


def _say(text: str) -> None:
    print(text, flush=True)


def _real(model: str) -> tuple[str, Path, list[str]]:
    """The family of a real model, the folder that it is in, and its flags. It is fetched if it is not there."""
    import real_model

    if model not in real_model.FAMILY:
        raise DidNotStart(f"no model {model!r}; there are {', '.join(real_model.FAMILY)}")
    try:
        folder = real_model.checkpoint(model=model)
    except real_model.Unreachable as error:
        raise DidNotStart(str(error)) from None
    template = real_model.TEMPLATE[model]
    return real_model.FAMILY[model], folder, [] if template is None else ["--chat-template", str(template)]


def _start(engine: str, family: str, port: int, follow: bool, flags: Sequence[str], model: str = "") -> int:
    title = ENGINES[engine].title
    folder = None
    if model:
        try:
            family, folder, own = _real(model)
        except DidNotStart as error:
            _say(str(error))
            return 1
        flags = [*own, *flags]
    again = f"serve MODEL={model}" if model else f"serve FAMILY={family}"
    if engine != "vllm":
        again = again.replace("serve", f"serve ENGINE={engine}")
    server = running(port)
    if server is not None and (server.family, server.engine) != (family, engine):
        there = f"our {ENGINES[server.engine].title} for {server.family}"
        _say(f"port {port} has {there} (pid {server.pid}); end it: make stop PORT={port}")
        _say(f"or choose another port, such as: make {again} PORT={port + 1}")
        return 1
    if server is not None:
        _say(f"port {port} has our {title} for {family} already (pid {server.pid}): using it")
        if _sources_changed(server.began):
            _say(f"the sources have changed since; to load them: make stop {again} PORT={port}")
    elif _port_taken(port):
        _say(f"port {port} is taken by something that is not ours; choose another: make {again} PORT={port + 1}")
        return 1
    else:
        try:
            server = start(family, port, say=_say, flags=flags, engine=engine, checkpoint_folder=folder)
        except DidNotStart as error:
            _say(str(error))
            return 1
        _say(f"{title} starts as pid {server.pid}; the first start on a machine takes a minute or more")
    try:
        server.wait(_say)
    except DidNotStart as error:
        _say(str(error))
        return 1
    except KeyboardInterrupt:
        server.stop()
        _say("\nended")
        return 130
    log = os.path.relpath(server.log)
    _say(f"""
{title} answers at {server.url} with {shlex.join(server.flags)}

  pid   {server.pid}
  log   {log}
  stop  make stop PORT={port}

Try it:

{TRY.format(url=server.url, model=MODEL_NAME)}
""")
    if follow:
        _say(f"-- {log}; Ctrl-C leaves the server running")
        os.execvp("tail", ["tail", "-n", "+1", "-F", server.log])
    return 0


def _stop(port: int | None) -> int:
    ports = [port] if port else sorted(int(file.stem.split("-")[1]) for file in RUN.glob("server-*.json"))
    ended = 0
    for candidate in ports:
        server = running(candidate)
        if server is None:
            _record(candidate).unlink(missing_ok=True)
            continue
        server.stop()
        ended += 1
        _say(f"ended {ENGINES[server.engine].title} for {server.family} on port {candidate} (pid {server.pid})")
    if not ended:
        _say("no server of ours is running" + (f" on port {port}" if port else ""))
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    starting = commands.add_parser("start", help="start a server in the background and wait until it answers")
    starting.add_argument("--engine", default="vllm", choices=ENGINES)
    starting.add_argument("--family", default="kimi_k2", help="a tool parser's name")
    starting.add_argument("--model", default="", help="a real model of `real_model`, in place of the family's demo")
    starting.add_argument("--port", type=int, default=8000)
    starting.add_argument("--follow", action="store_true", help="show the log until Ctrl-C")
    starting.add_argument("flags", nargs="*", help="more flags for the engine, after --")
    stopping = commands.add_parser("stop", help="end the servers that `start` left running")
    stopping.add_argument("--port", type=int)
    given = parser.parse_args()
    if given.command == "start":
        return _start(given.engine, given.family, given.port, given.follow, given.flags, given.model)
    return _stop(given.port)


if __name__ == "__main__":
    sys.exit(main())
