"""The guarded transport, against servers on loopback that answer byte by byte what each test tells them."""

import gc
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from effort import ends_early
from http_servers import reply

from rolecall.errors import Misconfigured, Permanent, Transient
from rolecall.sdk.http import Http


def test_an_answer_comes_back_whole_whatever_its_status(serve, client):
    server = serve(reply(b'{"error": "no"}', "422 Unprocessable", Content_Type="application/json", X_Trace="7"))

    response = client(server).get(f"{server.url}/users?id=3")

    assert (response.status, response.json(), response.headers["x-trace"]) == (422, {"error": "no"}, "7")
    assert response.url == f"{server.url}/users?id=3"


def test_a_form_goes_out_with_its_parameters_and_headers(serve, client):
    server = serve(reply())

    client(server).post(server.url + "/rest", params={"page": 2}, data={"users[0][name]": "Зоя"}, headers={"X-Key": "k"}, auth=("ü", "ö"))

    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /rest?page=2 HTTP/1.1")
    assert b"X-Key: k" in head
    assert b"Authorization: Basic w7w6w7Y=" in head
    assert body == b"users%5B0%5D%5Bname%5D=%D0%97%D0%BE%D1%8F"


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
def test_each_verb_sends_its_method(serve, client, method):
    server = serve(reply())

    getattr(client(server), method)(server.url, json={"a": 1})

    assert server.requests[0].startswith(method.upper().encode())
    assert server.requests[0].endswith(b'{"a": 1}')


def test_the_answer_to_head_has_no_body_and_the_connection_goes_on(serve, client):
    server = serve(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n")
    http = client(server)

    assert http.request("HEAD", server.url).content == http.request("HEAD", server.url).content == b""
    assert server.hits == 1


def test_a_redirect_is_an_answer_and_is_not_followed(serve, client):
    elsewhere = serve(reply(b"gold"))
    server = serve(reply(b"go away", "302 Found", Location=elsewhere.url))

    response = client(server, allow=[server.host, elsewhere.host]).get(server.url, headers={"X-Api-Key": "k"})

    assert (response.status, response.content, response.headers["Location"]) == (302, b"go away", elsewhere.url)
    assert elsewhere.hits == 0


def test_cookies_of_one_call_are_not_sent_with_the_next(serve, client):
    server = serve(reply(Set_Cookie="session=1"))
    http = client(server)

    http.get(server.url)
    http.get(server.url)

    assert b"ookie" not in server.requests[1]


def test_proxies_and_passwords_of_the_environment_are_ignored(serve, client, monkeypatch, tmp_path):
    proxy, server = serve(reply(b"proxy")), serve(reply(b"server"))
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, proxy.url)

    response = client(server).get(server.url)

    assert (response.content, proxy.hits) == (b"server", 0)
    assert b"Authorization" not in server.requests[0]


def test_threads_share_connections_without_mixing_answers(serve, client):
    server = serve(lambda _: reply(server.current.request.split(b" ")[1]))
    http = client(server)

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda number: http.get(f"{server.url}/{number}").text, range(40)))

    assert answers == [f"/{number}" for number in range(40)]
    assert server.hits <= 8


def test_nothing_stays_open_after_close(serve):
    server = serve(reply())
    http = Http(allow=[server.host])
    http.get(server.url)
    http.close()

    assert server.hung_up.wait(15)
    gc.collect()  # a socket that was left open would be a ResourceWarning now, and warnings are errors


def test_a_key_with_a_line_break_is_misconfigured_and_not_repeated_in_the_error(client):
    with pytest.raises(Misconfigured) as raised:
        client().get("https://school.test/", headers={"X-Api-Key": "hunter2\r\nX-Evil: 1"})

    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize("options", [{"data": {"name": "\ud800"}}, {"params": {"name": "\ud800"}}, {"json": {"name": float("nan")}}])
def test_text_that_cannot_be_encoded_blocks_the_account_not_the_provider(client, options):
    with pytest.raises(Permanent):
        client().post("https://school.test/", **options)


def test_calls_keep_their_distance_over_all_threads(serve, client):
    server = serve(reply())
    http = client(server, rate=40)
    begun = time.monotonic()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: http.get(server.url), range(9)))

    assert time.monotonic() - begun >= 8 / 40


def test_a_batch_takes_the_room_of_its_parts(serve, client):
    server = serve(reply())
    http = client(server, rate=40)
    begun = time.monotonic()

    http.post(server.url, weight=10)
    http.get(server.url)

    assert time.monotonic() - begun >= 10 / 40


def test_a_call_whose_turn_comes_too_late_fails_at_once(serve, client):
    server = serve(reply())
    http = client(server, rate=0.01, deadline=0.5)
    http.get(server.url)

    with ends_early(), pytest.raises(Transient) as raised:
        http.post(server.url)

    assert timedelta(seconds=80) < raised.value.retry_after <= timedelta(seconds=100)
