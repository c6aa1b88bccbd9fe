"""The settings of a project of one view; your own project has more."""

ALLOWED_HOSTS = ["localhost"]
ROOT_URLCONF = "help_desk"
SECRET_KEY = "for tests only"
STATIC_URL = "static/"
USE_TZ = True

RESCUE_URL = "https://secure.logmeinrescue.com/API/API.asmx"  # the tests replace it
RESCUE_AUTH_CODE = "demo-ann"
