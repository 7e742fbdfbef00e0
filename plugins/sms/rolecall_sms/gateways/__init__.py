"""The gateways that the plugin knows, by the word that the settings have for each."""

from collections.abc import Mapping

from rolecall_sms.gateways.gateway import Gateway
from rolecall_sms.gateways.generic import Generic
from rolecall_sms.gateways.smpp import Smpp
from rolecall_sms.gateways.twilio import Twilio
from rolecall_sms.gateways.vonage import Vonage

GATEWAYS: Mapping[str, type[Gateway]] = {"twilio": Twilio, "vonage": Vonage, "http": Generic, "smpp": Smpp}
