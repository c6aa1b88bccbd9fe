"""An application of one view, which starts a session; replace it by your own."""

from __future__ import annotations

import requests
from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.urls import path


def start(_request: HttpRequest, session: int) -> JsonResponse:
    """Start a session, and say what came of it."""
    call = {"iSession": session, "iNode": 337366, "sAuthCode": settings.RESCUE_AUTH_CODE}
    try:
        answer = requests.post(f"{settings.RESCUE_URL}/startSession", data=call, timeout=2.0)
        answer.raise_for_status()
    except requests.RequestException:
        return JsonResponse({"error": "try again later"}, status=503)
    return JsonResponse({"result": answer.text.partition(">startSessionRet_")[2].partition("<")[0]})


urlpatterns = [path("sessions/<int:session>/start", start)]
