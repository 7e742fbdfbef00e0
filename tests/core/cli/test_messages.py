"""Messages on the command line: list, send again, decide (R19, R40)."""

import pytest
from sqlalchemy import create_engine, update

from rolecall.store.tables import Delivery


@pytest.fixture
def anna(school):
    """Anna's user name, whose invitation waits because nothing sends e-mail."""
    anna = school.json("accounts", "list", "--q", "anna")["items"][0]["username"]
    school("act", "invitation.send", "--account", anna, code=0)
    return anna


def test_what_waits_is_listed_and_can_be_tried_at_once(school, anna):
    (listed,) = school.json("messages", "list", "--state", "queued", "--account", anna)["items"]
    told = school("messages", code=0).stdout
    done = school.json("messages", "again", str(listed["id"]))["items"]

    assert (listed["kind"], listed["address"], listed["channel"]) == ("invitation.account", "anna@home.example", "email")
    assert listed["account"]["username"] == anna
    assert anna in told
    assert done == [{"id": listed["id"], "again_as": listed["id"], "why_not": None}]
    assert school.json("messages", "list", "--state", "bounced")["total"] == 0


def test_what_cannot_be_is_refused_with_the_sentence(school, anna):
    number = str(school.json("messages", "list")["items"][0]["id"])

    refused = school("messages", "sent", number, code=1)
    unknown = school("messages", "again", "999", code=1)

    assert "Only of a message that is unknown" in refused.stderr
    assert "There is no message 999" in unknown.stderr


def test_one_that_gave_way_is_not_sent_again(school, anna):
    school("act", "invitation.send", "--account", anna, "--set", "again=yes", code=0)
    newest, older = school.json("messages", "list")["items"]

    refused = school("messages", "again", str(older["id"]), code=1)

    assert older["state"] == "skipped"
    assert newest["state"] == "queued"
    assert "A newer message of this kind followed." in refused.stdout


def test_everything_that_matches_is_sent_again_after_it_was_counted(school, anna):
    school("act", "invitation.send", "--account", anna, "--set", "again=yes", code=0)

    counted = school.json("messages", "again-all", "--account", anna, "--dry-run")
    done = school.json("messages", "again-all", "--kind", "invitation.account")
    refused = school("messages", "again-all", "--expected", "5", code=1)

    assert (counted["total"], counted["will"]) == (2, 0)
    assert {each["code"]: each["count"] for each in counted["skipped"]} == {"waits": 1, "followed": 1}
    assert done["sent"] == 0
    assert "5 were to go out again" in refused.stderr


def test_without_consent_nothing_goes_out_again(school, anna):
    engine = create_engine(school.env["ROLECALL_DATABASE_URL"])
    with engine.begin() as connection:
        connection.execute(update(Delivery).values(state="bounced"))
    engine.dispose()

    asked = school("messages", "again-all", "--state", "bounced", code=1)
    told = school("messages", "again-all", "--state", "bounced", "--dry-run", code=0).stdout
    done = school("messages", "again-all", "--state", "bounced", "--yes", code=0).stdout

    assert "1 message goes out again" in asked.stderr
    assert "1 message matched. 1 message goes out again" in told
    assert done.strip() == "1 message of 1 will go out again."
    assert school.json("messages", "list", "--state", "queued")["total"] == 1


def test_what_messages_to_phones_came_to_is_added_up(school):
    settings = ("gateway=vonage", "account=abcd1234", "secret=x", "sender=School", "countries=GR", "currency=EUR")
    school("plugins", "configure", "sms", *settings, "--without-test", code=0)
    closed = school("plugins", "usage", "sms", code=1)
    school("plugins", "enable", "sms", code=0)

    found = school.json("plugins", "usage", "sms")
    told = school("plugins", "usage", "sms", code=0).stdout

    assert "sms sends nothing that costs money" in closed.stderr
    assert (found["counted"], found["limit"], found["currency"]) == (0, 1_000, "EUR")
    assert found["month"] == {"messages": 0, "parts": 0, "cost": "0"}
    assert "0 of 1,000 messages count for today's limit." in told
    assert "0 EUR" in told
