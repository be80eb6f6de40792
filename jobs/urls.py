from __future__ import annotations

from django.urls import path

from jobs import library, views

app_name = "jobs"
urlpatterns = [
    path("", library.library, name="list"),
    path("live/", library.live, name="live"),
    path("storage/", library.storage, name="storage"),
    path("delete/", library.delete_many, name="delete-many"),
    path("retry/", library.retry_many, name="retry-many"),
    path("undo/", library.undo, name="undo"),
    path("undo/offer/", library.undo_offer, name="undo-offer"),
    path("new/", views.new, name="new"),
    path("jobs/<uuid:job_id>/", views.detail, name="detail"),
    path("jobs/<uuid:job_id>/status/", views.status, name="status"),
    path("jobs/<uuid:job_id>/retry/", views.retry, name="retry"),
    path("jobs/<uuid:job_id>/cancel/", views.cancel, name="cancel"),
    path("jobs/<uuid:job_id>/delete/", views.delete, name="delete"),
    path("files/<uuid:asset_id>/", views.file, name="file"),
    path("files/<uuid:asset_id>/thumbnail/", views.thumbnail, name="thumbnail"),
]
