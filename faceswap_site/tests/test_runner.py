"""The one-machine runner, in its real processes."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import requests

from faceswap_site.copies import BASE_DIR, Copy

CHILDREN = 5  # web, dispatch, outputs, worker, and the undertaker
GONE_WITHIN = 5.0


@pytest.fixture
def copy(tmp_path, fresh_database):
    copy = Copy(tmp_path / "data", environ=fresh_database)
    yield copy
    copy.stop()


def family(copy: Copy) -> list[psutil.Process]:
    """The runner's descendants."""
    return psutil.Process(copy.process.pid).children(recursive=True)


def eventually(holds: Callable[[], bool], within: float) -> bool:
    deadline = time.monotonic() + within
    while not (held := holds()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return held


def is_alive(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def all_gone(processes: list[psutil.Process]) -> bool:
    return not any(is_alive(process) for process in processes)


def program(copy: Copy, *words: str) -> psutil.Process | None:
    """The runner's own child whose command line has these words, or None."""
    for process in psutil.Process(copy.process.pid).children():
        with contextlib.suppress(psutil.NoSuchProcess):
            if set(words) <= set(process.cmdline()):
                return process
    return None


def environment(data_dir: Path, port: int) -> dict[str, str]:
    return Copy(data_dir, port=port).environ


def run_in_vain(environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "faceswap_site.runner"]
    return subprocess.run(command, cwd=BASE_DIR, env=environ, capture_output=True, text=True, timeout=60)


def test_a_killed_supervisor_takes_its_children_along_and_the_next_start_works(copy):
    copy.start()
    copy.wait_until_ready()
    children = family(copy)
    assert len(children) > CHILDREN

    copy.process.kill()
    copy.process.wait()

    assert eventually(lambda: all_gone(children), GONE_WITHIN)
    copy.start()
    copy.wait_until_ready()


def test_ctrl_c_ends_everything_even_while_a_worker_waits_for_work(copy):
    copy.start()
    copy.wait_until_ready()  # The worker's request for work is being held now.
    children = family(copy)

    copy.process.send_signal(signal.SIGINT)

    assert copy.process.wait(GONE_WITHIN + 2) == 0
    assert all_gone(children)


def test_what_dies_is_started_again_without_what_it_left_behind(copy):
    copy.start()
    copy.wait_until_ready()
    cluster = program(copy, "qcluster")
    orphans = cluster.children(recursive=True)
    assert orphans

    cluster.kill()

    assert eventually(lambda: all_gone([cluster, *orphans]), GONE_WITHIN)
    assert eventually(lambda: len(psutil.Process(copy.process.pid).children()) == CHILDREN, 10)
    assert requests.get(f"{copy.url}/healthz", timeout=10).status_code == 200


def test_a_killed_undertaker_is_replaced_and_knows_whom_to_watch(copy):
    copy.start()
    copy.wait_until_ready()
    program(copy, "faceswap_site.undertaker").kill()
    assert eventually(lambda: program(copy, "faceswap_site.undertaker") is not None, 5)
    time.sleep(1)  # until it has read the list
    children = family(copy)

    copy.process.kill()
    copy.process.wait()

    assert eventually(lambda: all_gone(children), GONE_WITHIN)


def test_a_port_in_use_is_one_clear_sentence(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = run_in_vain(environment(tmp_path, port))

    assert ended.returncode == 1
    assert ended.stderr.startswith(f"Cannot listen on 127.0.0.1:{port} (Address already in use)")
    assert ended.stderr.count("\n") == 1


def test_a_second_copy_on_the_same_data_is_refused_in_one_clear_sentence(tmp_path):
    environ = environment(tmp_path, 0)
    lock = "import fcntl, sys; f = open(sys.argv[1], 'w'); fcntl.flock(f, fcntl.LOCK_EX); print(); input()"
    command = [sys.executable, "-c", lock, str(tmp_path / "runner.lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        holder.stdout.readline()
        ended = run_in_vain(environ)
        holder.stdin.close()

    assert ended.returncode == 1
    assert ended.stderr == (
        f"Another copy is running on {tmp_path}; set DATA_DIR to another folder for a second one.\n"
    )


def test_settings_that_cannot_be_used_are_one_clear_sentence(tmp_path):
    ended = run_in_vain(environment(tmp_path, 0) | {"PUBLIC_BASE_URL": "faces"})

    assert ended.returncode == 1
    assert ended.stderr == "The settings cannot be used: PUBLIC_BASE_URL is 'faces', which names no host.\n"


def test_settings_that_do_not_fit_together_are_told_with_what_to_do(tmp_path):
    runpod = {"COMPUTE_PROVIDER": "runpod_bridge.runpod.RunpodProvider"}
    ended = run_in_vain(environment(tmp_path, 0) | runpod)

    assert ended.returncode == 1
    assert "RUNPOD_API_KEY and RUNPOD_ENDPOINT_ID are not set" in ended.stderr
    assert "HINT: Runpod needs both variables." in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_child_that_was_never_told_to_go_does_not_start(tmp_path):
    from faceswap_site.children import WHEN_TOLD

    command = ["/bin/sh", "-c", WHEN_TOLD, "sh", "touch", str(tmp_path / "started")]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as child:
        child.stdin.close()  # as when the supervisor is killed

    assert child.returncode != 0
    assert not (tmp_path / "started").exists()


def test_the_undertaker_kills_whole_groups_when_its_pipe_closes():
    stubborn = "trap '' TERM; sh -c \"trap '' TERM; sleep 60\" & sleep 60"
    leader = subprocess.Popen(["/bin/sh", "-c", stubborn], start_new_session=True)
    assert eventually(lambda: len(psutil.Process(leader.pid).children(recursive=True)) >= 2, 5)
    group = [psutil.Process(leader.pid), *psutil.Process(leader.pid).children(recursive=True)]

    command = [sys.executable, "-m", "faceswap_site.undertaker"]
    subprocess.run(command, cwd=BASE_DIR, input=f"+{leader.pid}\n".encode(), timeout=20, check=True)

    assert leader.wait(5) == -signal.SIGKILL
    assert all_gone(group)


def test_the_undertaker_leaves_a_forgotten_group_alone():
    bystander = subprocess.Popen(["sleep", "60"], start_new_session=True)
    said = f"+{bystander.pid}\n-{bystander.pid}\n".encode()

    command = [sys.executable, "-m", "faceswap_site.undertaker"]
    subprocess.run(command, cwd=BASE_DIR, input=said, timeout=20, check=True)

    assert bystander.poll() is None
    os.killpg(bystander.pid, signal.SIGKILL)
    bystander.wait()
