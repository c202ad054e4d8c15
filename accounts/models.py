"""People, the merchants they work for, and the plates that are shown to be theirs."""

import json

from django.contrib.auth.models import AbstractUser
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from accounts.keys import Factor as Factor
from accounts.keys import RecoveryCode as RecoveryCode
from accounts.keys import Visit as Visit
from accounts.sms import render
from accounts.states import HoldingState, ProposalState, RequestState, ShareState, SmsState
from core import personal
from core.fields import MoneyField, StateField, known
from core.models import StatefulModel
from core.plates import masked
from core.vehicles import WithPlate


class User(AbstractUser):
    """A person who logs in: operator, merchant's staff, or vehicle owner (by phone)."""

    phone_sealed = models.TextField(blank=True, editable=False)
    phone_digest = models.CharField(max_length=64, unique=True, null=True, editable=False)
    sms_opted_out = models.BooleanField(_("wants no messages"), default=False)

    class Meta(AbstractUser.Meta):
        swappable = "AUTH_USER_MODEL"
        permissions = [
            ("reset_user", gettext_noop("take away a second factor that a person has lost")),
        ]

    @property
    def phone(self) -> str:
        """The phone number, or "" where none is known."""
        return personal.unseal(self.phone_sealed) if self.phone_sealed else ""

    @property
    def phone_masked(self) -> str:
        return personal.masked_phone(self.phone) if self.phone_sealed else ""

    @property
    def actor(self) -> str:
        """How audit entries name this person."""
        return f"user:{self.pk}"


