"""Plans have versions, cards keep theirs and each of their periods; silence counts from fetching."""

from datetime import timedelta

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import F
from django.utils import timezone

import core.fields

BATCH = 500


def keep_what_was_bought(apps, schema_editor):
    """Nobody wrote down earlier edits: what a plan says now is what its cards were sold by.

    Where a card opens is what its newest record says, so no lot hears of a change.
    """
    Plan = apps.get_model("monthlycard", "Plan")
    PlanVersion = apps.get_model("monthlycard", "PlanVersion")
    Card = apps.get_model("monthlycard", "Card")
    CardPeriod = apps.get_model("monthlycard", "CardPeriod")
    CardVehicle = apps.get_model("monthlycard", "CardVehicle")
    now = timezone.now()
    for plan in Plan.objects.order_by("pk"):
        codes = sorted(plan.lots.values_list("code", flat=True))
        taking = set(plan.lots.filter(takes_cards=True).values_list("code", flat=True))
        first = Card.objects.filter(plan=plan).order_by("applied_at").first()
        version = PlanVersion.objects.create(
            plan=plan,
            number=1,
            price_fen=plan.price_fen,
            days=plan.days,
            quota_kind=plan.quota_kind,
            quota=plan.quota,
            grace_days=0,
            lots=codes,
            made_at=first.applied_at if first else now,
        )
        last_pk = 0
        while True:
            cards = list(Card.objects.filter(plan=plan, pk__gt=last_pk).order_by("pk")[:BATCH])
            if not cards:
                break
            last_pk = cards[-1].pk
            records = CardVehicle.objects.filter(card__in=cards).order_by("version")
            newest = {record.card_id: record for record in records}
            periods = []
            for card in cards:
                card.terms = version
                record = newest.get(card.pk)
                # A lot that takes none for now stands on no record, and comes back to the card.
                away = set(codes) - taking
                card.lots = codes if record is None else sorted({*record.lots, *away})
                card.expires_at = card.valid_until
                if card.valid_from and card.valid_until and card.state in ("active", "suspended"):
                    periods += _periods(CardPeriod, card, version)
            Card.objects.bulk_update(cards, ["terms", "lots", "expires_at"])
            CardPeriod.objects.bulk_create(periods)


def _periods(CardPeriod, card, version):
    """A card in force as periods of the plan's length, the last one ending with it."""
    length = timedelta(days=version.days)
    ends_at, found = card.valid_until, []
    while ends_at > card.valid_from:
        starts_at = ends_at - length
        found.append(
            CardPeriod(card=card, terms=version, starts_at=starts_at, ends_at=ends_at)
        )
        ends_at = starts_at
    return found[::-1]


def count_silence_from_fetching(apps, schema_editor):
    """A statement that nobody fetched has no silence yet; one that was counts from then."""
    Statement = apps.get_model("monthlycard", "Statement")
    waiting = Statement.objects.filter(state="sent", silence_at__isnull=False)
    waiting.filter(fetched_at=None).update(silence_at=None)
    waiting.filter(fetched_at__isnull=False).update(
        silence_at=F("silence_at") + (F("fetched_at") - F("made_at"))
    )


class Migration(migrations.Migration):
    dependencies = [
        ("monthlycard", "0005_rights_of_the_desk"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="plan",
            options={
                "permissions": [
                    ("carry_plan", "carry a plan's lots over to the cards that were sold")
                ],
                "verbose_name": "card plan",
                "verbose_name_plural": "card plans",
            },
        ),
        migrations.AddField(
            model_name="plan",
            name="grace_days",
            field=models.PositiveSmallIntegerField(
                blank=True,
                default=0,
                help_text="So many days the lots still take a card that has run out, to be renewed.",
                verbose_name="days of grace",
            ),
        ),
        migrations.CreateModel(
            name="PlanVersion",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("number", models.PositiveIntegerField()),
                ("price_fen", core.fields.MoneyField()),
                ("days", models.PositiveIntegerField()),
                (
                    "quota_kind",
                    models.CharField(
                        choices=[
                            ("none", "everything"),
                            ("money", "up to an amount"),
                            ("time", "up to a time (s)"),
                            ("count", "up to a number of visits"),
                        ],
                        max_length=5,
                    ),
                ),
                ("quota", models.PositiveIntegerField()),
                ("grace_days", models.PositiveSmallIntegerField()),
                ("lots", models.JSONField()),
                ("made_at", models.DateTimeField()),
                (
                    "plan",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="versions",
                        to="monthlycard.plan",
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="planversion",
            constraint=models.UniqueConstraint(
                fields=("plan", "number"), name="version_of_a_plan"
            ),
        ),
        migrations.AddField(
            model_name="card",
            name="terms",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="cards",
                to="monthlycard.planversion",
                verbose_name="as it was bought",
            ),
        ),
        migrations.AddField(
            model_name="card",
            name="lots",
            field=models.JSONField(default=list),
        ),
        migrations.AddField(
            model_name="card",
            name="expires_at",
            field=models.DateTimeField(null=True, verbose_name="taken until"),
        ),
        migrations.CreateModel(
            name="CardPeriod",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("starts_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField()),
                (
                    "card",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="periods",
                        to="monthlycard.card",
                    ),
                ),
                (
                    "terms",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="monthlycard.planversion",
                    ),
                ),
            ],
        ),
        migrations.RunPython(keep_what_was_bought, migrations.RunPython.noop),
        migrations.RunPython(count_silence_from_fetching, migrations.RunPython.noop),
    ]
