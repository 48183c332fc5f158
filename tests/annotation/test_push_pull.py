"""Pushes and pulls that are cut off, told twice or out of order, against a small Label Studio."""

import json
from copy import deepcopy
from urllib.parse import parse_qs

import httpx
import pytest
from PIL import Image

from annotation import push as pushing
from annotation.configuration import Words, configuration
from annotation.desk import Desk, Project
from annotation.pull import Puller
from annotation.push import push
from annotation.sheets import sheets
from annotation.studio import LostError, Studio, StudioError, read_token
from data import labels
from data.dataset import Dataset
from data.errors import InputError
from data.face import Box, Colour, Face
from data.frame import Frame, identify
from data.sources import list_items

WORDS = Words({"black": "#101010", "pink": "#f472b6"}, {"blue": "#3b82f6"}, {"light": "#f8d5bd"})
TOKEN = "a" * 40


class Server:
    """Tasks and annotations in memory, as much of the interface as a push and a pull ask for.

    cut: what happens to the next import: "before" it is done, "after", or nothing.
    """

    def __init__(self):
        self.tasks, self.clock, self.cut, self.imports = {}, 0, "", 0

    def now(self):
        self.clock += 1
        return f"2026-01-01T00:{self.clock // 60:02d}:{self.clock % 60:02d}.000000Z"

    def __call__(self, request):
        path, query = request.url.path, parse_qs(request.url.query.decode())
        if request.headers["Authorization"] != f"Token {TOKEN}":
            return httpx.Response(401, json={"detail": "Invalid token."})
        if path == "/api/tasks/" and request.method == "GET":
            return httpx.Response(200, json={"tasks": self.found(query)})
        if path.startswith("/api/tasks/") and request.method == "DELETE":
            del self.tasks[int(path.split("/")[3])]
            return httpx.Response(204)
        if path == "/api/projects/7/import" and "commit_to_project" in query:
            self.files = request.content.count(b"filename=")
            return httpx.Response(201, json={"file_upload_ids": list(range(self.files))})
        if path == "/api/projects/7/file-uploads":
            stored = [{"id": n, "file": f"upload/7/{n}.png"} for n in range(self.files)]
            return httpx.Response(200, json=stored)
        if path == "/api/projects/7/import":
            return self.take(json.loads(request.content))
        if path == "/api/projects/7/":
            return httpx.Response(200, json={"label_config": configuration(WORDS)})
        if path == "/api/users/":
            return httpx.Response(200, json=[{"id": 1, "email": "ana@example.com"}])
        raise AssertionError(path)

    def take(self, sent):
        cut, self.cut = self.cut, ""
        if cut == "before":
            raise httpx.ReadError("cut off")
        self.imports += 1
        ids = []
        for one in sent:
            number = max(self.tasks, default=0) + 1
            self.tasks[number] = {**one, "id": number, "annotations": [], "updated_at": self.now()}
            ids.append(number)
        if cut == "after":
            raise httpx.ReadError("cut off")
        return httpx.Response(201, json={"task_ids": ids})

    def found(self, query):
        asked = json.loads(query["query"][0])["filters"]["items"]
        fits = list(self.tasks.values())
        for one in asked:
            name, value = one["filter"].split(":")[2], one["value"]
            if name == "total_annotations":
                fits = [task for task in fits if task["annotations"]]
            elif one["operator"] == "greater":
                fits = [task for task in fits if task[name] > value]
            else:
                fits = [task for task in fits if task[name] >= value]
        order = json.loads(query["query"][0])["ordering"][0].split(":")[1]
        fits = [{**one, "total_annotations": len(one["annotations"])} for one in fits]
        page = int(query["page"][0]) - 1
        return sorted(fits, key=lambda one: one[order])[page * 200 : page * 200 + 200]

    def annotate(self, number, change=lambda result: None, at=None):
        task = self.tasks[number]
        result = deepcopy(task["predictions"][0]["result"])
        change(result)
        at = at or self.now()
        made = {"id": 100 + number, "updated_at": at, "result": result, "completed_by": 1}
        task["annotations"] = [made]
        task["updated_at"] = at
        return {**task, "annotations": [made]}


@pytest.fixture
def server():
    return Server()


@pytest.fixture
def studio(server, monkeypatch):
    monkeypatch.setattr(pushing, "SETTLE", 0.0)
    return Studio("http://studio.test", TOKEN, httpx.MockTransport(server))


@pytest.fixture
def dataset(tmp_path):
    """Three pictures with a face each, in a project."""
    rng = __import__("numpy").random.default_rng(0)
    (tmp_path / "in").mkdir()
    dataset = Dataset(tmp_path / "faces")
    with dataset.writer({"version": "1"}) as writer:
        for number in range(3):
            path = tmp_path / "in" / f"{number}.png"
            Image.new("RGB", (200, 200), (number, 0, 0)).save(path)
            [item] = list_items([path])
            points = (rng.random((68, 2)) * 90 + 40).astype("float32")
            scores = rng.random(68).astype("float32")
            hair = Colour("#101010", "black", 1, 1)
            face = Face(Box(40, 40, 90, 90), 0.9, points, scores, "drawn", "t 1", hair=hair)
            writer.add([(Frame(identify(item.item_id), item, 200, 200), [face])])
    Desk(dataset).keep_project(Project("http://studio.test", 7, "faces", WORDS))
    return dataset


def all_sheets(dataset):
    faces = list(dataset.faces())
    return [sheet for one in faces for sheet in sheets(one.frame, [one])]


def send(dataset, studio):
    return push(Desk(dataset), studio, all_sheets(dataset), lambda sheet: (".png", b"picture"))


def keys(server):
    return sorted(task["data"]["key"] for task in server.tasks.values())


