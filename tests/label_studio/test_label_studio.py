"""Against a real Label Studio: faces out, edits by its API and by mouse, and exactly those back."""

import json
import os
import subprocess
import threading
import time
from copy import deepcopy
from pathlib import Path
from shutil import which

import httpx
import numpy as np
import pytest
from studio_server import PERSON, drawn_frames

from annotation.desk import Desk
from annotation.studio import Studio, StudioError
from data.dataset import Dataset
from data.face import Box
from data.landmarks import LEFT_EYE
from toolkit import label as job
from toolkit.label_serve import serve

pytestmark = pytest.mark.label_studio
EVERYTHING = job.Choice(everything=True)
OUT = Path(os.environ.get("TOOLKIT_SCREENSHOTS", "/tmp"))


@pytest.fixture(scope="module")
def pushed(server, tmp_path_factory):
    """100 frames with 150 faces, one of the first frame's not found, all of them pushed."""
    wanted = [2, *[1] * 49, *[2] * 50]
    dataset = drawn_frames(tmp_path_factory.mktemp("pushed"), wanted, unseen=True)
    assert (len(dataset.frames()), len(list(dataset.faces()))) == (100, 150)
    job.setup(dataset, server.url, "pushed")
    done = job.send(dataset, EVERYTHING)
    assert (done.sent, done.already, done.failed) == (100, 0, [])
    return dataset


@pytest.fixture(scope="module")
def served(pushed):
    """`toolkit label serve`, attached; it polls so seldom that hooks count."""
    stop, url = threading.Event(), []
    more = {"every": 3600.0, "stop": stop, "ready": url.append}
    thread = threading.Thread(target=serve, args=(pushed, "127.0.0.1", 0), kwargs=more)
    thread.start()
    project = Desk(pushed).project().project
    until(lambda: studio_of(pushed).get("/api/webhooks/", project=project), 60)
    yield url[0]
    stop.set()
    thread.join(20)


def until(holds, seconds=30.0):
    end = time.monotonic() + seconds
    while not (told := holds()):
        assert time.monotonic() < end, "it never came about"
        time.sleep(0.2)
    return told


def studio_of(dataset):
    return job.connect(Desk(dataset).project())


def tasks_of(dataset):
    """frame_id -> whole task, predictions and all."""
    project = Desk(dataset).project().project
    found = studio_of(dataset).get(
        "/api/tasks/", project=project, fields="all", page_size=2000, page=1
    )["tasks"]
    return {one["meta"]["frame_id"]: one for one in found}


def annotate(dataset, task, result):
    return studio_of(dataset).post(f"/api/tasks/{task['id']}/annotations/", {"result": result})


def faces_of(dataset):
    return {record.face_id: record for record in dataset.faces()}


def exactly(one, other):
    """Whether two faces are the same to the last bit, whoever told them."""
    arrays = all(
        getattr(one, name).tobytes() == getattr(other, name).tobytes()
        for name in ("landmarks", "landmark_scores")
    )
    names = ("box", "score", "domain", "hair", "hair_second", "left_eye", "right_eye", "skin",
             "gender", "glasses", "pose")  # fmt: skip
    return arrays and all(getattr(one, name) == getattr(other, name) for name in names)


def test_everything_is_there_once(pushed):
    tasks = tasks_of(pushed)
    assert len(tasks) == 100
    results = [one["predictions"][0]["result"] for one in tasks.values()]
    boxes = [r["id"] for result in results for r in result if r["from_name"] == "face"]
    assert sorted(boxes) == sorted(faces_of(pushed))
    again = job.send(pushed, EVERYTHING)
    assert (again.sent, again.already) == (0, 100)
    (Desk(pushed).folder / "sent.jsonl").rename(Desk(pushed).folder / "lost.jsonl")
    again = job.send(pushed, EVERYTHING)
    assert (again.sent, again.found) == (0, 100)
    assert len(tasks_of(pushed)) == 100
    job.setup(pushed, Desk(pushed).project().url, "pushed")
    assert job.send(pushed, EVERYTHING).sent == 0


