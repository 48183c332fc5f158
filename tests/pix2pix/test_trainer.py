import json
from dataclasses import replace

import pytest
import torch

from data.condition import Asked
from data.errors import InputError
from data.pairs import Bank, Crop
from pix2pix import checkpoint
from pix2pix.augment import STILL, Vary, batch
from pix2pix.conditional import Pix2Pix, Settings
from pix2pix.trainer import Plan, Teaching, adam, step_of, train

SMALL = Settings(side=32, width=8, judge_width=8)
PLAN = Plan(steps=8, batch=2, kept=4, looked=4)


def faces(count=8, side=32):
    """A bank of faces that are ellipses in the colours that are asked for."""
    random = torch.Generator().manual_seed(0)
    wide = round(side * 1.15 / 2) * 2
    points = torch.rand(count, 68, 2, generator=random) * 0.5 + 0.25
    hair, eyes, skin = (torch.rand(count, 3, generator=random) for _ in range(3))
    y, x = torch.meshgrid(*[torch.linspace(-1, 1, wide)] * 2, indexing="ij")
    oval = ((x / 0.5) ** 2 + (y / 0.6) ** 2 < 1).float()
    pictures = hair[..., None, None] * (1 - oval) + skin[..., None, None] * oval
    none = torch.zeros(count)
    asked = Asked(points, torch.ones(count, 68), hair, eyes, skin, none, none)
    names = [str(number) for number in range(count)]
    inside = torch.ones(count, 1, wide, wide, dtype=torch.uint8)
    return Bank(Crop(side), (pictures * 255).byte(), inside, asked, names, names)


def teaching(bank, size=2, vary=None):
    def batch_of(step):
        random = torch.Generator().manual_seed(step)
        which = torch.randint(len(bank), (size,), generator=random)
        return batch(bank, which, vary or Vary(), random)

    return Teaching(batch_of)


def system(seed=3, settings=SMALL):
    torch.manual_seed(seed)
    return Pix2Pix(settings)


def weights(run):
    return checkpoint.load(run / "state.safetensors")[1]


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def test_a_run_that_was_stopped_and_goes_on_ends_with_the_same_weights(tmp_path):
    told = teaching(faces())
    train("pix2pix", system(), told, PLAN, tmp_path / "whole")

    class StopError(Exception):
        pass

    def stopping(step):
        if step == 6:
            raise StopError
        return told.batches(step)

    with pytest.raises(StopError):
        train("pix2pix", system(), replace(told, batches=stopping), PLAN, tmp_path / "twice")
    assert checkpoint.load(tmp_path / "twice" / "state.safetensors")[0]["step"] == 4
    train("pix2pix", system(seed=99), told, PLAN, tmp_path / "twice")
    assert same(weights(tmp_path / "whole"), weights(tmp_path / "twice"))
    lines = map(json.loads, (tmp_path / "twice" / "log.jsonl").read_text().splitlines())
    steps = [line["step"] for line in lines]
    assert steps == sorted(set(steps))


def test_a_part_changes_only_its_own_networks():
    bank, made = faces(), system()
    parts = made.parts()
    optimisers = {part.name: adam(part, PLAN) for part in parts}
    for frozen in parts:
        before = {key: value.clone() for key, value in made.state_dict().items()}
        only = [part for part in parts if part is not frozen]
        _step_of_parts(made, only, optimisers, teaching(bank).batches(0))
        own = {id(p) for network in frozen.networks for p in network.parameters()}
        for key, value in made.named_parameters():
            if id(value) in own:
                assert torch.equal(before[key], value), key
            elif value.grad is None and value.numel() > 1:
                assert not torch.equal(before[key], value), key


def _step_of_parts(made, parts, optimisers, examples):
    made.parts = lambda: parts
    step_of(made, optimisers, examples, PLAN, 0)
    del made.parts


@pytest.mark.slow
def test_it_learns_eight_faces_by_heart():
    bank = faces()
    settings = replace(SMALL, l1=100.0, shaken=())
    made = system(settings=settings)
    plan = Plan(steps=400, batch=8, rate=1e-3)
    optimisers = {part.name: adam(part, plan) for part in made.parts()}
    told = batch(bank, torch.arange(8), STILL)
    for step in range(plan.steps):
        step_of(made, optimisers, told, plan, step)
    with torch.no_grad():
        apart = (made.translate(told.asked) - told.pictures).abs().mean()
    assert apart < 0.06


def test_the_best_by_score_is_kept_with_its_scores(tmp_path):
    scores = iter([3.0, 1.0, 2.0, 5.0])
    told = replace(teaching(faces()), score=lambda _: {"far": next(scores)}, best="far")
    train("pix2pix", system(), told, replace(PLAN, looked=2), tmp_path)
    about, _ = checkpoint.load(tmp_path / "best.safetensors")
    assert (about["step"], about["scores"]) == (4, {"far": 1.0})


def test_other_settings_do_not_go_on_with_a_run(tmp_path):
    told = teaching(faces())
    train("pix2pix", system(), told, PLAN, tmp_path)
    other = replace(SMALL, l1=3.0)
    with pytest.raises(InputError, match=r"l1 was 30.0, is 3.0"):
        train("pix2pix", system(settings=other), told, PLAN, tmp_path)


@pytest.mark.parametrize("spoil", ["cut", "empty", "text", "foreign"])
def test_a_broken_or_foreign_checkpoint_is_one_sentence(tmp_path, spoil):
    path = tmp_path / "state.safetensors"
    checkpoint.save(path, {"step": 1}, {"a": torch.ones(100)})
    if spoil == "foreign":
        from safetensors.torch import save_file

        save_file({"a": torch.ones(3)}, path)
    else:
        content = path.read_bytes()
        path.write_bytes({"cut": content[:150], "empty": b"", "text": b"not weights at all"}[spoil])
    with pytest.raises(InputError, match=r"state\.safetensors"):
        checkpoint.load(path)


def test_bfloat16_learns_too():
    made, bank = system(), faces()
    plan = replace(PLAN, precision="bfloat16")
    optimisers = {part.name: adam(part, plan) for part in made.parts()}
    told = step_of(made, optimisers, teaching(bank).batches(0), plan, 0)
    assert all(torch.isfinite(value) for value in told.values())
    assert all(p.dtype == torch.float32 for p in made.parameters())