def test_what_was_sent_is_not_sent_again(dataset, studio, server):
    assert send(dataset, studio).sent == 3
    again = send(dataset, studio)
    assert (again.sent, again.already, server.imports) == (0, 3, 1)


@pytest.mark.parametrize("cut", ["before", "after"])
def test_a_push_that_is_cut_off_goes_on_and_doubles_nothing(dataset, studio, server, cut):
    server.cut = cut
    if cut == "before":
        with pytest.raises(LostError, match="does not answer"):
            send(dataset, studio)
        assert Desk(dataset).journal().unsure == []  # asked for at once, and not there
    send(dataset, studio)
    assert len(keys(server)) == len(set(keys(server))) == 3
    assert sorted(Desk(dataset).journal().sent) == keys(server)


def test_a_client_killed_between_sending_and_noting_asks_first(dataset, studio, server):
    send(dataset, studio)
    journal = Desk(dataset).folder / "sent.jsonl"
    told = [line for line in journal.read_bytes().split(b"\n") if line and b'"sending"' in line]
    journal.write_bytes(told[0] + b'\n{"sent": {"to')
    done = send(dataset, studio)
    assert (done.sent, done.found) == (0, 3)
    assert len(server.tasks) == 3


def test_what_a_server_ended_after_all_is_taken_away_again(dataset, studio, server):
    send(dataset, studio)
    late = deepcopy(server.tasks)
    server.tasks.clear()
    Desk(dataset).note(sending=keys_of(late))
    real, first = server.found, []

    def found(query):
        seen = real(query)
        if not first:  # the list was made before the server had ended
            first.append(True)
            server.tasks.update(late)
        return seen

    (Desk(dataset).folder / "sent.jsonl").write_text(json.dumps({"sending": keys_of(late)}) + "\n")
    server.found = found
    send(dataset, studio)
    assert len(keys(server)) == len(set(keys(server))) == 3


def keys_of(tasks):
    return [task["data"]["key"] for task in tasks.values()]


def test_two_pushes_at_once_are_one_too_many(dataset, studio):
    with Desk(dataset).alone("push"), pytest.raises(InputError, match="another toolkit"):
        send(dataset, studio)


def nudged(result):
    result[0]["value"]["vertices"][0]["x"] += 3


def painted(result):
    next(r for r in result if r["from_name"] == "hair")["value"]["choices"] = ["pink"]


def test_a_full_disk_loses_nothing_and_doubles_nothing(dataset, studio, server, monkeypatch):
    send(dataset, studio)
    for number in server.tasks:
        server.annotate(number, nudged)
    write = labels.append

    def full(path, *said):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(labels, "append", full)
    with pytest.raises(OSError, match="No space left"):
        Puller(dataset, studio).pull()
    assert dataset.labels() == []
    monkeypatch.setattr(labels, "append", write)
    assert Puller(dataset, studio).pull().corrected == 3
    assert Puller(dataset, studio).pull().kept == 0
    assert len(dataset.labels()) == 3


def test_a_pull_killed_before_it_noted_its_place_doubles_nothing(dataset, studio, server):
    send(dataset, studio)
    for number in server.tasks:
        server.annotate(number, nudged)
    Puller(dataset, studio).pull()
    (Desk(dataset).folder / "pulled.json").unlink()
    log = dataset.folder / "labels.jsonl"
    log.write_bytes(log.read_bytes()[:-40])  # and the last line torn
    with pytest.warns(UserWarning, match="torn"):
        assert len(dataset.labels()) == 2
    assert Puller(dataset, studio).pull().kept == 1
    with pytest.warns(UserWarning, match="torn"):
        assert len({label.face_id for label in dataset.labels()}) == 3


def test_hooks_twice_and_out_of_order_tell_the_newest_once(dataset, studio, server):
    send(dataset, studio)
    old = server.annotate(1, nudged, "2026-01-01T10:00:00.000001Z")
    new = server.annotate(1, painted, "2026-01-01T10:00:05.5Z")
    puller = Puller(dataset, studio)
    assert [puller.take(hook).kept for hook in (new, new, old, new)] == [1, 0, 0, 0]
    assert puller.pull().kept == 0
    [label] = dataset.labels()
    assert label.at == "2026-01-01T10:00:05.500000+00:00"
    assert label.face.hair.name == "pink"
    assert label.moved == ()


def test_skipped_tasks_say_nothing(dataset, studio, server):
    send(dataset, studio)
    server.annotate(1)["annotations"][0]["was_cancelled"] = True
    done = Puller(dataset, studio).pull()
    assert (done.kept, done.skipped) == (0, 1)


def test_many_tasks_of_one_moment_are_all_seen(dataset, studio, server):
    send(dataset, studio)
    first = server.annotate(1)
    for number in range(10, 460):
        server.tasks[number] = {**first, "id": number, "meta": {}}
    done = Puller(dataset, studio).pull()
    assert done.kept == 1
    assert len(done.problems) == 450


def test_a_token_that_is_none_is_told_and_not_shown(studio, tmp_path):
    wrong = Studio("http://studio.test", "b" * 40, httpx.MockTransport(Server()))
    with pytest.raises(StudioError, match="does not take the token") as told:
        wrong.get("/api/users/")
    assert "b" * 40 not in str(told.value)
    with pytest.raises(InputError, match="no token: set KEY"):
        read_token("KEY", {}, None)
    with pytest.raises(InputError, match="cannot be read"):
        read_token("KEY", {}, tmp_path / "none")
    with pytest.raises(InputError, match="characters that no token has"):
        Studio("http://studio.test", "ä b")
    for url in ("127.0.0.1:8080", "ftp://a", "http://", "http://[::1"):
        with pytest.raises(InputError, match="is no address"):
            Studio(url, TOKEN)
