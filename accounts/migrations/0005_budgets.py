"""A wallet knows how many budgets were made: a statement that began before one cannot see it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0004_teams")]

    operations = [
        migrations.AddField(
            model_name="wallet",
            name="budget_round",
            field=models.PositiveIntegerField(db_default=0, default=0),
        ),
    ]
