from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('runpod_bridge', '0001_worker_tokens'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='worker',
            options={'verbose_name': 'worker', 'verbose_name_plural': 'workers'},
        ),
        migrations.AlterModelOptions(
            name='workertoken',
            options={'verbose_name': 'worker token', 'verbose_name_plural': 'worker tokens'},
        ),
    ]
