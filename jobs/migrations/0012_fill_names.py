from unicodedata import normalize

from django.db import migrations

AT_ONCE = 500


def fill(apps, schema_editor):
    """Give each job the names that it is found by, some at a time: each round commits by itself."""
    jobs = apps.get_model('jobs', 'Job').objects.using(schema_editor.connection.alias).order_by('pk')
    files = ('reference_video', 'source_image', 'driving_audio')
    here = jobs.select_related(*files, 'batch').prefetch_related('more_photos__asset')
    rows = list(here[:AT_ONCE])
    while rows:
        for job in rows:
            parts = [job.reference_video, job.source_image, job.driving_audio, job.batch]
            parts += [photo.asset for photo in job.more_photos.all()]
            job.names = '\n'.join(normalize('NFKC', part.name).casefold() for part in parts if part)
        jobs.bulk_update(rows, ['names'])
        rows = list(here.filter(pk__gt=rows[-1].pk)[:AT_ONCE])


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('jobs', '0011_names'),
    ]

    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop, elidable=True),
    ]
