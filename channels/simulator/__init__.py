"""A stand-in for the outside world: Twilio's API, webhooks and phones, and a mail host, on loopback."""

from channels.simulator.server import Simulator

__all__ = ["Simulator"]
