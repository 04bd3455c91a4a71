import threading
import time

from glyph_demo.windows.turns import InTurn


def test_turns_come_in_the_order_they_were_asked_for_and_one_that_fails_ends_too():
    turn, seen, threads = InTurn(), [], []

    def take(number):
        with turn:
            seen.append(number)

    try:
        with turn:
            for number in range(20):
                threads.append(threading.Thread(target=take, args=[number]))
                threads[-1].start()
                while turn._asked < number + 2:
                    time.sleep(0.001)
            assert turn.taken
            assert seen == []
            raise ValueError
    except ValueError:
        pass
    for thread in threads:
        thread.join(60)
    assert seen == list(range(20))
    assert not turn.taken