def test_pictures_can_be_loaded(pushed):
    project = Desk(pushed).project()
    frames = {record.frame.frame_id: record.frame for record in pushed.frames()}
    for frame_id, task in list(tasks_of(pushed).items())[:3]:
        header = {"Authorization": f"Token {os.environ[job.TOKEN]}"}
        shown = httpx.get(project.url + task["data"]["image"], headers=header)
        assert shown.content == frames[frame_id].item.file.read_bytes()


def test_pictures_can_be_served_from_a_folder(server, tmp_path):
    dataset = drawn_frames(tmp_path / "local", [1, 1])
    job.setup(dataset, server.url, "local files", served=server.root)
    assert job.send(dataset, EVERYTHING).sent == 2
    for task in tasks_of(dataset).values():
        assert task["data"]["image"].startswith("/data/local-files/?d=toolkit-faces/")
        header = {"Authorization": f"Token {os.environ[job.TOKEN]}"}
        shown = httpx.get(server.url + task["data"]["image"], headers=header)
        assert shown.content.startswith(b"\x89PNG")


def test_edits_by_the_api_come_back_and_nothing_else_changes(pushed):
    before = faces_of(pushed)
    tasks = [one for one in tasks_of(pushed).values() if len(one["meta"]["faces"]) == 2][-3:]
    moved, deleted, confirmed = (deepcopy(one["predictions"][0]["result"]) for one in tasks)
    first = tasks[0]["meta"]["faces"][0]["face_id"]
    eye = next(r for r in moved if r["id"] == f"{first}_left_eye")["value"]["vertices"]
    eye[0]["x"] += 1.5
    gone = tasks[1]["meta"]["faces"][0]["face_id"]
    deleted = [region for region in deleted if region["id"] != gone]
    for task, result in zip(tasks, (moved, deleted, confirmed), strict=True):
        annotate(pushed, task, result)
    done = job.bring(pushed)
    assert (done.annotations, done.kept, done.problems) == (3, 6, [])
    assert (done.corrected, done.denied, done.confirmed) == (1, 1, 4)
    after = faces_of(pushed)
    assert set(before) - set(after) == {gone}
    assert not set(after) - set(before)
    for face_id, record in after.items():
        assert exactly(record.face, before[face_id].face) == (face_id != first)
    others = np.arange(68) != LEFT_EYE.start
    was, now = before[first].face.landmarks, after[first].face.landmarks
    assert was[others].tobytes() == now[others].tobytes()
    width = tasks[0]["meta"]["width"]
    assert now[36, 0] - was[36, 0] == pytest.approx(0.015 * width, abs=1e-3)
    assert after[first].label.moved == (36,)
    assert after[first].label.who == PERSON
    assert job.bring(pushed).kept == 0


def test_an_annotation_that_is_changed_again_changes_its_face_again(pushed):
    task = next(
        one for one in tasks_of(pushed).values()
        if len(one["meta"]["faces"]) == 1 and not one["annotations"]
    )  # fmt: skip
    result = deepcopy(task["predictions"][0]["result"])
    face = task["meta"]["faces"][0]["face_id"]
    made = annotate(pushed, task, result)
    job.bring(pushed)
    studio = studio_of(pushed)
    result[0]["value"]["vertices"][0]["y"] += 2
    studio.patch(f"/api/annotations/{made['id']}/", {"result": result})
    assert job.bring(pushed).kept == 1
    result[0]["value"]["vertices"][0]["y"] -= 2
    studio.patch(f"/api/annotations/{made['id']}/", {"result": result})
    assert job.bring(pushed).kept == 1
    told = [label for label in pushed.labels() if label.face_id == face]
    assert [len(label.moved) for label in told] == [0, 1, 0]
    assert faces_of(pushed)[face].label.at == told[-1].at


