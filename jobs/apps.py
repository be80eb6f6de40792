from django.apps import AppConfig


class JobsConfig(AppConfig):
    name = "jobs"

    def ready(self) -> None:
        from django_q.signals import post_execute, pre_execute

        from jobs import trace

        pre_execute.connect(trace.task_begins, dispatch_uid="jobs.trace")
        post_execute.connect(trace.task_ended, dispatch_uid="jobs.trace")
