import httpx
import pytest

from glyph_demo.settings import is_loopback

PATHS = ["/metrics"]


def test_a_key_is_asked_of_everybody_where_there_is_one(serve):
    with serve(**{"server.api_key": "schlüssel"}).client as client:
        for path in PATHS:
            for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic schlüssel".encode()}):
                answer = client.get(path, headers=headers)
                assert (answer.status_code, answer.json()["error"]["code"]) == (401, "no_key")
                assert answer.headers["WWW-Authenticate"] == "Bearer"
            assert client.get(path, headers={"Authorization": "Bearer schlüssel".encode()}).status_code == 200
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


@pytest.mark.parametrize(
    ("host", "mine"), [("127.0.0.1", True), ("127.8.8.8", True), ("::1", True), ("localhost", True), ("0.0.0.0", False)]
)
def test_loopback_is_this_machine_only(host, mine):
    assert is_loopback(host) == mine
    assert not is_loopback("localhost.example")
