from __future__ import annotations

from django.urls import path

from jobs import batch_pages, face_library, files, library, new, sharing, views

app_name = "jobs"
urlpatterns = [
    path("", library.library, name="list"),
    path("live/", library.live, name="live"),
    path("storage/", library.storage, name="storage"),
    path("delete/", library.delete_many, name="delete-many"),
    path("retry/", library.retry_many, name="retry-many"),
    path("undo/", library.undo, name="undo"),
    path("undo/offer/", library.undo_offer, name="undo-offer"),
    path("new/", new.new, name="new"),
    path("new/code/", new.code, name="new-code"),
    path("batches/new/", batch_pages.new, name="new-batch"),
    path("batches/<uuid:batch_id>/", batch_pages.detail, name="batch"),
    path("batches/<uuid:batch_id>/live/", batch_pages.live, name="batch-live"),
    path("batches/<uuid:batch_id>/cancel/", batch_pages.cancel, name="cancel-batch"),
    path("batches/<uuid:batch_id>/retry/", batch_pages.retry, name="retry-batch"),
    path("batches/<uuid:batch_id>/delete/", batch_pages.delete, name="delete-batch"),
    path("jobs/<uuid:job_id>/", views.detail, name="detail"),
    path("jobs/<uuid:job_id>/status/", views.status, name="status"),
    path("jobs/<uuid:job_id>/retry/", views.retry, name="retry"),
    path("jobs/<uuid:job_id>/cancel/", views.cancel, name="cancel"),
    path("jobs/<uuid:job_id>/delete/", views.delete, name="delete"),
    path("jobs/<uuid:job_id>/share/", sharing.share, name="share"),
    path("jobs/<uuid:job_id>/share/<uuid:share_id>/end/", sharing.end_share, name="end-share"),
    path("jobs/<uuid:job_id>/whole/", views.whole, name="whole"),
    path("jobs/<uuid:job_id>/keep-face/", face_library.keep_of_job, name="keep-face"),
    path("s/<str:value>/", sharing.watch, name="watch"),
    path("s/<str:value>/video/", sharing.video, name="watch-video"),
    path("s/<str:value>/poster/", sharing.poster, name="watch-poster"),
    path("files/", files.upload, name="upload"),
    path("files/<uuid:asset_id>/", files.file, name="file"),
    path("files/<uuid:asset_id>/thumbnail/", files.thumbnail, name="thumbnail"),
    path("files/<uuid:asset_id>/card/", files.card, name="file-card"),
    path("files/<uuid:asset_id>/look/", files.look, name="look"),
    path("files/<uuid:asset_id>/faces/<int:number>/", files.face, name="face"),
    path("files/<uuid:asset_id>/remove/", files.remove, name="remove-file"),
    path("faces/", face_library.overview, name="faces"),
    path("faces/<int:face_id>/", face_library.card, name="kept-face"),
    path("faces/<int:face_id>/rename/", face_library.rename, name="rename-face"),
    path("faces/<int:face_id>/remove/", face_library.remove, name="remove-face"),
]
