"""What a person chose once: their address, their language, and how they learn that a job has ended."""

from __future__ import annotations

from django import forms
from django.conf import settings
from django.contrib.auth.models import User
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from jobs.models import Preferences


class ProfileForm(forms.Form):
    email = forms.EmailField(
        required=False,
        max_length=254,
        error_messages={"invalid": gettext_lazy("This is no e-mail address.")},
    )
    email_when_done = forms.BooleanField(required=False)
    language = forms.ChoiceField(
        choices=settings.LANGUAGES,
        error_messages={"invalid_choice": gettext_lazy("“%(value)s” is not one of the languages.")},
    )

    def clean(self) -> dict:
        data = super().clean() or {}
        if data.get("email_when_done") and not data.get("email") and "email" not in self.errors:
            self.add_error("email", _("Give an address that the e-mail can go to."))
        return data


def form_of(user: User) -> ProfileForm:
    kept = Preferences.objects.filter(user=user).first()
    return ProfileForm(
        initial={
            "email": user.email,
            "email_when_done": bool(kept and kept.email_when_done),
            "language": translation.get_language(),
        }
    )


def save(user: User, form: ProfileForm) -> None:
    chosen = form.cleaned_data
    user.email = chosen["email"]
    user.save(update_fields=["email"])
    wishes = {name: chosen[name] for name in ("email_when_done", "language")}
    Preferences.objects.update_or_create(user=user, defaults=wishes)
