from __future__ import annotations

from django.urls import include, path

from runpod_bridge import worker_views as views

for_workers = [
    path("job-take/<str:worker>", views.job_take),
    path("job-stop/<str:worker>", views.job_stop),
    path("ping/<str:worker>", views.ping),
    path("job-done/<str:worker>/<uuid:job>", views.job_done),
    path("job-stream/<str:worker>/<uuid:job>", views.job_stream),
]

urlpatterns = [path("runpod/v2/<str:endpoint>/", include(for_workers))]
