"""Changes to places, stays, sightings, reviews and pre-payments."""

from parking.services.accuracy import draw_samples, set_billing
from parking.services.elsewhere import (
    close_case,
    confirm_stay,
    look_at_pass,
    say_copied,
    suspect_copy,
)
from parking.services.glances import Glance, glance
from parking.services.guesses import guess_meant, guess_plate, guess_stay
from parking.services.history import import_history
from parking.services.holidays import lines_of, newest_of, publish_year, read_year, unknown_soon
from parking.services.images import (
    ask_again,
    image_failed,
    order_image,
    order_leaving_image,
    take_sighting,
)
from parking.services.money import (
    forgo,
    lock_stays,
    quote_stay,
    settle_stay,
    settle_stays,
    standing_of_stay,
    told_bill,
)
from parking.services.more_time import more_time, more_time_of
from parking.services.moving import (
    correct_payment,
    correctable,
    move_payment,
    stay_id_meant,
    stay_meant,
)
from parking.services.permits import ask_permit, end_permit, end_permits, grant_permit
from parking.services.places import (
    add_berth,
    add_section,
    cover,
    place_sensor,
    post_handheld,
    publish_tariff,
    readdress,
    show_lock,
)
from parking.services.plates import (
    correct_plate,
    doubt_plate,
    open_plate_review,
    settle_plate,
)
from parking.services.prepay import (
    cancel_prepayment,
    candidate_berths,
    choose_berth,
    draft_prepayment,
    quote_prepayment,
    settle_prepayment,
    standing_of_prepayment,
)
from parking.services.readings import take_reading
from parking.services.reminders import remind_of_end
from parking.services.signs import (
    berths_to_print,
    doubt_sign,
    forget_doubts,
    print_counter_sign,
    print_signs,
    report_sign,
    settle_sign_report,
)
from parking.services.silence import end_gaps, note_silent_sections, open_gaps
from parking.services.stays import (
    close_by_hand,
    close_stay,
    finish_departures,
    open_by_hand,
    open_stay,
    tell_anew,
    void_stay,
)
from parking.services.stops import price_next
from parking.services.sweeps import chase_images, flag_long_stays
from parking.services.verdicts import settle_review, undo_review
from parking.services.votes import submit_prepayment
from parking.services.weights import void_weight

__all__ = [
    "Glance",
    "add_berth",
    "add_section",
    "ask_again",
    "ask_permit",
    "berths_to_print",
    "cancel_prepayment",
    "candidate_berths",
    "chase_images",
    "choose_berth",
    "close_by_hand",
    "close_case",
    "close_stay",
    "confirm_stay",
    "correct_payment",
    "correct_plate",
    "correctable",
    "cover",
    "doubt_plate",
    "doubt_sign",
    "draft_prepayment",
    "draw_samples",
    "end_gaps",
    "end_permit",
    "end_permits",
    "finish_departures",
    "flag_long_stays",
    "forget_doubts",
    "forgo",
    "glance",
    "grant_permit",
    "guess_meant",
    "guess_plate",
    "guess_stay",
    "image_failed",
    "import_history",
    "lines_of",
    "lock_stays",
    "look_at_pass",
    "more_time",
    "more_time_of",
    "move_payment",
    "newest_of",
    "note_silent_sections",
    "open_by_hand",
    "open_gaps",
    "open_plate_review",
    "open_stay",
    "order_image",
    "order_leaving_image",
    "place_sensor",
    "post_handheld",
    "price_next",
    "print_counter_sign",
    "print_signs",
    "publish_tariff",
    "publish_year",
    "quote_prepayment",
    "quote_stay",
    "read_year",
    "readdress",
    "remind_of_end",
    "report_sign",
    "say_copied",
    "set_billing",
    "settle_plate",
    "settle_prepayment",
    "settle_review",
    "settle_sign_report",
    "settle_stay",
    "settle_stays",
    "show_lock",
    "standing_of_prepayment",
    "standing_of_stay",
    "stay_id_meant",
    "stay_meant",
    "submit_prepayment",
    "suspect_copy",
    "take_reading",
    "take_sighting",
    "tell_anew",
    "told_bill",
    "undo_review",
    "unknown_soon",
    "void_stay",
    "void_weight",
]
