import base64

import httpx
import pytest

from glyph_demo.errors import SettingsError
from glyph_demo.settings import Server, is_loopback
from tests.fakes import FakeEngine


def test_a_key_is_asked_of_everybody_where_there_is_one(serve):
    with serve(**{"server.api_key": "schlüssel"}).client as client:
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic schlüssel".encode()}):
            answer = client.get("/metrics", headers=headers)
            assert (answer.status_code, answer.json()["error"]["code"]) == (401, "no_key")
            assert answer.headers["WWW-Authenticate"] == "Bearer"
        key = {"Authorization": "Bearer schlüssel".encode()}
        assert client.get("/metrics", headers=key).status_code == 200
        assert client.post("/api/v1/generate", json={"prompt": "?"}).status_code == 401
        for path in ("/healthz", "/readyz", "/docs", "/openapi.json"):
            assert client.get(path).status_code == 200


@pytest.mark.parametrize(("auth", "status"), [("true", 401), ("false", 200)])
def test_without_a_key_other_machines_stay_outside_unless_that_is_waived(serve, auth, status):
    running = serve(**{"server.host": "0.0.0.0", "server.auth": auth})
    with running.client as client:
        assert client.get("/metrics").status_code == status
        assert client.get("/healthz").status_code == 200


def test_on_this_machine_only_its_own_names_may_be_called(serve):
    """A web page can have its own name point at 127.0.0.1 and read what a browser then gets."""
    running = serve()
    for name, status in (
        ("evil.example", 403),
        ("127.0.0.1.evil.example", 403),
        ("", 403),
        ("localhost:80", 200),
        ("127.0.0.1", 200),
        ("[::1]:7860", 200),
    ):
        assert httpx.get(running.address + "/metrics", headers={"Host": name}).status_code == status, name


@pytest.mark.parametrize(
    "sent", [{"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}]
)
def test_a_page_of_another_site_can_send_nothing_unless_it_knows_the_key(serve, sent):
    """Its visitor's browser would: a form with a file needs no leave of ours."""
    form = {"files": {"file": ("a.txt", b"words")}, "data": {"purpose": "user_data"}}
    with serve().client as client:
        refused = client.post("/v1/files", headers=sent, **form)
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "foreign_page")
        own = {"Origin": str(client.base_url).rstrip("/")}
        assert client.post("/v1/files", headers=own, **form).status_code == 200
    with serve(**{"server.api_key": "key"}).client as client:
        assert client.post("/v1/files", headers=sent | {"Authorization": "Bearer key"}, **form).status_code == 200


ASKING = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization, x-stainless-os"}
PAGE, OTHER = "https://page.example", "https://evil.example"


@pytest.mark.parametrize("key", ["", "key"])
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/api/v1/generate", "/v1/files", "/metrics", "/healthz"])
def test_a_browser_that_asks_for_a_page_hears_the_truth(serve, path, key):
    with serve(**{"server.allowed_origins": f"http://localhost:3000, {PAGE}", "server.api_key": key}).client as client:
        allowed = client.options(path, headers=ASKING | {"Origin": PAGE})
        assert allowed.status_code == 200
        assert allowed.headers["Access-Control-Allow-Origin"] == PAGE
        assert "POST" in allowed.headers["Access-Control-Allow-Methods"]
        assert "authorization" in allowed.headers["Access-Control-Allow-Headers"]
        assert "Origin" in allowed.headers["Vary"]
        assert "Access-Control-Allow-Credentials" not in allowed.headers
        for sent in (ASKING | {"Origin": OTHER}, ASKING | {"Origin": PAGE, "Access-Control-Request-Method": "PUT"}):
            refused = client.options(path, headers=sent)
            assert (refused.status_code, refused.json()["error"]["code"]) == (403, "foreign_origin")
            assert not [name for name in refused.headers if name.startswith("access-control")]


def test_no_page_is_allowed_unless_the_settings_name_it(client):
    assert client.options("/v1/models", headers=ASKING | {"Origin": PAGE}).status_code == 403
    assert client.get("/v1/models", headers={"Origin": PAGE}).status_code == 403
    own = client.get("/v1/models", headers={"Origin": str(client.base_url).rstrip("/")})
    assert own.status_code == 200
    assert "Access-Control-Allow-Origin" not in own.headers


def test_a_page_that_is_allowed_reads_answers_and_errors(serve):
    sent = {"Origin": PAGE, "Sec-Fetch-Site": "cross-site"}
    with serve(**{"server.allowed_origins": PAGE}).client as client:
        for answer, status in (
            (client.get("/v1/models", headers=sent), 200),
            (client.post("/api/v1/generate", json={"prompt": ""}, headers=sent), 422),
            (client.post("/api/v1/generate", json={"prompt": "crash"}, headers=sent), 500),
            (client.get("/v1/nothing", headers=sent), 404),
        ):
            assert answer.status_code == status
            assert answer.headers["Access-Control-Allow-Origin"] == PAGE
            assert "Origin" in answer.headers["Vary"]
        refused = client.get("/v1/models", headers=sent | {"Origin": OTHER})
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "foreign_page")
        assert "Access-Control-Allow-Origin" not in refused.headers
    with serve(**{"server.allowed_origins": PAGE, "server.api_key": "key"}).client as client:
        answer = client.get("/v1/models", headers=sent)
        assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (401, PAGE)


