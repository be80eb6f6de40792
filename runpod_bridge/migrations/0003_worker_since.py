import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('runpod_bridge', '0002_names_in_the_admin'),
    ]

    operations = [
        migrations.AddField(
            model_name='worker',
            name='since',
            field=models.DateTimeField(default=django.utils.timezone.now, help_text='When it came, or came back after a silence.'),
        ),
    ]
