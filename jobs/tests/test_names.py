from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from assets.models import Asset
from jobs.models import Job

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "name", ["../../etc/passwd.mp4", "quo\"te's.mp4", "🎤 canção.mp4", "a" * 300 + ".mp4"]
)
def test_a_strange_name_is_kept_for_people_and_never_becomes_a_path(api, clip_bytes, photo_file, name):
    video = SimpleUploadedFile("plain.mp4", clip_bytes)
    video.name = name  # past the constructor, which would tidy it

    response = api.post(
        "/v1/jobs", {"mode": "video_swap", "reference_video": video, "source_image": photo_file}
    )

    assert response.status_code == 202
    asset = Asset.objects.get(kind=Asset.Kind.VIDEO)
    assert asset.file.name.startswith(f"video/{asset.pk.hex[:2]}/{asset.pk}")
    assert "/" not in asset.name
    assert Job.objects.get().name == asset.name