def test_two_people_on_one_task(server, tmp_path):
    dataset = drawn_frames(tmp_path / "two", [1])
    job.setup(dataset, server.url, "two people")
    job.send(dataset, EVERYTHING)
    studio, [task] = studio_of(dataset), tasks_of(dataset).values()
    name = f"ben{time.time_ns()}"
    account = {"email": f"{name}@example.com", "username": name, "password": "x" * 9}
    ben = studio.post("/api/users/", account)
    result = task["predictions"][0]["result"]
    lips = next(i for i, r in enumerate(result) if r["id"].endswith("_outer_lips"))
    shift = 100 * 10 / task["meta"]["width"]
    for who, points in ((None, (0, 1)), (ben["id"], (0, 2))):
        edited = deepcopy(result)
        for index in points:
            edited[lips]["value"]["vertices"][index]["x"] += shift
        made = annotate(dataset, task, edited)
        if who:
            studio.patch(f"/api/annotations/{made['id']}/", {"completed_by": who})
    copies = {}
    for resolve in ("latest", "agreement", PERSON):
        copy = Dataset(tmp_path / resolve)
        subprocess.run(["cp", "-r", dataset.folder, copy.folder], check=True)
        done = job.bring(copy, resolve)
        assert (done.annotations, done.problems) == (2, [])
        assert done.disputed == 2
        copies[resolve] = next(copy.faces())
        assert {label.who for label in copy.labels()} >= {PERSON, ben["email"]}
    was = next(dataset.faces()).face.landmarks
    expected = {"latest": (48, 50), "agreement": (48,), PERSON: (48, 49)}
    for resolve, record in copies.items():
        changed = np.flatnonzero((record.face.landmarks != was).any(1)).tolist()
        assert tuple(changed) == expected[resolve], resolve
    assert copies["agreement"].label.who == f"{PERSON} & {ben['email']}"
    assert copies[PERSON].label.who == PERSON


def test_hostile_answers_are_told_and_the_rest_is_kept(server, tmp_path):
    dataset = drawn_frames(tmp_path / "hostile", [1, 1, 1])
    job.setup(dataset, server.url, "hostile")
    job.send(dataset, EVERYTHING)
    studio, project = studio_of(dataset), Desk(dataset).project().project
    one, two, three = tasks_of(dataset).values()
    config = studio.get(f"/api/projects/{project}/")["label_config"]
    without = config.replace('name="contour17"', 'name="other17"')
    studio.patch(f"/api/projects/{project}/", {"label_config": without})
    result = deepcopy(one["predictions"][0]["result"])
    result.append({**result[-1], "id": "x", "from_name": "mood", "value": {"choices": ["glad"]}})
    annotate(dataset, one, result)
    studio.post(f"/api/projects/{project}/import", [{"data": {"image": "/stranger.png"}}])
    stranger = studio.get("/api/tasks/", project=project, page_size=100)["tasks"][-1]
    annotate(dataset, stranger, [])
    studio.delete(f"/api/tasks/{two['id']}/")
    rest = [r for r in three["predictions"][0]["result"] if r["from_name"] != "contour17"]
    annotate(dataset, three, rest)
    done = job.bring(dataset)
    assert done.kept == done.confirmed == 2
    assert len(done.problems) == 2
    assert any("mood" in words for words in done.problems)
    assert any("was not made by the toolkit" in words for words in done.problems)
    assert job.send(dataset, EVERYTHING).sent == 0  # who deletes a task does not want it back


def test_both_kinds_of_token_work_and_none_is_told(server, tmp_path, monkeypatch, capsys):
    with httpx.Client(base_url=server.url, headers={"Authorization": f"Token {server.token}"}) as c:
        personal = c.post("/api/token/").json()["token"]
    assert Studio(server.url, personal).get("/api/current-user/whoami")["email"] == PERSON
    file = tmp_path / "token"
    file.write_text(personal + "\n")
    dataset = drawn_frames(tmp_path / "tokens", [1])
    monkeypatch.delenv(job.TOKEN)
    job.setup(dataset, server.url, "personal token", token_file=file)
    assert job.send(dataset, EVERYTHING).sent == 1
    with pytest.raises(StudioError, match="does not take the token") as told:
        Studio(server.url, "0" * 40).get("/api/projects/")
    assert "0" * 40 not in str(told.value)
    kept = b"".join(p.read_bytes() for p in Desk(dataset).folder.rglob("*") if p.is_file())
    assert personal.encode() not in kept
    assert server.token.encode() not in kept


