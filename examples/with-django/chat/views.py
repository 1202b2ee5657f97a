import json

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.http import HttpResponse, HttpResponseBadRequest
from django.shortcuts import render
from django.views.decorators.http import require_POST


def index(request):
    return render(request, "index.html")


def room(request):
    return render(request, "room.html")


@require_POST
def say(request):
    """Speaks to the room from outside of any WebSocket, as a view, a signal or a Celery task does."""
    # A page of another site can post a form here, but no JSON.
    if request.content_type != "application/json":
        return HttpResponse("Post JSON\n", status=415)
    try:
        message = str(json.loads(request.body)["message"])
    except (ValueError, KeyError, TypeError):
        return HttpResponseBadRequest('Post {"message": "…"}\n')
    event = {"type": "room.message", "by": "Django view", "message": message}
    async_to_sync(get_channel_layer().group_send)("room", event)
    return HttpResponse("Said\n")
