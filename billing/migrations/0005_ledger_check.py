import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0004_alerts'),
    ]

    operations = [
        migrations.CreateModel(
            name='LedgerCheck',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('ok', models.BooleanField()),
                ('differences', models.PositiveBigIntegerField(default=0)),
                ('first', models.TextField(blank=True)),
                ('transfers', models.PositiveBigIntegerField()),
                ('wallets', models.PositiveBigIntegerField()),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('differences', 0), ('ok', True)), models.Q(('differences__gt', 0), ('ok', False)), _connector='OR'), name='ledgercheck_ok_without_differences')],
            },
        ),
    ]