def test_a_hook_brings_an_answer_without_a_poll(pushed, served):
    task = next(one for one in tasks_of(pushed).values() if not one["annotations"])
    count = len(pushed.labels())
    annotate(pushed, task, task["predictions"][0]["result"])
    until(lambda: len(pushed.labels()) == count + len(task["meta"]["faces"]))
    assert job.bring(pushed).kept == 0


class Page:
    """The labelling page in headless Chromium, by mouse and keyboard alone."""

    def __init__(self, page, url, project, view, task):
        self.page, self.task = page, task
        page.goto(f"{url}/projects/{project}/data?tab={view}&task={task['id']}")
        page.wait_for_selector(".konvajs-content canvas", timeout=60_000)
        page.wait_for_function(
            "n => window.Htx?.annotationStore?.selected?.regions?.length >= n",
            arg=1,
            timeout=60_000,
        )
        page.wait_for_timeout(2500)

    def at(self, x, y):
        """Screen pixels of percent of the picture."""
        left, top, width, height = self.page.evaluate(
            """() => {
                const image = Htx.annotationStore.selected.objects.find(o => o.type === 'image');
                const r = document.querySelector('.konvajs-content canvas').getBoundingClientRect();
                return [r.x, r.y, image.stageWidth, image.stageHeight];
            }"""
        )
        return left + x * width / 100, top + y * height / 100

    def drag(self, start, stop):
        mouse = self.page.mouse
        mouse.move(*start)
        mouse.down()
        mouse.move((start[0] + stop[0]) / 2, (start[1] + stop[1]) / 2, steps=5)
        mouse.move(*stop, steps=5)
        self.page.wait_for_timeout(100)  # the page leaves out what comes within 48 ms
        mouse.move(*stop)
        self.page.wait_for_timeout(100)
        mouse.up()
        self.page.wait_for_timeout(600)

    def select(self):
        """The only face, by its row in the list of regions."""
        rows = self.page.locator("[class*=outliner-item__title]", has_text="face")
        rows.first.click()
        self.page.wait_for_timeout(800)

    def shot(self, name):
        self.page.screenshot(path=OUT / f"label_studio_{name}.png")

    def accept(self):
        """The suggestions, by the button beside them."""
        self.page.get_by_test_id("bottombar-accept-suggestions-button").click()
        self.page.wait_for_timeout(1000)

    def submit(self):
        self.page.get_by_role("button", name="Submit").click()
        self.page.wait_for_timeout(2500)


@pytest.fixture(scope="module")
def browser():
    if not (chromium := which("chromium")):
        pytest.skip("no chromium to open the page with")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def window(browser, server):
    """A page of somebody who is logged in."""
    page = browser.new_page(viewport={"width": 1500, "height": 950})
    page.goto(f"{server.url}/user/login/")
    page.fill("input[name=email]", PERSON)
    page.fill("input[name=password]", server.password)
    page.click("button[type=submit]")
    page.wait_for_load_state()
    return page


def opened(window, dataset, task):
    project = Desk(dataset).project()
    [view] = studio_of(dataset).get("/api/dm/views/", project=project.project)
    return Page(window, project.url, project.project, view["id"], task)


def apart(face, index):
    """Pixels from a point to the next one."""
    others = np.delete(face.landmarks, index, 0)
    return float(np.linalg.norm(others - face.landmarks[index], axis=1).min())


