"""Who may use the window: by address, password and --no-auth."""

import json

import pytest
from starlette.datastructures import Headers

from glyph_demo.cli import main
from glyph_demo.errors import SettingsError
from glyph_demo.settings import Server
from glyph_demo.web.door import COOKIE, LOGGED_IN, Visitors, password


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "my-machine", ""])
def test_an_address_for_other_machines_needs_a_secret_or_the_word_that_it_does_not(host, capsys):
    assert main(["serve", "--json", f"--host={host}"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "open_door"
    with pytest.raises(SettingsError) as caught:
        password(Server(host=host))
    for text in caught.value.message:
        assert "--no-auth" in text
        assert "server.password" in text
    assert password(Server(host=host, auth=False)) == ""
    assert password(Server(host=host, password="a", api_key="b")) == "a"
    assert password(Server(host=host, api_key="b")) == "b", "the one secret there is serves both doors"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "localhost", "::1"])
def test_this_machine_alone_needs_no_password_but_may_have_one(host):
    assert password(Server(host=host)) == ""
    assert password(Server(host=host, api_key="b")) == ""
    assert password(Server(host=host, password="a")) == "a"


def test_secrets_are_not_in_what_is_logged_of_settings():
    assert "sesame" not in repr(Server(password="sesame", api_key="sesame"))


# What apps on other ports of this machine, and this browser's extensions, leave for 127.0.0.1.
ODD_COOKIES = (
    "k=a b",
    "name=J\u00f6rg",
    "\u540d=\u503c",
    'prefs={"theme": "dark", "tabs": [1, 2]}',
    'k="unclosed',
    "lonely",
    "=value",
    "k=",
    "k=a,b",
    "user[id]=3",
    "_xsrf=2|8d1f2c9a|0b1e|1700000000",
    'username-127-0-0-1-8888="2|1:0|10:1700|23:username|44:abc="',
    "k=a=b==",
    "expires=Thu, 01 Jan 1970 00:00:00 GMT",
    "path=/; domain=x",
    "$Version=1",
    "k=\\073\\x",
    "glyph-visitor=" + "0" * 64,
    f"{COOKIE}-8000={'f' * 64}",
    ";;; ",
)


@pytest.mark.parametrize("order", ["{0}; {1}", "{1}; {0}", "{0};{1};{0}"])
def test_cookies_of_other_apps_on_this_machine_hide_ours_from_nobody(order):
    visitors = Visitors()
    mine = visitors.new()
    for odd in ODD_COOKIES:
        sent = order.format(odd, f"{COOKIE}-7860={mine}").encode("utf-8")
        assert visitors.named(Headers(raw=[(b"cookie", sent)]), f"{COOKIE}-7860") == mine, odd


def test_nobody_can_make_up_who_they_are():
    visitors, others = Visitors(), Visitors()
    mine = visitors.new()
    altered = (mine[:32], mine[:-1], mine[:-1] + "g", mine.upper(), mine + "0")
    for made_up in ("", "0" * 64, *altered, others.new(), "é" * 64):
        sent = f"{COOKIE}-1={made_up}".encode("latin-1")
        assert visitors.named(Headers(raw=[(b"cookie", sent)]), f"{COOKIE}-1") == "", made_up
    assert visitors.named(Headers(raw=[(b"cookie", f"{COOKIE}-2={mine}".encode())]), f"{COOKIE}-1") == ""


def test_browsers_that_gave_the_password_are_forgotten_when_many_others_come():
    visitors = Visitors()
    for number in range(LOGGED_IN + 1):
        visitors.log_in(str(number))
    assert not visitors.logged_in("0")
    assert visitors.logged_in("1")
