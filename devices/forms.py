"""What people choose about devices."""

from django import forms
from django.utils.translation import gettext_lazy as _

from devices.models import Device


class DeviceFilter(forms.Form):
    """Which devices a merchant looks at."""

    kind = forms.ChoiceField(
        label=_("Kind"), required=False, choices=[("", _("All kinds")), *Device.KINDS]
    )
