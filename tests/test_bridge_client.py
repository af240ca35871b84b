"""The client against peers that fail it: nobody there, silence, loss, other keys."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import zmq
import zmq.auth
from bridge_peer import Answer, Peer, echo
from ports import free_ports
from zmq.auth.thread import ThreadAuthenticator

from foley_bridge.bridge import wire
from foley_bridge.bridge.client import Client
from foley_bridge.errors import BridgeError, BusyError, JobError, RequestError


@pytest.fixture
def peer() -> Iterator[Callable[..., Peer]]:
    with contextlib.ExitStack() as stack:

        def start(answer: Answer, **options: Any) -> Peer:
            made = Peer(answer, **options)
            stack.callback(made.stop)
            return made

        yield start


def test_a_reply_belongs_to_its_request(peer: Callable[..., Peer]) -> None:
    other = wire.reply("somebody else's", {"asked": "nothing"})
    with Client(peer(lambda header: [other, *echo(header)]).endpoint) as client:
        for number in range(3):
            assert client.request("status", {"job": str(number)}).result["params"] == {"job": str(number)}


def test_an_error_is_raised_as_what_it_is(peer: Callable[..., Peer]) -> None:
    refusing = peer(lambda header: [wire.refusal(header["id"], JobError("cut.otio: no regions", "mark one"))])
    with Client(refusing.endpoint) as client, pytest.raises(JobError) as caught:
        client.ping()
    assert (caught.value.message, caught.value.hint) == ("cut.otio: no regions", "mark one")


def test_a_request_that_the_daemon_could_not_read_is_answered_without_id(peer: Callable[..., Peer]) -> None:
    refusing = peer(lambda header: [wire.refusal(None, RequestError("the message's header is not JSON"))])
    with Client(refusing.endpoint) as client, pytest.raises(RequestError, match="not JSON"):
        client.ping()


def test_a_busy_daemon_is_asked_again_until_it_is_not(peer: Callable[..., Peer]) -> None:
    def busy_twice(header: dict[str, Any]) -> list[dict[str, Any]]:
        return echo(header) if len(busy.asked) > 2 else [wire.refusal(header["id"], BusyError("too much to do", "send again"))]

    busy = peer(busy_twice)
    with Client(busy.endpoint) as client:
        assert client.submit({"kind": "generate"})["asked"] == "submit"
    assert len(busy.asked) == 3
    assert busy.asked[0] == busy.asked[1] == busy.asked[2]


def test_a_daemon_that_stays_busy_is_given_up_in_its_own_words(peer: Callable[..., Peer]) -> None:
    busy = peer(lambda header: [wire.refusal(header["id"], BusyError("too much to do", "send again"))])
    with Client(busy.endpoint) as client, pytest.raises(BusyError, match="too much to do"):
        client.request("submit", {}, timeout_s=0.5)
    assert len(busy.asked) >= 2


@pytest.mark.parametrize("version", [2, 0, None, "1"])
def test_a_daemon_of_another_version_is_told_by_its_number(peer: Callable[..., Peer], version: object) -> None:
    refused = {"kind": "RequestError", "message": "foley_bridge: another version of the protocol", "hint": ""}
    other = peer(lambda header: [{"foley_bridge": version, "id": header["id"], "ok": False, "error": refused}])
    with Client(other.endpoint) as client, pytest.raises(BridgeError) as caught:
        client.ping()
    assert other.endpoint in caught.value.message
    assert f"speaks protocol {version}, this is 1" in caught.value.message
    assert "up to date" in caught.value.hint


def test_nobody_listening_is_told_with_the_endpoint_and_what_to_do() -> None:
    endpoint = f"tcp://127.0.0.1:{free_ports(2)}"
    with Client(endpoint, timeout_s=300) as client, pytest.raises(BridgeError) as caught:
        client.ping()
    assert endpoint in caught.value.message
    assert "foley-bridge serve" in caught.value.hint


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_a_listener_that_is_no_daemon_is_no_reason_to_wait(said: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def speak() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    connection.sendall(said)
                    if said:
                        connection.close()
                    else:
                        held.append(connection)

        held: list[socket.socket] = []
        threading.Thread(target=speak, daemon=True).start()
        with Client(f"tcp://127.0.0.1:{server.getsockname()[1]}", timeout_s=300) as client, pytest.raises(BridgeError):
            client.ping()
        for connection in held:
            connection.close()


@pytest.mark.parametrize(
    "endpoint", ["nonsense", "tcp://", "tcp://127.0.0.1", "tcp://127.0.0.1:99999", "http://127.0.0.1:5577", "tcp://a b:1", "\0"]
)
def test_what_is_no_endpoint_is_named(endpoint: str) -> None:
    with Client(endpoint, timeout_s=5) as client, pytest.raises(BridgeError) as caught:
        client.ping()
    assert endpoint in caught.value.message or repr(endpoint) in caught.value.message


def test_a_daemon_that_never_answers_is_given_up(peer: Callable[..., Peer]) -> None:
    with Client(peer(lambda header: []).endpoint, timeout_s=0.2) as client, pytest.raises(BridgeError, match="in time"):
        client.ping()


def test_a_late_reply_is_not_taken_for_the_next(peer: Callable[..., Peer]) -> None:
    def slowly(header: dict[str, Any]) -> list[dict[str, Any]]:
        if header["method"] == "slow":
            time.sleep(0.4)
            return [wire.reply(None, {"asked": "slow"})]
        return echo(header)

    with Client(peer(slowly).endpoint, timeout_s=10) as client:
        with pytest.raises(BridgeError):
            client.request("slow", timeout_s=0.1)
        assert client.request("quick").result["asked"] == "quick"


def test_a_daemon_that_dies_while_asked_is_told_at_once(peer: Callable[..., Peer]) -> None:
    def die(header: dict[str, Any]) -> list[dict[str, Any]]:
        dying.stop()
        return []

    dying = peer(die)
    with Client(dying.endpoint, timeout_s=300) as client, pytest.raises(BridgeError, match="went away"):
        client.status("7")


def test_an_answer_that_is_no_message_is_no_daemons(peer: Callable[..., Peer]) -> None:
    context = zmq.Context()
    router = context.socket(zmq.ROUTER)
    port = router.bind_to_random_port("tcp://127.0.0.1")

    def babble() -> None:
        sender, *_ = router.recv_multipart()
        router.send_multipart([sender, b"\xff\xfe"])

    thread = threading.Thread(target=babble)
    thread.start()
    with Client(f"tcp://127.0.0.1:{port}") as client, pytest.raises(BridgeError, match="no foley_bridge daemon"):
        client.ping()
    thread.join()
    context.destroy(linger=0)


def test_after_a_restart_the_same_client_goes_on(peer: Callable[..., Peer]) -> None:
    first = peer(echo)
    with Client(first.endpoint) as client:
        client.ping()
        first.stop()
        second = peer(echo, endpoint=first.endpoint)
        assert client.ping()["asked"] == "ping"
    assert len(second.asked) == 1


def test_a_submit_with_a_key_is_sent_again_when_its_reply_is_lost(peer: Callable[..., Peer]) -> None:
    def take_and_die(header: dict[str, Any]) -> list[dict[str, Any]]:
        first.stop()
        return []

    first = peer(take_and_die)
    with Client(first.endpoint) as client:
        again = threading.Timer(0.5, lambda: started.append(peer(echo, endpoint=first.endpoint)))
        started: list[Peer] = []
        again.start()
        assert client.submit({"kind": "generate", "key": "k"})["params"] == {"kind": "generate", "key": "k"}
        again.join()
    assert [len(first.asked), len(started[0].asked)] == [1, 1]


def test_a_submit_to_a_daemon_that_goes_down_is_sent_to_the_next(peer: Callable[..., Peer]) -> None:
    def go_down(header: dict[str, Any]) -> list[dict[str, Any]]:
        threading.Thread(target=first.stop).start()
        return [wire.refusal(header["id"], BusyError("the daemon is shutting down"))]

    first = peer(go_down)
    started: list[Peer] = []
    again = threading.Timer(1.0, lambda: started.append(peer(echo, endpoint=first.endpoint)))
    again.start()
    with Client(first.endpoint) as client:
        assert client.submit({"kind": "generate", "key": "k"})["asked"] == "submit"
    again.join()
    assert len(started[0].asked) == 1


def test_a_submit_without_a_key_is_never_sent_twice(peer: Callable[..., Peer]) -> None:
    def take_and_die(header: dict[str, Any]) -> list[dict[str, Any]]:
        first.stop()
        return []

    first = peer(take_and_die)
    with Client(first.endpoint) as client:
        with pytest.raises(BridgeError, match="went away"):
            client.submit({"kind": "generate"})
        second = peer(echo, endpoint=first.endpoint)
        client.ping()
    assert [asked["method"] for asked in second.asked] == ["ping"]


def test_more_than_64_mb_is_refused_before_anything_is_sent(peer: Callable[..., Peer]) -> None:
    server = peer(echo)
    with Client(server.endpoint) as client:
        with pytest.raises(RequestError, match="more than 64 MB"):
            client.request("submit", {}, b"\0" * wire.CLIENT_LIMIT)
        with pytest.raises(RequestError, match=r"header is .* more than 1 MB"):
            client.request("submit", {"out": "x" * wire.HEADER_LIMIT})
        assert server.asked == []
        assert client.ping()["asked"] == "ping"


# --- following a job ---


def view(state: str, step: str = "region 1") -> dict[str, Any]:
    return {"job": "7", "state": state, "step": step}


def test_progress_published_is_followed_to_the_end(peer: Callable[..., Peer]) -> None:
    context = zmq.Context()
    publisher = context.socket(zmq.XPUB)
    events_port = publisher.bind_to_random_port("tcp://127.0.0.1")

    def answer(header: dict[str, Any]) -> list[dict[str, Any]]:
        if header["method"] == "ping":  # a daemon bound to all addresses does not know how it is reached
            return [wire.reply(header["id"], {"endpoints": {"events": f"tcp://0.0.0.0:{events_port}"}})]
        return [wire.reply(header["id"], view("queued"))]

    def publish() -> None:
        assert publisher.recv() == b"\x01" + wire.topic("7")
        for state, step in [("running", "opening"), ("running", "region 1"), ("done", "ended")]:
            publisher.send_multipart([wire.topic("7"), *wire.encode(wire.event("state", view(state, step)))])
            time.sleep(0.1)

    thread = threading.Thread(target=publish)
    thread.start()
    seen: list[str] = []
    with Client(peer(answer).endpoint) as client:
        ended = client.follow("7", lambda found: seen.append(found["step"]))
    thread.join()
    context.destroy(linger=0)
    assert ended["state"] == "done"
    assert {"opening", "ended"} <= set(seen)


@pytest.mark.parametrize("events", [None, "tcp://127.0.0.1:{free}"])
def test_without_events_the_status_tells_the_end(peer: Callable[..., Peer], events: str | None) -> None:
    states = iter(["queued", "running", "failed"])

    def answer(header: dict[str, Any]) -> list[dict[str, Any]]:
        if header["method"] == "ping":
            told = events and events.format(free=free_ports(2))
            return [wire.reply(header["id"], {"endpoints": {"events": told}})]
        return [wire.reply(header["id"], view(next(states)))]

    seen: list[str] = []
    with Client(peer(answer).endpoint) as client:
        assert client.follow("7", lambda found: seen.append(found["state"]))["state"] == "failed"
    assert seen == ["queued", "running", "failed"]


def test_a_daemon_that_stays_away_is_not_waited_for_forever(peer: Callable[..., Peer]) -> None:
    def answer(header: dict[str, Any]) -> list[dict[str, Any]]:
        if header["method"] == "ping":
            return [wire.reply(header["id"], {"endpoints": {"events": None}})]
        return [wire.reply(header["id"], view("running"))]

    server = peer(answer)

    def seen(found: dict[str, Any]) -> None:
        server.stop()

    with Client(server.endpoint) as client, pytest.raises(BridgeError, match="no daemon"):
        client.follow("7", seen, patience_s=0.1)


# --- keys ---


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A ROUTER that echoes for those whose keys it knows: its endpoint, and the folder with the keys of the seat ``anna``."""
    keys = tmp_path / "keys"
    (keys / "seats").mkdir(parents=True)
    zmq.auth.create_certificates(keys, "server")
    zmq.auth.create_certificates(keys, "anna")
    (keys / "anna.key").rename(keys / "seats" / "anna.key")
    context = zmq.Context()
    authenticator = ThreadAuthenticator(context)
    authenticator.start()
    authenticator.configure_curve(domain="seats", location=str(keys / "seats"))
    router = context.socket(zmq.ROUTER)
    router.curve_publickey, router.curve_secretkey = zmq.auth.load_certificate(keys / "server.key_secret")
    router.curve_server = True
    router.zap_domain = b"seats"
    port = router.bind_to_random_port("tcp://127.0.0.1")
    ending = threading.Event()

    def run() -> None:
        while not ending.is_set():
            if router.poll(20):
                sender, *frames = router.recv_multipart()
                router.send_multipart([sender, *wire.encode(echo(wire.decode(frames)[0])[0])])

    thread = threading.Thread(target=run)
    thread.start()
    yield f"tcp://127.0.0.1:{port}", keys
    ending.set()
    thread.join()
    authenticator.stop()
    context.destroy(linger=0)


