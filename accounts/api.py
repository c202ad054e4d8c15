"""Where providers of text messages push their receipts to, and what waits for a second person."""

from typing import Any

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import selectors, services, sms
from accounts.models import Proposal, User
from accounts.sms import BadReport
from accounts.states import ProposalState
from core.api import ModelOut
from core.errors import Missing
from core.fields import choices_of

MOST_BYTES = 256 * 1024


@csrf_exempt
@require_POST
def receipts(request: HttpRequest, provider: str) -> HttpResponse:
    """Receipts as the provider pushes them: kept, and then asked for; a push alone proves nothing.

    400 for what is no report of this provider's, 404 for a provider that is not the one in use.
    """
    found = sms.provider(provider)
    if found is None or not found.sends:
        raise Http404
    if len(request.body) > MOST_BYTES:
        return HttpResponse(status=413)
    try:
        reports = found.reported(request.body)
    except BadReport:
        return HttpResponse(status=400)
    services.keep_pushed(reports)
    return JsonResponse(found.thanks(), json_dumps_params={"ensure_ascii": False})


# ── Two persons ──────────────────────────────────────────────────────────────────────────────
class ProposalOut(ModelOut):
    """An act that waits, or waited, for another person; `amount_fen` null: it always needs two."""

    what = serializers.SerializerMethodField(help_text="the act in words")
    state = serializers.ChoiceField(choices_of(ProposalState))
    asked_by = serializers.SerializerMethodField()
    decided_by = serializers.SerializerMethodField()

    class Meta:
        model = Proposal
        fields = [
            "id",
            "act",
            "what",
            "about",
            "amount_fen",
            "reason",
            "state",
            "asked_by",
            "asked_at",
            "expires_at",
            "decided_by",
            "decided_at",
            "answer",
        ]

    def get_what(self, row: Proposal) -> str:
        return str(services.act_of(row).word)

    def get_asked_by(self, row: Proposal) -> str:
        return selectors.name_of(row.asked_by)

    def get_decided_by(self, row: Proposal) -> str:
        return selectors.name_of(row.decided_by) if row.decided_by else ""


class RefuseIn(serializers.Serializer):
    reason = serializers.CharField(max_length=300)


def _person(request: Request) -> User:
    assert isinstance(request.user, User)
    return request.user


class WorksHere(BasePermission):
    """Somebody of the desk, or of any merchant."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        person = request.user
        return isinstance(person, User) and selectors.works_here(person)


class Proposals(generics.ListAPIView):
    """What this person has proposed or may answer, newest first."""

    permission_classes = [WorksHere]
    serializer_class = ProposalOut
    filter_backends: list[Any] = []
    queryset = Proposal.objects.none()

    def get_queryset(self) -> QuerySet[Proposal]:
        person = self.request.user
        if not isinstance(person, User):
            return Proposal.objects.none()
        return services.proposals_for(person)


class Answer(APIView):
    """An answer to a proposal, by who may give it."""

    permission_classes = [IsAuthenticated]

    def proposal(self, request: Request, pk: int) -> int:
        """Its number. Raises Missing for one that is nothing of this person's."""
        if not services.proposals_for(_person(request)).filter(pk=pk).exists():
            raise Missing()
        return pk


class Approve(Answer):
    """Agree: what was proposed is carried out now, or has failed and says why."""

    @extend_schema(request=None, responses=ProposalOut)
    def post(self, request: Request, pk: int) -> Response:
        number = self.proposal(request, pk)
        row = services.approve_proposal(proposal_id=number, person=_person(request))
        return Response(ProposalOut(row).data)


class Refuse(Answer):
    """Do not agree, and say why."""

    @extend_schema(request=RefuseIn, responses=ProposalOut)
    def post(self, request: Request, pk: int) -> Response:
        number = self.proposal(request, pk)
        given = RefuseIn(data=request.data)
        given.is_valid(raise_exception=True)
        row = services.refuse_proposal(
            proposal_id=number, person=_person(request), answer=given.validated_data["reason"]
        )
        return Response(ProposalOut(row).data)


class Withdraw(Answer):
    """Take back what one has proposed."""

    @extend_schema(request=None, responses=ProposalOut)
    def post(self, request: Request, pk: int) -> Response:
        number = self.proposal(request, pk)
        row = services.withdraw_proposal(proposal_id=number, person=_person(request))
        return Response(ProposalOut(row).data)
