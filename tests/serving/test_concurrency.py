"""Several requests at once: documents beside each other, questions to one document in turn, and a change of engine."""

import base64
import threading
from concurrent.futures import ThreadPoolExecutor

from glyph_demo.serving.jobs import JobQueue
from tests.fakes import FakeEngine


def body(number, prompt="how many?"):
    text = base64.b64encode(f"Document {number}.\n".encode() * 20).decode()
    return {"document": text, "prompt": prompt}


class Crowd(FakeEngine):
    """Counts how many answers are being written at a time, in all and by document."""

    def __init__(self):
        super().__init__(token_seconds=0.02)
        self.now, self.most, self.clash = [], 0, False
        self.lock = threading.Lock()

    def open_document(self, features=(), source=None):
        handle = super().open_document(features, source)
        answer, engine = handle.answer, self

        def counted(*arguments):
            with engine.lock:
                engine.clash |= handle in engine.now
                engine.now.append(handle)
                engine.most = max(engine.most, len(engine.now))
            try:
                yield from answer(*arguments)
            finally:
                with engine.lock:
                    engine.now.remove(handle)

        handle.answer = counted
        return handle


def test_the_queue_runs_as_many_jobs_at_a_time_as_it_is_told_to_while_it_runs(until):
    class Counted:
        now = most = done = 0
        lock, gate = threading.Lock(), threading.Event()

        def run(self):
            with Counted.lock:
                Counted.now += 1
                Counted.most = max(Counted.most, Counted.now)
            self.gate.wait(60)
            with Counted.lock:
                Counted.now -= 1
                Counted.done += 1

    def most_of_six(queue, limit):
        Counted.most = Counted.done = 0
        Counted.gate.clear()
        for _ in range(6):
            queue.submit(Counted())
        until(lambda: Counted.now >= limit)
        Counted.gate.set()
        until(lambda: Counted.done == 6)
        return Counted.most

    queue = JobQueue(4)
    assert most_of_six(queue, 4) == 4
    queue.limit(1)
    assert most_of_six(queue, 1) == 1
    queue.limit(6)
    assert most_of_six(queue, 6) == 6
    queue.close()


def test_documents_are_asked_beside_each_other_and_one_document_in_turn(serve):
    engine = Crowd()
    running = serve(engine)

    def post(number):
        with running.client as client:
            return client.post("/api/v1/generate", json=body(number % 4, f"question {number}")).json()["text"]

    with ThreadPoolExecutor(12) as threads:
        answers = list(threads.map(post, range(12)))
    assert [f"question {number}" in answer for number, answer in enumerate(answers)] == [True] * 12
    assert 2 <= engine.most <= 4
    assert not engine.clash


def test_no_more_than_the_settings_say_at_a_time(serve):
    engine = Crowd()
    running = serve(engine, **{"inference.max_batch_size": 1})
    with ThreadPoolExecutor(4) as threads, running.client as client:
        list(threads.map(lambda number: client.post("/api/v1/generate", json=body(number)), range(4)))
    assert engine.most == 1


def test_when_the_engine_changes_those_who_wait_are_told_and_later_ones_get_the_new_one(serve, until):
    old, new = FakeEngine(token_seconds=0.2), FakeEngine()
    new.identity = "fake-2"
    running = serve(old)
    with ThreadPoolExecutor(1) as threads, running.client as client:
        waiting = threads.submit(client.post, "/api/v1/generate", json=body(1, "a b c d e f g h"))
        until(lambda: old.steps)
        running.service.rest()
        assert waiting.result().status_code == 503
        assert old.open_handles == 0
        refused = client.post("/api/v1/generate", json=body(1))
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "loading")
        running.service.use(new, lambda: True)
        assert client.post("/api/v1/generate", json=body(1)).status_code == 200
    assert new.encoded
