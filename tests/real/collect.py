"""Fetch the tools and calls that `make real` measures with, into .cache/real.

    PYTHONPATH=tests .venv-real/bin/python -m real.collect FOLDER [--again]

Rules:
- What is there is not fetched again: a file per server, with its version. `--again` asks again what did not start.
- A server is installed into a folder of its own, asked `tools/list` over its standard input, and removed.
- It sees a home of its own, an empty git repository to work in, and of our environment only the path.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import anyio
from mcp import ClientSession, StdioServerParameters, stdio_client

from .sources import BFCL, FOLDER, SERVERS, Server

INSTALLING, STARTING = 400, 180
"""Seconds that a server may take to install, and to answer."""
AT_ONCE = 2


class NotStarted(Exception):
    """Why a server lists no tools."""


class NotInstalled(NotStarted):
    """Another time it may be."""


def fetched(server: Server, cache: Path, *, again: bool) -> dict[str, object]:
    """The tools of a server, or why there are none."""
    file = cache / "mcp" / f"{server.name}.json"
    known = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    if known.get("version") == server.version and not (again and "failed" in known):
        return known
    file.unlink(missing_ok=True)
    found: dict[str, object] = {"package": server.package, "registry": server.registry, "version": server.version}
    folder = cache / "install" / server.name
    started = time.monotonic()
    installs = True
    try:
        found["tools"] = listed(server, installed(server, folder), folder)
    except NotStarted as why:
        found["failed"] = str(why)
        installs = not isinstance(why, NotInstalled)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if not installs:
        print(f"   {server.package} {server.version}: {found['failed']}", flush=True)
        return found
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    said = f"{len(found['tools'])} tools" if "tools" in found else f"not started: {found['failed']}"  # type: ignore[arg-type]
    print(f"   {server.package} {server.version}: {said} ({time.monotonic() - started:.0f} s)", flush=True)
    return found


def installed(server: Server, folder: Path) -> Path:
    """Install a server. Returns its command. Raises NotStarted."""
    folder.mkdir(parents=True, exist_ok=True)
    pinned = f"{server.package}{'@' if server.registry == 'npm' else '=='}{server.version}"
    if server.registry == "npm":
        scripts = [] if server.scripts else ["--ignore-scripts"]
        quiet = ["--silent", "--no-audit", "--no-fund", "--no-save"]
        _run(["npm", "install", "--prefix", str(folder), *quiet, *scripts, pinned])
        command = folder / "node_modules" / ".bin" / server.command
    else:
        uv = str(Path(sys.executable).with_name("uv"))
        python = folder / "venv" / "bin" / "python"
        _run([uv, "venv", "--quiet", "--python", sys.executable, str(folder / "venv")])
        _run([uv, "pip", "install", "--quiet", "--python", str(python), pinned, *server.beside])
        command = python.with_name(server.command)
    if not command.exists():
        raise NotStarted(f"it installs no command {server.command}")
    return command


def _run(command: Sequence[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALLING, check=False)
    except subprocess.TimeoutExpired:
        raise NotInstalled(f"not installed after {INSTALLING} s") from None
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["nothing said"]
        raise NotInstalled(f"not installed: {lines[-1][:120]}")


def listed(server: Server, command: Path, folder: Path) -> list[dict[str, object]]:
    """What a server answers to `tools/list`: names and schemas of arguments. Raises NotStarted."""
    home, work = folder / "home", folder / "work"
    home.mkdir(parents=True)
    subprocess.run(["git", "init", "--quiet", str(work)], check=True)
    parameters = StdioServerParameters(
        command=str(command),
        args=[each.replace(FOLDER, str(work)) for each in server.arguments],
        env={
            "PATH": f"{command.parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(home),
            "DO_NOT_TRACK": "1",
            **{name: value.replace(FOLDER, str(work)) for name, value in server.environment.items()},
        },
        cwd=str(work),
    )
    with (folder / "errors").open("w+", encoding="utf-8", errors="replace") as errors:
        try:
            return anyio.run(_listed, parameters, errors)
        except BaseException as error:  # of a program that may do anything; groups of errors are no Exception
            if isinstance(error, KeyboardInterrupt):
                raise
            errors.seek(0)
            lines = [line.strip() for line in errors if line.strip()]
            why = f"no answer after {STARTING} s" if isinstance(error, TimeoutError) else str(_innermost(error))[:80]
            raise NotStarted(f"{why}; it said: {lines[-1][:80]}" if lines else why) from error


def _innermost(error: BaseException) -> BaseException:
    """What a group of errors holds first."""
    while inner := getattr(error, "exceptions", ()):
        error = inner[0]
    return error


async def _listed(parameters: StdioServerParameters, errors: object) -> list[dict[str, object]]:
    with anyio.fail_after(STARTING):
        async with (
            stdio_client(parameters, errlog=errors) as (reads, writes),  # type: ignore[arg-type]
            ClientSession(reads, writes) as session,
        ):
            await session.initialize()
            answer = await session.list_tools()
            return [{"name": tool.name, "parameters": tool.input_schema} for tool in answer.tools]


def bfcl(cache: Path) -> Path:
    """The wheel of the leaderboard, whose data is JSON; its code is not run."""
    name, version = BFCL
    pattern = f"{name.replace('-', '_')}-{version}-*.whl"
    if not list(cache.glob(pattern)):
        cache.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(cache)]
        subprocess.run([*command, f"{name}=={version}"], check=True)
    return next(cache.glob(pattern))


def main(cache: Path, *, again: bool) -> None:
    for command in ("npm", "git"):
        if not shutil.which(command):
            sys.exit(f"make real needs {command}")
    logging.disable(logging.CRITICAL)  # servers write it where only messages belong
    bfcl(cache)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(lambda server: fetched(server, cache, again=again), SERVERS))
    started = [each for each in found if "tools" in each]
    tools = sum(len(each["tools"]) for each in started)  # type: ignore[arg-type]
    print(f"== {BFCL[0]} {BFCL[1]}; {tools} tools of {len(started)} of {len(SERVERS)} MCP servers and agents")


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute(), again="--again" in sys.argv[2:])
