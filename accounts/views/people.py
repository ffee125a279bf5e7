"""A person's own pages that are about no workspace."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts.forms.people import OwnNameForm
from accounts.models import User


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def name(request: HttpRequest) -> HttpResponse:
    """What one is called, everywhere."""
    user = request.user
    assert isinstance(user, User)  # they are signed in
    if request.method != "POST":
        return render(
            request, "accounts/name.html", {"form": OwnNameForm(initial={"first_name": user.first_name})}
        )
    form = OwnNameForm(request.POST)
    if not form.is_valid():
        return render(request, "accounts/name.html", {"form": form}, status=422)
    User.objects.filter(pk=user.pk).update(first_name=form.cleaned_data["first_name"])
    messages.success(request, "Your name is changed.")
    return redirect("accounts:name")
