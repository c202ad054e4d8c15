"""Places and prices, stays, what was seen, what a person must look at, what was paid ahead."""

from parking.models.cameras import CameraTrust, ReadingJudgement
from parking.models.clones import CloneCase
from parking.models.holidays import HolidayYear
from parking.models.permits import Permit
from parking.models.places import (
    Berth,
    BerthSensor,
    CameraCoverage,
    HandheldPost,
    Section,
    Tariff,
    TariffVersion,
)
from parking.models.prepayments import Prepayment
from parking.models.reviews import ReviewItem
from parking.models.sightings import ImageOrder, InspectionTask, PlateReading, Sighting
from parking.models.signs import SignDoubt, SignReport
from parking.models.stays import BerthEvent, BerthSilence, ParkingSession, StayGap, StayPayment

__all__ = [
    "Berth",
    "BerthEvent",
    "BerthSensor",
    "BerthSilence",
    "CameraCoverage",
    "CameraTrust",
    "CloneCase",
    "HandheldPost",
    "HolidayYear",
    "ImageOrder",
    "InspectionTask",
    "ParkingSession",
    "Permit",
    "PlateReading",
    "Prepayment",
    "ReadingJudgement",
    "ReviewItem",
    "Section",
    "Sighting",
    "SignDoubt",
    "SignReport",
    "StayGap",
    "StayPayment",
    "Tariff",
    "TariffVersion",
]
