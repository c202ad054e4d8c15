"""What devices and platform agree on, as values: frames, messages, clocks, release codes.

Nothing here knows Django or reads a clock, so that the library for the other end
(`devices.client`) and the gateway are held to the same words.
"""
