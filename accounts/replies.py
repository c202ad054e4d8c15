"""Where providers of text messages pass on what people answered."""

from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from accounts import services, sms
from core.errors import Invalid

MOST_BYTES = 256 * 1024


@csrf_exempt
@require_POST
def replies(request: HttpRequest, provider: str, secret: str) -> HttpResponse:
    """Replies in a batch: each is kept and acted upon once. 404 without the secret, 400 for what
    can't be read; a number that is none of a mobile phone is passed over."""
    if len(request.body) > MOST_BYTES:
        return HttpResponse(status=413)
    try:
        found = sms.replies(provider, secret, request.body)
    except ValueError:
        return HttpResponse(status=400)
    if found is None:
        raise Http404
    with transaction.atomic():
        for number, phone, text in found:
            try:
                digits = services.clean_phone(phone)
            except Invalid:
                continue
            services.take_reply(provider=provider, number=number, phone=digits, text=text)
    return JsonResponse({"code": 0, "msg": "接收成功"}, json_dumps_params={"ensure_ascii": False})
