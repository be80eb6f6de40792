from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class JobsConfig(AppConfig):
    name = "jobs"
    verbose_name = _("Jobs")

    def ready(self) -> None:
        from django_q.signals import post_execute_in_worker, pre_execute

        from jobs import heartbeat, trace

        pre_execute.connect(trace.task_begins, dispatch_uid="jobs.trace")
        post_execute_in_worker.connect(trace.task_ended, dispatch_uid="jobs.trace")
        pre_execute.connect(heartbeat.task_begins, dispatch_uid="jobs.heartbeat")
        post_execute_in_worker.connect(heartbeat.task_ended, dispatch_uid="jobs.heartbeat")
