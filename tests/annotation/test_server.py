"""The hooks over real HTTP: who may, what is wrong, and that nothing keeps Label Studio waiting."""

import base64
import json
import socket
import threading
import time
from contextlib import contextmanager

import httpx
import pytest

from annotation import hooks
from annotation.desk import Desk
from annotation.hooks import Queue, drain, work
from annotation.server import LARGEST, hooks_server
from annotation.studio import LostError
from data.dataset import Dataset

SECRET = "s3cret-of-the-test"
BEARER = {"Authorization": f"Bearer {SECRET}"}
ANSWER = {"action": "ANNOTATION_CREATED", "task": {"id": 1}, "annotation": {"id": 2}, "project": {}}


@contextmanager
def running(predict=lambda tasks, context: [], notice=lambda hook: None):
    server = hooks_server("127.0.0.1", 0, SECRET, "toolkit", predict, notice)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{server.server_address[1]}") as client:
            yield client
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_the_backends_contract():
    def predict(tasks, context):
        return [{"result": [], "score": 1.0, "asked": context} for _ in tasks]

    with running(predict) as client:
        client.headers.update(BEARER)
        assert client.get("/health").json() == {"status": "UP", "model_class": "toolkit"}
        assert client.get("/versions").json() == {"versions": ["toolkit"]}
        assert client.post("/setup", json={"project": "1.2"}).json()["model_version"] == "toolkit"
        body = {"tasks": [{}, {}], "params": {"context": {"result": []}}}
        answer = client.post("/predict", json=body).json()
        assert [one["asked"] for one in answer["results"]] == [{"result": []}] * 2


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer wrong",
        "Token " + SECRET,
        "Basic !!!",
        "Basic " + base64.b64encode(b"toolkit:wrong").decode(),
        "Basic " + base64.b64encode(b"\xff\xfe").decode(),
        "Bearer é",
    ],
)
@pytest.mark.parametrize("path", ["/health", "/predict", "/webhook", "/none"])
def test_nothing_goes_without_the_secret(header, path, caplog):
    kept = []
    with running(notice=kept.append) as client:
        more = {"headers": {"Authorization": header.encode("latin-1")}} if header else {}
        assert client.post(path, json=ANSWER, **more).status_code == 401
    assert kept == []
    assert "the secret is missing or wrong" in caplog.text
    assert SECRET not in caplog.text


def test_basic_is_as_good():
    with running() as client:
        assert client.get("/health", auth=("toolkit", SECRET)).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "content", "status"),
    [
        ("POST", "/predict", b"{", 400),
        ("POST", "/predict", b"[]", 400),
        ("POST", "/predict", b"[" * 5000, 400),
        ("POST", "/predict", b'{"tasks": 3}', 400),
        ("POST", "/predict", b'{"tasks": [3]}', 400),
        ("POST", "/predict", b'{"tasks": [], "params": 3}', 400),
        ("POST", "/predict", b"\xff\xfe", 400),
        ("POST", "/webhook", b"{}", 400),
        ("POST", "/elsewhere", b"{}", 404),
        ("GET", "/predict", b"", 405),
        ("DELETE", "/webhook", b"", 405),
    ],
)
def test_wrong_requests_are_refused_and_told(method, path, content, status, caplog):
    with running() as client:
        answer = client.request(method, path, content=content, headers=BEARER)
        assert answer.status_code == status
        assert client.get("/health", headers=BEARER).status_code == 200
    assert f"{method} {path}: {status}" in caplog.text


def test_too_much_is_refused_before_it_is_read():
    with (
        running() as client,
        socket.create_connection((client.base_url.host, client.base_url.port), 5) as raw,
    ):
        head = f"POST /webhook HTTP/1.1\r\nAuthorization: Bearer {SECRET}\r\n"
        raw.sendall(f"{head}Content-Length: {LARGEST + 1}\r\n\r\n".encode())
        assert b" 413 " in raw.recv(200)


def test_a_hook_that_cannot_be_kept_is_not_acknowledged():
    def full(hook):
        raise OSError(28, "No space left on device")

    with running(notice=full) as client:
        assert client.post("/webhook", json=ANSWER, headers=BEARER).status_code == 503


def test_a_predictor_that_breaks_does_not_take_the_server_down():
    def broken(tasks, context):
        raise RuntimeError("out of memory")

    with running(broken) as client:
        client.headers.update(BEARER)
        assert client.post("/predict", json={"tasks": [{}]}).status_code == 500
        assert client.get("/health").status_code == 200


class Puller:
    """Stands where the dataset's would, and is away at first."""

    def __init__(self, away=0):
        self.away, self.taken, self.pulls = away, [], 0

    def take(self, task):
        if self.away:
            self.away -= 1
            raise LostError("away")
        self.taken.append(task)
        return hooks_done()

    def pull(self, wait):
        self.pulls += 1
        return hooks_done()


def hooks_done():
    from annotation.pull import Pulled

    return Pulled()


@pytest.fixture
def queue(tmp_path):
    return Queue(Desk(Dataset(tmp_path)))


def test_hooks_wait_on_disk_in_their_order(queue, tmp_path):
    for number in range(5):
        queue.put({**ANSWER, "annotation": {"id": number}})
    queue.put({"action": "TASKS_CREATED", "tasks": []})
    again = Queue(Desk(Dataset(tmp_path)))  # after a restart
    assert len(again.waiting()) == 5
    puller = Puller()
    assert drain(again, lambda: puller) == 5
    assert [task["annotations"][0]["id"] for task in puller.taken] == [0, 1, 2, 3, 4]
    assert again.waiting() == []


def test_a_hook_stays_while_label_studio_is_away(queue):
    queue.put(ANSWER)
    puller = Puller(away=1)
    with pytest.raises(LostError):
        drain(queue, lambda: puller)
    assert len(queue.waiting()) == 1
    assert drain(queue, lambda: puller) == 1


def test_what_is_no_hook_is_set_aside(queue):
    queue.put(ANSWER)
    (queue.folder / "0.json").write_text("{torn")
    (queue.folder / "1.json").write_text(json.dumps({"action": "ANNOTATION_CREATED"}))
    assert drain(queue, Puller) == 1
    assert sorted(path.name for path in queue.folder.glob("*.broken")) == ["0.broken", "1.broken"]


def test_a_hook_that_breaks_us_does_not_stop_the_next(queue):
    class Broken(Puller):
        def take(self, task):
            if task["annotations"] == [{"id": 1}]:
                raise ZeroDivisionError
            return super().take(task)

    puller = Broken()
    for number in (1, 2):
        queue.put({**ANSWER, "annotation": {"id": number}})
    assert drain(queue, lambda: puller) == 1
    assert [task["annotations"] for task in puller.taken] == [[{"id": 2}]]
    assert len(list(queue.folder.glob("*.broken"))) == 1


def test_the_worker_goes_on_when_label_studio_is_back(queue):
    puller, stop = Puller(away=1), threading.Event()
    queue.put(ANSWER)
    thread = threading.Thread(target=work, args=(queue, lambda: puller, 60, stop))
    thread.start()
    end = time.monotonic() + 10
    while len(puller.taken) < 2 and time.monotonic() < end:
        if puller.taken and not queue.waiting():
            queue.put(ANSWER)
        time.sleep(0.05)
    stop.set()
    queue.filled.set()
    thread.join(5)
    assert not thread.is_alive()
    assert len(puller.taken) == 2
    assert puller.pulls == 1
    assert hooks.SLOWEST > 1
