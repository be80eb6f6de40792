from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('jobs', '0012_fill_names'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='apikey',
            options={'verbose_name': 'API key', 'verbose_name_plural': 'API keys'},
        ),
        migrations.AlterModelOptions(
            name='heartbeat',
            options={'verbose_name': 'heartbeat', 'verbose_name_plural': 'heartbeats'},
        ),
        migrations.AlterModelOptions(
            name='job',
            options={'verbose_name': 'job', 'verbose_name_plural': 'jobs'},
        ),
    ]
