"""Who is let in: no token no word, other sites refused, and no path leads anywhere but to what has a name."""

from __future__ import annotations

import hashlib
import socket

import pytest
from panel_serving import TOKEN
from panel_staged import Staged

GUARDS = {
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-origin",
    "x-frame-options": "DENY",
}


@pytest.mark.parametrize(
    "path", ["/", "/api/reels", f"/{TOKEN[:-1]}/", f"/{TOKEN}x/", f"//{TOKEN}/", f"/x/{TOKEN}/", f"/{TOKEN}"]
)
def test_without_the_token_nothing_is_said(staged: Staged, path: str) -> None:
    for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"):
        answer = staged.panel.ask_raw(path, method)
        assert (answer.status, answer.body) == (404, b"")
        said = " ".join(f"{name} {value}" for name, value in answer.headers.items()).lower()
        assert not any(word in said for word in ("server", "foley", "uvicorn", "starlette", "python", "allow"))


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "foley.example:{port}"},
        {"Host": "127.0.0.1"},
        {"Host": "127.0.0.1:{other}"},
        {"Host": "127.0.0.1.foley.example:{port}"},
        {"Origin": "http://foley.example"},
        {"Origin": "https://127.0.0.1:{port}"},
        {"Origin": "http://127.0.0.1:{other}"},
        {"Origin": "null"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Origin": "http://127.0.0.1:{port}", "Sec_Fetch_Site": "cross-site"},
    ],
)
def test_what_another_site_asks_is_refused(staged: Staged, headers: dict[str, str]) -> None:
    port = staged.panel.port
    sent = {name: value.format(port=port, other=port + 1) for name, value in headers.items()}
    for path in ("/", "/api/reels", f"/media/{staged.job}/1/thumb/0.jpg", "/static/api.js"):
        answer = staged.panel.ask(path, **sent)
        assert answer.status == 403
        assert answer.json["error"]["kind"] == "RequestError"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Host": "localhost:{port}"},
        {"Host": "LOCALHOST:{port}", "Origin": "http://localhost:{port}"},
        {"Origin": "http://127.0.0.1:{port}", "Sec_Fetch_Site": "same-origin"},
        {"Origin": "null", "Sec_Fetch_Site": "same-origin"},
        {"Sec_Fetch_Site": "none"},
    ],
)
def test_what_the_page_itself_asks_is_answered(staged: Staged, headers: dict[str, str]) -> None:
    sent = {name: value.format(port=staged.panel.port) for name, value in headers.items()}
    assert staged.panel.ask("/api/reels", **sent).status == 200


def test_every_answer_guards_itself(staged: Staged) -> None:
    paths = ["/", f"/reel/{staged.job}", "/static/api.js", "/api/reels", "/api/reels/none", "/nothing", "/api/library?words="]
    answers = [staged.panel.ask(path) for path in (*paths, f"/media/{staged.job}/1/thumb/0.jpg")]
    answers += [staged.panel.ask("/", Host="elsewhere"), staged.panel.ask_raw("/"), staged.panel.ask("/", "POST")]
    assert {answer.status for answer in answers} == {200, 400, 403, 404, 405}
    for answer in answers:
        assert GUARDS.items() <= answer.headers.items()
        policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
        assert policy["default-src"] == "'self'"
        assert policy["media-src"] == "'self' blob:"
        assert policy["frame-ancestors"] == policy["base-uri"] == policy["object-src"] == "'none'"
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert "set-cookie" not in answer.headers
        assert "access-control-allow-origin" not in answer.headers


def test_a_page_has_a_new_nonce_each_time_and_nothing_else_has_one(staged: Staged) -> None:
    nonces = set()
    for path in ("/", f"/reel/{staged.job}", f"/reel/{staged.job}"):
        answer = staged.panel.ask(path)
        (nonce,) = [word[7:-1] for word in answer.headers["content-security-policy"].split() if word.startswith("'nonce-")]
        assert "STYLE-NONCE" not in answer.body.decode()
        nonces.add(nonce)
        if path != "/":
            assert nonce in answer.body.decode()
    assert len(nonces) == 3
    assert "nonce" not in staged.panel.ask("/static/api.js").headers["content-security-policy"]


