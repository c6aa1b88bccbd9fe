"""A Django project in one module: a view that starts a session where the setting RESCUE_URL leads."""

from application import start_session
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import path

SECRET_KEY = "only-for-tests"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = __name__
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
USE_TZ = True
STATIC_URL = "static/"
RESCUE_URL = ""


def start(_request: HttpRequest, session: int) -> HttpResponse:
    """Return the result of a session's start."""
    return HttpResponse(start_session(settings.RESCUE_URL, session))


urlpatterns = [path("start/<int:session>", start)]
