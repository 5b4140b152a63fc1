"""Control records in words: ``batch.controls["rtype"]`` says what happened, ``["cause"]`` why."""

from __future__ import annotations

from typing import Final

#: What happened, by record type.
EVENTS: Final[dict[int, str]] = {
    0xE0: "session_start",
    0xE1: "session_end",
    0xE2: "gap_open",
    0xE3: "gap_closed",
    0xE4: "book_good",
    0xE5: "image_ready",
    0xE6: "system_event",
    0xE7: "time_ran_back",
    0xEF: "price_levels_only",
}

#: Why, by number; of a system event it is the venue's letter instead.
CAUSES: Final[dict[int, str]] = dict(
    enumerate(
        [
            "none",
            "first",
            "joined_late",
            "new_session",
            "restart",
            "all_lines_passed",
            "timed_out",
            "heartbeat",
            "window_full",
            "recovered",
            "lost",
            "shutdown",
            "unreadable",
            "other_channel",
            "stream_offset",
            "lapped",
        ]
    )
)


def event(rtype: int) -> str:
    """What a control record of that type tells; ``unknown`` for those of later versions, which may be passed over."""
    return EVENTS.get(int(rtype), "unknown")


def cause(rtype: int, number: int) -> str:
    """Why it was sent."""
    return chr(number) if rtype == 0xE6 else CAUSES.get(int(number), "unknown")
