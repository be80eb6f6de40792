"""A worker that pulls jobs from a service: `WORKER_TOKEN=… python -m worker --server https://…`.

`python -m worker analyse photo|video FILE` looks at one file instead; see worker.analyse.
"""

from __future__ import annotations

import argparse
import logging
import os
import platform
import signal
import sys
from queue import SimpleQueue

from worker.errors import UnsupportedPlatform
from worker.machine import check

EXIT_BROKEN = 1
EXIT_USAGE = 2
EXIT_UNSUPPORTED = 3

logger = logging.getLogger("worker")


def main() -> int:
    if sys.argv[1:2] == ["analyse"]:
        from worker.analyse import analyse  # It limits this process, and needs nothing of what follows.

        return analyse(sys.argv[2:])
    args = _arguments()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    token = os.environ.pop("WORKER_TOKEN", "").strip()  # Popped: nothing we start shall inherit it.
    if not token:
        print("WORKER_TOKEN is not set; `manage.py createworkertoken NAME` prints one.", file=sys.stderr)
        return EXIT_USAGE
    try:
        check()
    except UnsupportedPlatform as exc:
        print(exc, file=sys.stderr)
        return EXIT_UNSUPPORTED
    return pull(args, token)


def pull(args: argparse.Namespace, token: str) -> int:
    """Work until a signal says stop."""
    from worker.pool import (
        Endpoint,
        Pool,
    )  # After the check: a machine without the engine ends with a sentence.
    from worker.workspace import sweep

    # A SimpleQueue may be written from a signal handler that interrupts its reader; an Event may not.
    ended: SimpleQueue[int | None] = SimpleQueue()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, frame: ended.put(number))
    try:
        removed = sweep()
    except OSError as exc:
        print(f"The worker's folder cannot be used ({exc}); set WORKER_DIR to another.", file=sys.stderr)
        return EXIT_USAGE
    if removed:
        logger.info("Removed what %d jobs had left that nobody came back for.", removed)
    endpoint = Endpoint(args.server, name=args.endpoint, worker=args.name, token=token)
    pool = Pool(endpoint, on_end=lambda: ended.put(None))
    pool.start()
    logger.info("Worker %s takes jobs from %s.", args.name, endpoint.url)
    code = EXIT_BROKEN if ended.get() is None else 0
    if not pool.stop():
        logger.warning("The running job did not end in time and is left.")
        logging.shutdown()
        os._exit(code)  # Its thread is inside native code, which must not outlive the interpreter.
    return code


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m worker", description=__doc__)
    parser.add_argument("--server", default="http://127.0.0.1:8000", help="the service (%(default)s)")
    parser.add_argument("--name", default=platform.node() or "worker", help="of this worker (%(default)s)")
    parser.add_argument("--endpoint", default="pool", help="(%(default)s)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
