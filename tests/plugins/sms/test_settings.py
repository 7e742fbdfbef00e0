"""Settings that cannot work are refused where they are entered."""

import pytest
from marshmallow import ValidationError

from rolecall_sms.gateways import request
from rolecall_sms.settings import SmsSettings

ACCOUNT = "AC" + "0" * 32
TWILIO = {"gateway": "twilio", "account": ACCOUNT, "secret": "s", "sender": "+306912345678", "countries": "GR, CY"}
OTHER = {"gateway": "http", "url": "https://sms.example/send", "sender": "School", "countries": ["GR"]}


def test_what_a_school_enters():
    loaded = SmsSettings().load(TWILIO)

    assert (loaded["countries"], loaded["mobile_only"], loaded["most_parts"], loaded["url"]) == (["GR", "CY"], True, 4, None)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({**TWILIO, "account": ""}, "account"),
        ({**TWILIO, "account": "AC1"}, "account"),
        ({**TWILIO, "secret": ""}, "secret"),
        ({**TWILIO, "key": "SK1"}, "key"),
        ({**TWILIO, "sender": "A name that is too long"}, "sender"),
        ({**TWILIO, "countries": ""}, "countries"),
        ({**TWILIO, "countries": "Greece"}, "countries"),
        ({**TWILIO, "most_parts": 11}, "most_parts"),
        ({**OTHER, "url": None}, "url"),
        ({**OTHER, "http_headers": ["Bearer x"]}, "http_headers"),
        ({**OTHER, "http_body": "to={to}"}, "http_body"),
        ({**OTHER, "http_body": "text={text}"}, "http_body"),
        ({**OTHER, "http_body": "to={to}\ntext={text}\nkey={pasword}"}, "http_body"),
        ({**OTHER, "http_body": "nothing {to} {text}"}, "http_body"),
        ({**OTHER, "http_format": "json"}, "http_body"),
        ({**OTHER, "success_statuses": "2xx"}, "success_statuses"),
        ({**OTHER, "success_value": "("}, "success_value"),
    ],
)
def test_what_cannot_work(given, field):
    with pytest.raises(ValidationError) as refused:
        SmsSettings().load(given)

    assert set(refused.value.messages) == {field}


def test_paths_into_answers():
    document = {"messages": [{"status": 0, "ok": True, "more": {}}]}

    paths = ("messages.0.status", "messages.0.ok", "messages.0.more", "messages.1.status", "messages.x", "other.thing")
    assert [request.at(document, each) for each in paths] == ["0", "true", None, None, None, None]