class Merchant(models.Model):
    """A creditor: who keeps berths and is owed for them. The city is one too."""

    name = models.CharField(_("name"), max_length=80)
    code = models.SlugField(_("code"), max_length=20, unique=True)
    is_city = models.BooleanField(_("is the city"), default=False)
    help_phone = models.CharField(_("help phone"), max_length=20, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("merchant")
        verbose_name_plural = _("merchants")

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """A person's work for a merchant."""

    class Role(models.TextChoices):
        OWNER = "owner", _("owner")
        MANAGER = "manager", _("manager")
        CASHIER = "cashier", _("cashier")
        ATTENDANT = "attendant", _("attendant")

    user = models.ForeignKey(
        User, models.CASCADE, related_name="memberships", verbose_name=_("user")
    )
    merchant = models.ForeignKey(
        Merchant, models.CASCADE, related_name="memberships", verbose_name=_("merchant")
    )
    role = models.CharField(_("role"), max_length=10, choices=Role.choices)

    class Meta:
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        constraints = [
            models.UniqueConstraint(fields=["user", "merchant"], name="one_role_a_merchant"),
            models.CheckConstraint(
                condition=models.Q(role__in=["owner", "manager", "cashier", "attendant"]),
                name="membership_role_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.merchant} · {self.get_role_display()}"


class PlateHolding(WithPlate, StatefulModel):
    """That a person holds a plate: said by them (claimed), then shown (proven), until it ends."""

    State = HoldingState

    MOVES = {
        HoldingState.CLAIMED: {HoldingState.PROVEN, HoldingState.ENDED},
        HoldingState.PROVEN: {HoldingState.ENDED},
    }

    user = models.ForeignKey(User, models.CASCADE, related_name="holdings", verbose_name=_("user"))
    plate_text = models.CharField(_("plate"), max_length=16)
    plate_colour = models.CharField(_("colour"), max_length=16)
    state = StateField(State, verbose_name=_("state"), default=State.CLAIMED)
    method = models.CharField(_("shown by"), max_length=40, blank=True)
    evidence = models.CharField(_("evidence"), max_length=64, blank=True)
    claimed_at = models.DateTimeField(_("claimed at"))
    proven_at = models.DateTimeField(_("proven at"), null=True)
    ended_at = models.DateTimeField(_("ended at"), null=True)

    class Meta:
        verbose_name = _("plate holding")
        verbose_name_plural = _("plate holdings")
        permissions = [
            ("prove_plateholding", gettext_noop("accept that a plate is theirs")),
        ]
        indexes = [models.Index(fields=["plate_text", "plate_colour"])]
        constraints = [
            known(HoldingState, name="holding_state_known"),
            models.UniqueConstraint(
                fields=["plate_text", "plate_colour"],
                condition=models.Q(state=HoldingState.PROVEN),
                name="one_proven_holder_a_plate",
            ),
            models.UniqueConstraint(
                fields=["user", "plate_text", "plate_colour"],
                condition=~models.Q(state=HoldingState.ENDED),
                name="one_holding_a_person_and_plate",
            ),
        ]

    def __str__(self) -> str:
        return f"{masked(self.plate_text)} · {self.get_state_display()}"


class PlateShare(StatefulModel):
    """That the holder of a plate lets another person see and pay its bills; ends with the holding.

    Nobody is written to because of it, and it shows nothing to be theirs.
    """

    State = ShareState

    MOVES = {ShareState.RUNNING: {ShareState.ENDED}}

    holding = models.ForeignKey(
        PlateHolding, models.CASCADE, related_name="shares", verbose_name=_("plate holding")
    )
    user = models.ForeignKey(User, models.CASCADE, related_name="+", verbose_name=_("user"))
    state = StateField(State, verbose_name=_("state"), default=State.RUNNING)
    since = models.DateTimeField(_("since"))

    class Meta:
        verbose_name = _("shared plate")
        verbose_name_plural = _("shared plates")
        constraints = [
            known(ShareState, name="share_state_known"),
            models.UniqueConstraint(
                fields=["holding", "user"],
                condition=models.Q(state=ShareState.RUNNING),
                name="one_share_a_person_and_plate",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pk}"


class LoginCode(models.Model):
    """A code sent to a phone; the newest one that a browser asked for counts there, once, for ten
    minutes. What others ask for and type meanwhile does not touch it."""

    phone_digest = models.CharField(max_length=64, db_index=True)
    browser = models.CharField(max_length=64, blank=True)  # a digest
    code_digest = models.CharField(max_length=64)
    expires_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.pk}"


class SmsMessage(StatefulModel):
    """A text message: written with the change that causes it, sent afterwards, once.

    That the provider has taken it is `sent`; what its receipt says of the phone is `delivered`.
    """

    State = SmsState

    MOVES = {
        SmsState.QUEUED: {
            SmsState.SENT,
            SmsState.FAILED,
            SmsState.RECALLED,
        },
        SmsState.SENT: {SmsState.DELIVERED, SmsState.FAILED},
        SmsState.FAILED: {SmsState.DELIVERED},  # its receipt came after we had given up
    }

    key = models.CharField(max_length=80, unique=True)
    phone_sealed = models.TextField()
    phone_masked = models.CharField(_("phone"), max_length=20)
    phone_digest = models.CharField(max_length=64, blank=True, editable=False)
    template = models.CharField(_("template"), max_length=40)
    params_sealed = models.TextField()
    state = StateField(State, verbose_name=_("state"), default=State.QUEUED)
    provider_id = models.CharField(max_length=80, blank=True)
    error = models.CharField(_("error"), max_length=200, blank=True)
    created_at = models.DateTimeField(_("made"))
    valid_until = models.DateTimeField(
        _("of use until"), null=True, help_text=_("Not sent any more from then on.")
    )
    leaves_at = models.DateTimeField(
        _("held until"), null=True, help_text=_("By night, or by the person's budget.")
    )
    left_at = models.DateTimeField(
        _("let go"), null=True, help_text=_("From then on it counts in the person's budget.")
    )
    sent_at = models.DateTimeField(_("sent at"), null=True)
    delivered_at = models.DateTimeField(
        _("on the phone at"), null=True, help_text=_("As the provider's receipt says.")
    )
    ask_at = models.DateTimeField(
        null=True,
        editable=False,
        help_text="When its receipt is asked for next; real.",
    )

    class Meta:
        verbose_name = _("text message")
        verbose_name_plural = _("text messages")
        constraints = [known(SmsState, name="sms_state_known")]
        indexes = [
            models.Index(
                fields=["ask_at"],
                condition=models.Q(state=SmsState.SENT),
                name="sms_awaits_receipt",
            ),
            models.Index(
                fields=["phone_digest", "left_at"],
                condition=models.Q(left_at__isnull=False),
                name="sms_left",
            ),
            models.Index(
                fields=["leaves_at"], condition=models.Q(state=SmsState.QUEUED), name="sms_held"
            ),
        ]

    @property
    def params(self) -> dict[str, str]:
        """What the template is filled with; may hold a code or a personal link."""
        params: dict[str, str] = json.loads(personal.unseal(self.params_sealed))
        return params

    @property
    def text(self) -> str:
        """What the message says."""
        return render(self.template, self.params)

    def __str__(self) -> str:
        return f"{self.template} {self.phone_masked}"


class SmsReceipt(models.Model):
    """What a provider said of a message, as it came: pushed to us, or asked for.

    A push proves nothing, anybody may send one: it makes us ask. The answer to our own signed
    question is what counts.
    """

    class Way(models.TextChoices):
        PUSHED = "pushed", _("pushed")
        ASKED = "asked", _("asked for")

    message = models.ForeignKey(
        SmsMessage, models.CASCADE, related_name="receipts", verbose_name=_("text message")
    )
    way = models.CharField(_("way"), max_length=8, choices=Way.choices)
    at = models.DateTimeField(_("received"))
    raw = models.JSONField(_("as it came"))

    class Meta:
        verbose_name = _("receipt of a text message")
        verbose_name_plural = _("receipts of text messages")

    def __str__(self) -> str:
        return f"{self.pk}"


class SmsReply(models.Model):
    """What somebody answered to a text of ours, as the provider passed it on."""

    class Meaning(models.TextChoices):
        STOP = "stop", _("wants no messages")
        NOT_MINE = "not_mine", _("not my vehicle")
        OTHER = "other", _("something else")

    provider = models.CharField(_("carried by"), max_length=20)
    provider_id = models.CharField(max_length=80)
    phone_masked = models.CharField(_("phone"), max_length=20)
    user = models.ForeignKey(
        User, models.SET_NULL, null=True, related_name="+", verbose_name=_("person")
    )
    answers = models.ForeignKey(
        SmsMessage, models.SET_NULL, null=True, related_name="+", verbose_name=_("text message")
    )
    text_sealed = models.TextField()
    meaning = models.CharField(_("meaning"), max_length=10, choices=Meaning.choices)
    received_at = models.DateTimeField(_("received"))

    class Meta:
        verbose_name = _("reply to a text message")
        verbose_name_plural = _("replies to text messages")
        constraints = [
            models.UniqueConstraint(fields=["provider", "provider_id"], name="sms_reply_once")
        ]

    def __str__(self) -> str:
        return f"{self.meaning} {self.phone_masked}"

    @property
    def text(self) -> str:
        """What they wrote."""
        return personal.unseal(self.text_sealed)


# ── Two persons ──────────────────────────────────────────────────────────────────────────────
class ActLimit(models.Model):
    """Up to which sum one person acts alone: of one merchant, or of all who have none of their
    own. Versions, of which the newest holds."""

    EACH_FEN = 10_000
    DAY_FEN = 30_000

    merchant = models.ForeignKey(
        Merchant,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("merchant"),
        help_text=_("Empty: for all who have no limit of their own."),
    )
    each_fen = MoneyField(
        _("alone up to"),
        default=EACH_FEN,
        help_text=_("What one act of one person may give back, write off or move."),
    )
    day_fen = MoneyField(
        _("alone up to, in a day"),
        default=DAY_FEN,
        help_text=_("What all acts of one person on one day may come to."),
    )
    why = models.CharField(_("why"), max_length=200)
    valid_from = models.DateTimeField(_("valid from"), editable=False)
    said_by = models.CharField(_("said by"), max_length=80, editable=False)

    class Meta:
        verbose_name = _("limit for one person")
        verbose_name_plural = _("limits for one person")
        indexes = [models.Index(fields=["merchant", "-id"], name="act_limit_newest")]

    def __str__(self) -> str:
        return f"{self.pk}"


class Proposal(StatefulModel):
    """What one person wants to do and another must agree to; and what one did alone, counted.

    `args` is what the act is carried out with, `amount_fen` what it weighed when it was proposed
    (None: it always needs two). Never changed but by its state.
    """

    State = ProposalState

    MOVES = {
        ProposalState.ASKED: {
            ProposalState.DONE,
            ProposalState.REFUSED,
            ProposalState.FAILED,
            ProposalState.WITHDRAWN,
            ProposalState.EXPIRED,
        }
    }
    DECIDED = (
        ProposalState.DONE,
        ProposalState.REFUSED,
        ProposalState.FAILED,
        ProposalState.EXPIRED,
    )

    act = models.CharField(_("act"), max_length=40)
    state = StateField(State, verbose_name=_("state"), default=State.ASKED)
    merchant = models.ForeignKey(
        Merchant, models.PROTECT, null=True, related_name="+", verbose_name=_("merchant")
    )
    subject_id = models.BigIntegerField(_("number"), default=0)
    about = models.CharField(_("about"), max_length=200, blank=True)
    args = models.JSONField(encoder=DjangoJSONEncoder, editable=False)
    amount_fen = MoneyField(_("amount"), null=True)
    reason = models.CharField(_("reason"), max_length=300, blank=True)
    asked_by = models.CharField(_("proposed by"), max_length=80)
    asked_at = models.DateTimeField(_("proposed"))
    expires_at = models.DateTimeField(_("of use until"))
    decided_by = models.CharField(_("second person"), max_length=80, blank=True)
    decided_at = models.DateTimeField(_("answered"), null=True)
    answer = models.CharField(_("answer"), max_length=300, blank=True)
    told_at = models.DateTimeField(
        _("told"), null=True, help_text=_("When the answer was shown to who proposed it.")
    )

    class Meta:
        verbose_name = _("proposed act")
        verbose_name_plural = _("proposed acts")
        permissions = [
            ("approve_proposal", gettext_noop("agree to, or refuse, what another proposes")),
            ("withdraw_proposal", gettext_noop("take back what one has proposed")),
        ]
        constraints = [
            known(ProposalState, name="proposal_state_known"),
            models.CheckConstraint(
                condition=~models.Q(state=ProposalState.DONE)
                | (~models.Q(decided_by="") & ~models.Q(decided_by=models.F("asked_by"))),
                name="proposal_by_two",
            ),
            models.UniqueConstraint(
                fields=["act", "subject_id"],
                condition=models.Q(state=ProposalState.ASKED) & ~models.Q(subject_id=0),
                name="one_proposal_of_a_thing",
            ),
        ]
        indexes = [
            models.Index(
                fields=["asked_by", "asked_at"],
                condition=models.Q(state=ProposalState.ALONE),
                name="proposal_alone",
            ),
            models.Index(
                fields=["expires_at"],
                condition=models.Q(state=ProposalState.ASKED),
                name="proposal_waiting",
            ),
            models.Index(
                fields=["asked_by"],
                condition=models.Q(told_at=None, decided_at__isnull=False),
                name="proposal_untold",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pk}"


# ── What people may ask about their data ─────────────────────────────────────────────────────
class DataRequest(StatefulModel):
    """A person asks for what we have about them, for its correction, or to be forgotten.

    `due_by` is fifteen working days from asking. An answer that is a file lies under `file_key`,
    sealed, until `file_until` (real time) or until it is fetched, whichever comes first.
    """

    State = RequestState

    class Kind(models.TextChoices):
        EXPORT = "export", _("everything about me")
        CORRECTION = "correction", _("a correction")
        ERASURE = "erasure", _("to be forgotten")

    MOVES = {
        RequestState.ASKED: {RequestState.DONE, RequestState.REFUSED, RequestState.WITHDRAWN},
    }

    user = models.ForeignKey(
        User, models.PROTECT, related_name="data_requests", verbose_name=_("user")
    )
    kind = models.CharField(_("asks for"), max_length=12, choices=Kind.choices)
    state = StateField(State, verbose_name=_("state"), default=State.ASKED)
    text = models.CharField(_("what they write"), max_length=500, blank=True)
    asked_at = models.DateTimeField(_("asked"))
    due_by = models.DateTimeField(_("to be answered by"))
    answer = models.CharField(_("answer"), max_length=500, blank=True)
    decided_at = models.DateTimeField(_("decided"), null=True)
    decided_by = models.CharField(_("decided by"), max_length=80, blank=True)
    file_key = models.CharField(max_length=64, blank=True)
    file_until = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("request about own data")
        verbose_name_plural = _("requests about own data")
        permissions = [
            ("answer_datarequest", gettext_noop("answer what people ask about their own data"))
        ]
        constraints = [
            known(RequestState, name="request_state_known"),
            models.UniqueConstraint(
                fields=["user", "kind"],
                condition=models.Q(state=RequestState.ASKED),
                name="one_open_request_a_kind",
            ),
        ]
        indexes = [models.Index(fields=["state", "due_by"], name="request_to_answer")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.pk}"


class Consent(models.Model):
    """Which version of our information a person was shown when they gave us data; only added."""

    user = models.ForeignKey(User, models.CASCADE, related_name="consents", verbose_name=_("user"))
    version = models.CharField(_("version"), max_length=20)
    given_at = models.DateTimeField(_("given"))

    class Meta:
        verbose_name = _("consent")
        verbose_name_plural = _("consents")
        constraints = [
            models.UniqueConstraint(fields=["user", "version"], name="one_consent_a_version")
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.version}"
