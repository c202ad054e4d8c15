"""Questions about places, stays, sightings and reviews."""

from parking.links import read_stay_token
from parking.selectors.doubts import (
    Question,
    is_questioned,
    is_questioned_sighting,
    open_questions,
)
from parking.selectors.facts import (
    StayFacts,
    berth_by_code,
    breakable_sections,
    history_of,
    open_stay_at,
    paid_after_leaving,
    plate_in_image,
    section,
    section_by_code,
    shown_plate,
    stay,
    stays,
    terminals_for,
    unpaid_at,
    unpaid_stays_of,
)
from parking.selectors.lists import (
    doubt_of,
    open_reviews,
    reviews_for,
    sightings_of,
    stays_of_merchant,
    trail_of,
    why_amended,
)
from parking.selectors.street import figures, needs, street

__all__ = [
    "Question",
    "StayFacts",
    "berth_by_code",
    "breakable_sections",
    "doubt_of",
    "figures",
    "history_of",
    "is_questioned",
    "is_questioned_sighting",
    "needs",
    "open_questions",
    "open_reviews",
    "open_stay_at",
    "paid_after_leaving",
    "plate_in_image",
    "read_stay_token",
    "reviews_for",
    "section",
    "section_by_code",
    "shown_plate",
    "sightings_of",
    "stay",
    "stays",
    "stays_of_merchant",
    "street",
    "terminals_for",
    "trail_of",
    "unpaid_at",
    "unpaid_stays_of",
    "why_amended",
]
