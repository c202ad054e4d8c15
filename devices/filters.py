"""How lists of devices are narrowed."""

import django_filters
from django.utils.translation import gettext_lazy as _

from devices.models import Device


class DeviceFilter(django_filters.FilterSet):
    """By kind."""

    kind = django_filters.ChoiceFilter(
        label=_("Kind"), choices=Device.KINDS, empty_label=_("All kinds")
    )

    class Meta:
        model = Device
        fields: list[str] = []
