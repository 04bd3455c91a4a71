"""Who may use the window: by address, password and --no-auth."""

import json

import pytest

from glyph_demo.cli import main
from glyph_demo.errors import SettingsError
from glyph_demo.settings import Server
from glyph_demo.ui.door import Told, password


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


def test_what_browsers_were_told_is_forgotten_when_others_come():
    told = Told()
    told.tell("first", {"/a"})
    for number in range(300):
        told.tell(str(number), {f"/{number}"})
    assert told.knows("299", "/299")
    assert not told.knows("first", "/a")
    assert not told.knows("299", "/a")
