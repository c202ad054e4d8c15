"""What bills and questions say, by the codes that are stored, in the reader's language."""

from typing import Any

from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from payments.rules import BillLine

# What a bill says, by the codes of pricing.LINE_TEXTS; "free" is said with its minutes.
LINE_WORDS = {
    "free": _("Free time"),
    "first_hour": _("First hour"),
    "first_period": _("First period"),
    "then": _("Afterwards"),
    "all_day": _("Parking"),
    "day": _("Daytime"),
    "night": _("Night"),
    "rest_day": _("Day off"),
    "visit": _("Per visit"),
    "cap_day": _("Daily cap"),
    "cap_vehicle": _("Daily cap of the vehicle, with its other stays"),
    "cap_24h": _("Cap for 24 hours"),
    "cap_window": _("Cap for the period"),
    "cap_visit": _("Cap for the visit"),
    "new_energy": _("New-energy discount"),
    "earlier_stops": _("Together with the stops before, as one stay"),
    "silent": _("Not counted: the sensor was silent"),
    "permit": _("Free by a permit"),
    "guessed_days": _("The year's holidays were not known yet"),
}

# Why a person is asked, by the codes of ReviewItem.why.
WHY = {
    "no_plate": _("No plate was found in the picture."),
    "weak_character": _("One character is in doubt."),
    "weak_plate": _("The plate as a whole is in doubt."),
    "colour_unknown": _("The colour of the plate is in doubt."),
    "length_colour_mismatch": _("Length and colour of the plate don't fit."),
    "reader_silent": _("The plate reader did not answer."),
    "near_miss": _("Declared and read plate differ where the reader errs easily."),
    "readings_differ": _("Two photographs of one stay show different plates."),
    "plate_twice": _("The same plate stands in two berths."),
    "seen_elsewhere": _("The same plate was seen elsewhere during this stay."),
    "too_far": _("The same plate was in two places too far apart for the time between."),
    "plate_copied": _("This plate may have been copied: was it the true vehicle?"),
    "two_vehicles": _("Two vehicles are known with this plate, and its colour was not read."),
    "next_arrived": _("The next vehicle came before this one was seen to leave."),
    "no_departure": _("No departure was reported for a long time."),
    "split": _("Another arrival was reported in the middle of this stay."),
    "seen_at_free_berth": _("A vehicle was photographed in a berth that is said to be free."),
    "payer_at_free_berth": _("Somebody wants to pay at a berth that is said to be free."),
    "sensor_gap": _("The sensor was silent for a part of this stay."),
    "corrected": _("A person corrected the plate."),
    "camera_stopped": _("This camera reads too many plates wrong: a person has to look."),
    "sample": _("Drawn by chance: read the plate again, without help."),
    "doubted": _("Somebody says that this is another vehicle's plate."),
}


def spoken(line: dict[str, Any]) -> BillLine:
    """A stored line in the reader's language."""
    text = str(LINE_WORDS[line["text_code"]])
    if line["unit"] == "s":
        text = gettext("First %(minutes)s min free") % {"minutes": line["quantity"] // 60}
        return BillLine(text, 1, "", 0, 0)
    unit = line["unit"]
    if unit == "year":
        text = gettext("The holidays of %(year)s were not announced yet; priced by plain weekdays")
        return BillLine(text % {"year": line["quantity"]}, 1, "", 0, 0)
    if unit == "gap":
        minutes = max(1, line["quantity"] // 60)
        text = (
            gettext("%(minutes)s min free by a permit")
            if line["text_code"] == "permit"
            else gettext("%(minutes)s min not counted: our sensor was silent")
        )
        return BillLine(text % {"minutes": minutes}, 1, "", 0, 0)
    if unit in ("visit", "cap"):
        return BillLine(text, 1, "", line["unit_price_fen"], line["amount_fen"])
    if unit.endswith("min"):
        minutes = int(unit.removesuffix("min"))
        hours, rest = divmod(minutes, 60)
        if (hours, rest) == (1, 0):
            unit = gettext("h")
        elif hours and not rest:
            unit = "× " + ngettext("%(n)d h", "%(n)d h", hours) % {"n": hours}
        else:
            unit = "× " + ngettext("%(n)d min", "%(n)d min", minutes) % {"n": minutes}
    return BillLine(text, line["quantity"], unit, line["unit_price_fen"], line["amount_fen"])


def reason_of(why: str) -> str:
    """Why a plate waits for a person, in words."""
    return str(WHY.get(why, _("The reading is not sure enough.")))
