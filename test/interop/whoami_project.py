"""A Django project with a view that calls Millrace with its user's cookie, as whoami.py of docs/django.md allows."""
import os
import urllib.request

import django
from django.conf import settings

settings.configure(
    SECRET_KEY="a test's",
    ROOT_URLCONF=__name__,
    ALLOWED_HOSTS=["*"],
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["DATABASE"]}},
)
django.setup()

from django.contrib.auth import authenticate, login  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.core.asgi import get_asgi_application  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.http import HttpResponse  # noqa: E402
from django.urls import path  # noqa: E402
from whoami import whoami  # noqa: E402


def sign_in(request):
    login(request, authenticate(request, username="ann", password="secret"))
    return HttpResponse("signed in")


def ask(request):
    """Waits for Millrace, which waits for this project."""
    headers = {"cookie": request.headers.get("cookie", "")}
    url = request.GET["url"]
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=30) as answer:
        return HttpResponse(answer.read())


urlpatterns = [path("sign-in/", sign_in), path("ask/", ask)]

call_command("migrate", verbosity=0)
User.objects.create_user("ann", password="secret", is_staff=True)
application = whoami(get_asgi_application())
