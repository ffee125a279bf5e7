from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("accounts", "0005_budgets"),
    ]

    operations = [
        migrations.AddField(
            model_name="wallet",
            name="closed",
            field=models.BooleanField(db_default=False, default=False),
        ),
    ]
