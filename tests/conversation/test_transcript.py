from glyph_demo.conversation.transcript import Exchange, Transcript


def test_what_is_taken_back_while_it_is_answered_stays_away():
    transcript, exchange = Transcript([Exchange("one", "1"), Exchange("two", "2")]), Exchange("uno")
    with transcript.asking(exchange, 0) as before:
        assert before == ()
        assert [each.question for each in transcript.shown] == ["uno"]
        assert [each.question for each in transcript.exchanges] == ["one", "two"]
        transcript.commit()
        assert [each.question for each in transcript.exchanges] == ["uno"]
        assert transcript.undo() is exchange
        transcript.commit()
    assert transcript.shown == []
