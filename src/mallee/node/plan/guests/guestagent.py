"""The words that the host and a guest's agent exchange: QEMU's guest agent protocol, as JSON lines.

What a guest answers is believed for nothing but itself: that it answers. Its file systems are held
still by libvirt, for a cut (`do.livedisks`). Pure; `node.guestagents` asks.
"""

PING = '{"execute": "guest-ping"}'
POWER_OFF = '{"execute": "guest-shutdown", "arguments": {"mode": "powerdown"}}'
