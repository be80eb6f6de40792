"""How gunicorn serves the site: `gunicorn -c python:faceswap_site.web faceswap_site.wsgi`."""

from __future__ import annotations

import logging
import os
import re
from typing import Any

from gunicorn.glogging import Logger

from faceswap_site.logs import JsonFormatter, TextFormatter
from jobs.trace import SubjectFilter, about

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "faceswap_site.settings")

# Said every few seconds by our own worker, by open pages and by whoever watches us: news only when it fails.
ROUTINE = re.compile(
    r"^/(runpod/v2/[^/]+/(job-take|job-stop|ping)/|v1/runpod/callback$"
    r"|jobs/[^/]+/status/$|live/$|healthz$|readyz$|static/)"
)


class QuietLogger(Logger):
    """Logs requests without the routine ones, and without anything that opens doors."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for logger in (self.error_log, self.access_log):
            for handler in logger.handlers:
                handler.setFormatter(line_format())
                handler.addFilter(SubjectFilter())

    def access(self, resp: Any, req: Any, environ: dict[str, Any], request_time: Any) -> None:
        succeeded = str(resp.status)[:1] in "23"
        if succeeded and ROUTINE.match(environ.get("PATH_INFO", "")):
            return
        headers = {name.lower(): value for name, value in resp.headers}
        with about(request=headers.get("x-request-id")):
            super().access(resp, req, environ, request_time)


def line_format() -> logging.Formatter:
    """The same as everywhere else in the service."""
    from django.conf import settings  # gunicorn reads this file before the site is loaded

    if settings.LOG_FORMAT == "json":
        return JsonFormatter()
    return TextFormatter("%(asctime)s %(levelname)s web: %(message)s")


worker_class = "gthread"
workers = 2
threads = 32  # uploads, downloads and the workers' held requests each keep one
timeout = 120  # for a thread pool that is stuck; a request may take longer
graceful_timeout = 2  # Ctrl-C shall not wait for held requests
keepalive = 5
control_socket_disable = True
logger_class = QuietLogger
accesslog = "-"
# No referrer, which may be a link of ours with a token in it.
access_log_format = '%(h)s "%(r)s" %(s)s %(B)s bytes %(M)s ms'
loglevel = logging.getLevelName(logging.WARNING).lower()