@pytest.mark.parametrize(
    "path",
    [
        "/static/../gate.py",
        "/static/%2e%2e/gate.py",
        "/static/..%2fgate.py",
        "/static/..%5cgate.py",
        "/static/..\\gate.py",
        "/static//etc/passwd",
        "/static/%2fetc%2fpasswd",
        "/static/vendor/../../gate.py",
        "/static/",
        "/static",
        "/static/vendor",
        "/static/api.js%00.css",
        "/static/api.js/",
        "/static/.hidden",
        "//etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/media/{job}/../../etc/passwd",
        "/media/{job}/1/thumb/8.jpg",
        "/media/{job}/1/thumb/-1.jpg",
        "/media/{job}/1/thumb/0.jpg%00",
        "/media/{job}/0/thumb/0.jpg",
        "/media/{job}/99/thumb/0.jpg",
        "/media/{job}/1/0/picture.mp4",
        "/media/{job}/1/2/picture.mp4",
        "/media/{job}/1/99999999999999999999999999999999/picture.mp4",
        "/media/{job}/" + "9" * 400 + "/1/picture.mp4",
        "/media/{job}/" + "9" * 9000 + "/1/picture.mp4",
        "/media/{job}/1/1.0/picture.mp4",
        "/media/{job}/1/1e0/picture.mp4",
        "/media/none/1/1/picture.mp4",
        "/media/{job}/1/1/take/.wav",
        "/media/{job}/1/1/take/%2e%2e%2ftimeline.wav",
        "/media/{job}/1/take/" + "0" * 64 + "/peaks.json",
        "/media/library/../{job}.wav",
        "/reel/",
        "/api/reels/{job}/regions/5",
        "/api/reels/{job}/regions/-1",
        "/api/reels/none",
        "/api/jobs/none",
        "/api/reels/" + "a" * 300,
    ],
)
def test_a_path_leads_only_to_what_has_a_name(staged: Staged, path: str) -> None:
    answer = staged.panel.ask(path.format(job=staged.job))
    assert answer.status == 404
    assert answer.body == b"" or answer.json["error"]["kind"] in ("RequestError", "JobError")
    assert b"/" not in answer.body or b"json" in answer.headers["content-type"].encode()


def test_a_file_beside_the_takes_cannot_be_had(staged: Staged) -> None:
    beside = staged.folder / "takes" / "beside.wav"
    beside.write_bytes((staged.folder / "example.wav").read_bytes())
    digest = hashlib.sha256(beside.read_bytes()).hexdigest()
    for name in (digest, "beside", "beside.wav", "foley"):
        for path in (f"1/1/take/{name}.wav", f"1/take/{name}/peaks.json", f"1/take/{name}/spectrogram.png", f"1/{name}.wav"):
            assert staged.panel.ask(f"/media/{staged.job}/{path}").status == 404


def test_a_take_of_one_region_is_none_of_another(staged: Staged) -> None:
    assert staged.panel.ask(f"/media/{staged.job}/2/1/take/{staged.take(1)['sha256']}.wav").status == 404


def test_a_key_is_no_address_of_a_reel(staged: Staged) -> None:
    jobs = staged.panel.get("/api/jobs/" + staged.job)
    assert jobs["job"] == staged.job
    assert staged.panel.ask(f"/api/reels/{jobs['key']}").status == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_what_is_only_read_takes_no_other_method(staged: Staged, method: str) -> None:
    for path in ("/", "/api/reels", f"/api/reels/{staged.job}", "/static/api.js", f"/media/{staged.job}/1/1/picture.mp4"):
        answer = staged.panel.ask(path, method)
        assert (answer.status, answer.body) == (405, b"")


@pytest.mark.parametrize(
    ("body", "headers", "why"),
    [
        (b"{", {}, "not JSON"),
        (b"[]", {}, "not a JSON object"),
        (b'{"base": NaN}', {}, "not a finite number"),
        (b'{"base": 1, "base": 2}', {}, "twice"),
        (b'{"base": 0, "by": "me", "choice": {}}', {"Content_Type": "text/plain"}, "not said to be JSON"),
        (b'{"base": 0, "by": "me"}', {}, "'choice' is missing"),
        (b'{"base": 0, "by": "me", "choice": {}, "path": "/etc/passwd"}', {}, "'path' is unknown"),
        (b'{"base": "0", "by": "me", "choice": {}}', {}, "base"),
        (b'{"base": 0, "by": "' + b"x" * (1 << 20) + b'", "choice": {}}', {}, "larger than 1 MB"),
    ],
)
def test_a_body_that_is_no_choice_is_refused_and_says_why(
    staged: Staged, body: bytes, headers: dict[str, str], why: str
) -> None:
    answer = staged.panel.ask(f"/api/reels/{staged.job}/regions/1/choice", "PUT", body, **headers)
    assert answer.status == 400
    assert why in answer.json["error"]["message"]
    assert staged.panel.get(f"/api/reels/{staged.job}/regions/1")["choice"]["revision"] == 0


@pytest.mark.parametrize(
    "sent", [b"GET\r\n\r\n", b"\x00\xff\r\n\r\n", b"GET /\xc3\xa4 HTTP/1.1\r\nHost: x\r\n\r\n", b"A" * 100_000]
)
def test_what_is_no_request_harms_nobody(staged: Staged, sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", staged.panel.port), timeout=30) as wire:
        wire.sendall(sent)
        wire.shutdown(socket.SHUT_WR)
        answer = wire.recv(65536)
    assert not answer or answer.startswith(b"HTTP/1.1 400 ")
    assert staged.panel.ask("/api/reels").status == 200


def test_the_log_does_not_know_the_token(staged: Staged) -> None:
    staged.panel.ask("/api/reels", Host="elsewhere")
    staged.panel.ask_raw(f"/{TOKEN[:-3]}/api/reels")
    staged.panel.ask(f"/%7b{TOKEN}")
    log = staged.panel.log.read_text("utf-8")
    assert "GET /api/reels: 403" in log
    assert TOKEN[:-3] not in log
