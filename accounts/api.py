"""Where providers of text messages push their receipts to."""

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from accounts import services, sms
from accounts.sms import BadReport

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
