"""The command line as others call it: as a process, with --json on stdout and nothing else there."""

from tests.command import EXAMPLES, run, run_json


def test_doctor_says_what_is_here_and_which_engine_auto_takes_and_why():
    report = run_json("doctor")
    assert report["engine"]["chosen"] == "pocket"
    assert report["engine"]["why"]
    assert report["packages"]["torch"]
    assert "CPU" in run("doctor", "--language", "zh").stdout


def test_render_writes_png_pages_and_lists_their_lines(tmp_path):
    report = run_json(
        "render", EXAMPLES / "glyph-white-paper.en.pdf", "--out", tmp_path / "pages", "--style", "glyph-en"
    )
    first = report["pages"][0]
    assert (tmp_path / "pages" / first["file"]).read_bytes().startswith(b"\x89PNG")
    assert first["lines"][0]["text"].strip()
    left, top, right, bottom = first["lines"][0]["box"]
    assert 0 <= left < right <= first["size"][0]
    assert 0 <= top < bottom <= first["size"][1]


def test_messages_come_in_the_language_asked_for():
    chinese = run_json("ask", "missing.pdf", "q", "--language", "zh", exit_code=2)["error"]["message"]
    assert any("一" <= c <= "鿿" for c in chinese)
    assert run("ask", "missing.pdf", "q", environment={"LANG": "zh_CN.UTF-8"}).stderr.splitlines()[-1] == chinese


def test_the_environment_can_set_what_flags_can():
    error = run_json("doctor", environment={"GLYPH_DEMO_SERVER__PORT": "x"}, exit_code=2)["error"]
    assert error["code"] == "bad_setting"