def test_a_seat_with_its_keys_is_answered(locked: tuple[str, Path]) -> None:
    endpoint, keys = locked
    with Client(endpoint, keys=keys, seat="anna") as client:
        assert client.ping()["asked"] == "ping"


def test_a_seat_that_the_daemon_does_not_know_is_told_so(locked: tuple[str, Path]) -> None:
    endpoint, keys = locked
    zmq.auth.create_certificates(keys, "eve")
    with Client(endpoint, keys=keys, seat="eve", timeout_s=300) as client, pytest.raises(BridgeError, match="seat's keys"):
        client.ping()


def test_another_daemons_key_is_told(locked: tuple[str, Path]) -> None:
    endpoint, keys = locked
    zmq.auth.create_certificates(keys, "server")
    with Client(endpoint, keys=keys, seat="anna", timeout_s=300) as client, pytest.raises(BridgeError, match="other keys"):
        client.ping()


def test_no_keys_where_keys_are_wanted_is_told(locked: tuple[str, Path]) -> None:
    with Client(locked[0], timeout_s=300) as client, pytest.raises(BridgeError, match="wants keys"):
        client.ping()


def test_keys_where_none_are_wanted_is_told(locked: tuple[str, Path], peer: Callable[..., Peer]) -> None:
    with Client(peer(echo).endpoint, keys=locked[1], seat="anna", timeout_s=300) as client, pytest.raises(BridgeError):
        client.ping()


@pytest.mark.parametrize(
    ("seat", "break_it", "said"),
    [
        (None, lambda keys: None, "whose keys"),
        ("", lambda keys: None, "whose keys"),
        ("nobody", lambda keys: None, "nobody.key_secret"),
        ("anna", lambda keys: (keys / "server.key").unlink(), "server.key"),
        ("anna", lambda keys: (keys / "server.key").write_text("curve\n"), "missing"),
        ("anna", lambda keys: (keys / "anna.key_secret").write_bytes(b"\xff\xfe"), "anna.key_secret"),
        ("anna", lambda keys: (keys / "anna.key_secret").write_text('public-key = "short"\nsecret-key = "short"'), "keys"),
    ],
)
def test_keys_that_cannot_be_used_are_named(
    locked: tuple[str, Path], seat: str | None, break_it: Callable[[Path], None], said: str
) -> None:
    endpoint, keys = locked
    break_it(keys)
    with pytest.raises(BridgeError) as caught, Client(endpoint, keys=keys, seat=seat) as client:
        client.ping()
    assert said in caught.value.message