@pytest.mark.parametrize(
    "origins", ["*", "null", "example.com", "https://example.com/", "https://*.example.com", "file://x", "https://"]
)
def test_an_origin_that_cannot_be_meant_is_refused(origins):
    with pytest.raises(SettingsError, match="bad_setting"):
        _ = Server(allowed_origins=origins).origins
    assert Server(allowed_origins="HTTP://LocalHost:1, https://a.example").origins == (
        "http://localhost:1",
        "https://a.example",
    )


def test_each_key_has_files_of_its_own(serve):
    form = {"files": {"file": ("a.txt", b"words of one key")}, "data": {"purpose": "user_data"}}
    with serve(**{"server.api_key": "first, second,third"}).client as client:

        def by(key):
            return {"Authorization": f"Bearer {key}"}

        kept = client.post("/v1/files", headers=by("first"), **form).json()["id"]
        part = {"type": "file", "file": {"file_id": kept}}
        question = {"messages": [{"role": "user", "content": [part, {"type": "text", "text": "?"}]}]}
        for key in ("second", "third"):
            assert client.get("/v1/files", headers=by(key)).json()["data"] == []
            for answer in (
                client.get(f"/v1/files/{kept}", headers=by(key)),
                client.delete(f"/v1/files/{kept}", headers=by(key)),
                client.post("/v1/chat/completions", json=question, headers=by(key)),
            ):
                assert (answer.status_code, answer.json()["error"]["code"]) == (404, "no_such_file")
        for wrong in ("first, second", "first,second,third", ",", "fourth"):
            assert client.get("/v1/files", headers=by(wrong)).status_code == 401
        assert client.get(f"/v1/files/{kept}", headers=by("first")).status_code == 200
        assert client.post("/v1/chat/completions", json=question, headers=by("first")).status_code == 200
        assert client.delete(f"/v1/files/{kept}", headers=by("first")).status_code == 200


def test_no_key_learns_what_another_asked_about(serve):
    """Not even that somebody had the same document open."""
    engine = FakeEngine()
    document = base64.b64encode(b"A text that two keys have.").decode()
    with serve(engine, **{"server.api_key": "first,second"}).client as client:
        for key, opened in (("first", 1), ("first", 1), ("second", 2)):
            sent = {"prompt": "?", "document": document}
            answer = client.post("/api/v1/generate", json=sent, headers={"Authorization": f"Bearer {key}"})
            assert answer.status_code == 200
            assert engine.open_handles == opened


@pytest.mark.parametrize(
    ("host", "mine"), [("127.0.0.1", True), ("127.8.8.8", True), ("::1", True), ("localhost", True), ("0.0.0.0", False)]
)
def test_loopback_is_this_machine_only(host, mine):
    assert is_loopback(host) == mine
    assert not is_loopback("localhost.example")