def test_mouse_edits_come_back_and_nothing_else_changes(pushed, served, window):
    before, tasks = faces_of(pushed), tasks_of(pushed)
    fresh = {name: one for name, one in tasks.items() if not one["annotations"]}
    alone = [r for r in before.values() if r.frame.frame_id in fresh
             and len(fresh[r.frame.frame_id]["meta"]["faces"]) == 1]  # fmt: skip
    dragged = max(alone, key=lambda record: apart(record.face, 36))
    denied, haired = [record for record in alone if record is not dragged][:2]

    # An eye's corner is dragged.
    page = opened(window, pushed, fresh[dragged.frame.frame_id])
    result = fresh[dragged.frame.frame_id]["predictions"][0]["result"]
    eye = next(r for r in result if r["id"].endswith("_left_eye"))["value"]["vertices"][0]
    start = page.at(eye["x"], eye["y"])
    page.shot("1_opened")
    page.drag(start, (start[0] - 14, start[1] + 6))
    page.select()
    page.shot("2_dragged")
    page.submit()

    # A face is deleted, its contours stay.
    page = opened(window, pushed, fresh[denied.frame.frame_id])
    page.select()
    page.page.keyboard.press("Backspace")
    page.page.wait_for_timeout(500)
    page.shot("3_deleted")
    page.submit()

    # A hair colour is changed.
    page = opened(window, pushed, fresh[haired.frame.frame_id])
    page.select()
    wanted = "pink" if haired.face.hair.name != "pink" else "blue"
    choices = page.page.locator(".lsf-choices, [class*=choices]").filter(has_text=wanted)
    choices.first.get_by_text(wanted, exact=False).first.click()
    page.page.wait_for_timeout(500)
    page.shot("4_hair")
    page.submit()

    done = until(lambda: (pulled := job.bring(pushed)) and pulled)
    after = faces_of(pushed)
    assert set(before) - set(after) == {denied.face_id}, done
    changed = {
        face_id for face_id, record in after.items()
        if not exactly(record.face, before[face_id].face)
    }  # fmt: skip
    assert changed == {dragged.face_id, haired.face_id}
    was, now = dragged.face.landmarks, after[dragged.face_id].face.landmarks
    assert after[dragged.face_id].label.moved == (36,)
    others = np.arange(68) != 36
    assert was[others].tobytes() == now[others].tobytes()
    assert now[36, 0] < was[36, 0]
    assert after[haired.face_id].face.hair.name == wanted
    assert after[haired.face_id].label.moved == ()


def test_a_face_drawn_by_hand_gets_its_points_as_it_is_drawn(pushed, served, window):
    """The first frame's second face was not found; the page's suggestion is accepted."""
    before = faces_of(pushed)
    [frame_id] = {record.frame.frame_id for record in pushed.frames()
                  if record.frame.name == "panel_0000.png"}  # fmt: skip
    task = tasks_of(pushed)[frame_id]
    page = opened(window, pushed, task)
    box = Box(*json.loads((pushed.folder.parent / "unseen.json").read_text()))
    meta = task["meta"]
    corners = [
        (100 * x / meta["width"], 100 * y / meta["height"])
        for x, y in ((box.x, box.y), (box.x + box.width, box.y + box.height))
    ]
    page.page.get_by_text("Auto-Annotation", exact=True).click()
    page.page.wait_for_timeout(500)
    page.page.locator("[class*=label_]").filter(has_text="face").first.click()
    page.page.wait_for_timeout(500)
    page.page.keyboard.press("m")
    page.page.wait_for_timeout(500)
    page.drag(*(page.at(*corner) for corner in corners))
    page.page.wait_for_timeout(1000)
    page.page.wait_for_function(
        "() => Htx.annotationStore.selected.suggestions?.size >= 10", timeout=60_000
    )
    page.shot("5_suggested")
    page.accept()
    page.shot("6_accepted")
    page.submit()
    until(lambda: job.bring(pushed).kept or len(faces_of(pushed)) > len(before))
    after = faces_of(pushed)
    [new] = set(after) - set(before)
    face = after[new].face
    assert np.isfinite(face.landmarks).all()
    assert face.box.overlap(box) > 0.9
    assert after[new].label.who == PERSON
    assert all(exactly(after[name].face, before[name].face) for name in before)
