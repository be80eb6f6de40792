from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('assets', '0003_sizes'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='asset',
            options={'verbose_name': 'asset', 'verbose_name_plural': 'assets'},
        ),
        migrations.AlterModelOptions(
            name='token',
            options={'verbose_name': 'token', 'verbose_name_plural': 'tokens'},
        ),
    ]
