"""CycleGAN, UNIT, MUNIT and U-GAT-IT; what every baseline must show."""

import re
import textwrap
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

import pix2pix.trainer
from data.condition import Asked
from data.pairs import Bank, Crop
from pix2pix import checkpoint
from pix2pix.augment import STILL, batch
from pix2pix.baselines import NAMES, baselines, cyclegan
from pix2pix.baselines.cyclegan import Pool
from pix2pix.networks import parameters
from pix2pix.residual import decoder, encoder
from pix2pix.trainer import Plan, Teaching, adam, step_of, train
from pix2pix.unpaired import Both

OURS = ("cyclegan", "unit", "munit", "ugatit")
PLAN = Plan(steps=4, batch=2, kept=2, looked=4)
SMALL = {
    "cyclegan": {"side": 32, "pool": 3},
    "unit": {"side": 64},
    "munit": {"side": 64},
    "ugatit": {"side": 32, "depths": (4, 3)},
}


def made(name, seed=3, **changes):
    found = baselines()[name]
    settings = replace(
        found.presets["tiny"][0], width=8, judge_width=8, blocks=1, **{**SMALL[name], **changes}
    )
    torch.manual_seed(seed)
    return found.system(settings)


def bank(side, drawn, count=8):
    """Ovals of even colours; drawings are bluer. Half are women, half wear glasses."""
    random = torch.Generator().manual_seed(int(drawn))
    wide = round(side * 1.15 / 2) * 2
    y, x = torch.meshgrid(*[torch.linspace(-1, 1, wide)] * 2, indexing="ij")
    oval = ((x / 0.5) ** 2 + (y / 0.6) ** 2 < 1).float()
    inner, outer = torch.rand(2, count, 3, 1, 1, generator=random)
    pictures = inner * oval + outer * (1 - oval)
    pictures[:, 2] = pictures[:, 2] / 2 + 0.5 * drawn
    sign = torch.tensor([1.0, -1.0])
    none = torch.full((count, 3), torch.nan)
    asked = Asked(
        torch.full((count, 68, 2), 0.5), torch.zeros(count, 68), none, none, none,
        sign.repeat(count // 2), sign.repeat_interleave(2).repeat(count // 4),
    )  # fmt: skip
    names = [str(number) for number in range(count)]
    inside = torch.ones(count, 1, wide, wide, dtype=torch.uint8)
    return Bank(Crop(side), (pictures * 255).byte(), inside, asked, names, names)


def both(side, step=0, size=2):
    random = torch.Generator().manual_seed(step)
    which = torch.randint(8, (2, size), generator=random)
    return Both(*(batch(bank(side, drawn), which[int(drawn)], STILL) for drawn in (False, True)))


def stepped(system, examples, steps=1, plan=PLAN, optimisers=None):
    optimisers = optimisers or {part.name: adam(part, plan) for part in system.parts()}
    for step in range(steps):
        torch.manual_seed(step)
        told = step_of(system, optimisers, examples, replace(plan, steps=max(steps, 4)), step)
    return told


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("cyclegan", {"generator": 11.38, "judge": 2.76}),
        ("munit", {"photo_content photo_style photo_decoder": 15.03, "photo_judge": 8.27}),
        (
            "unit",
            {"photo_encoder shared_encoder shared_decoder photo_decoder": 11.14,
             "photo_judge": 8.27},
        ),
        ("ugatit", {"generator": 278.96, "judges": 53.13 + 3.29, "": 670.76}),
    ],
)  # fmt: skip
def test_as_many_parameters_as_published(name, sizes):
    found = baselines()[name]
    with torch.device("meta"):
        system = found.system(found.presets["paper"][0])
    for names, millions in sizes.items():
        networks = [getattr(system, one) for one in names.split()] or [system]
        assert sum(map(parameters, networks)) / 1e6 == pytest.approx(millions, abs=0.0051), names


def test_light_attention_has_as_many_parameters_as_published():
    found = baselines()["ugatit"]
    with torch.device("meta"):
        system = found.system(replace(found.presets["paper"][0], light=True))
    assert parameters(system.generator) / 1e6 == pytest.approx(10.59, abs=0.0051)
    sizes = [parameters(judge) / 1e6 for judge in system.judges]
    assert sizes == [pytest.approx(53.13, abs=0.0051), pytest.approx(3.29, abs=0.0051)]


@pytest.mark.parametrize("name", NAMES)
def test_every_baseline_has_the_three_presets_and_a_name(name):
    assert set(baselines()[name].presets) >= {"tiny", "light", "paper"}


@pytest.mark.parametrize("name", OURS)
def test_a_photo_becomes_a_drawing_of_the_same_size_and_each_part_changes_only_its_networks(name):
    system = made(name)
    side = system.settings.side
    parts = system.parts()
    learnt = [id(p) for part in parts for net in part.networks for p in net.parameters()]
    assert len(learnt) == len(set(learnt)) == len(list(system.parameters()))
    for frozen in parts:
        before = {key: value.clone() for key, value in system.named_parameters()}
        system.parts = lambda frozen=frozen: [part for part in parts if part is not frozen]
        told = stepped(system, both(side))
        del system.parts
        assert all(torch.isfinite(value) for value in told.values())
        own = {id(p) for network in frozen.networks for p in network.parameters()}
        for key, value in system.named_parameters():
            same = torch.equal(before[key], value)
            assert same if id(value) in own else (not same or _may_stay(key)), key
    photos = torch.rand(2, 3, side, side) * 2 - 1
    for view in [system.eval().translate(photos), *system.views(photos)]:
        assert view.shape == photos.shape
        assert view.abs().max() <= 1


def _may_stay(key):
    """Shares at their bound, and biases that an instance norm after them takes out again."""
    return key.endswith(("rho", "bias"))


@pytest.mark.parametrize("name", OURS)
def test_a_run_that_was_stopped_and_goes_on_ends_with_the_same_weights(name, tmp_path):
    side = SMALL[name]["side"]
    told = Teaching(lambda step: both(side, step))
    train(name, made(name), told, PLAN, tmp_path / "whole")

    def stopping(step):
        if step == 3:
            raise KeyboardInterrupt
        return told.batches(step)

    with pytest.raises(KeyboardInterrupt):
        train(name, made(name), replace(told, batches=stopping), PLAN, tmp_path / "twice")
    train(name, made(name, seed=99), told, PLAN, tmp_path / "twice")
    one, other = (
        checkpoint.load(tmp_path / run / "state.safetensors")[1] for run in ("whole", "twice")
    )
    assert one.keys() == other.keys()
    assert all(torch.equal(one[key], other[key]) for key in one)
    if name == "cyclegan":
        assert one["weights/pool.held"] == 3


@pytest.mark.parametrize("name", OURS)
def test_bfloat16_learns_too(name):
    system = made(name)
    told = stepped(system, both(system.settings.side), plan=replace(PLAN, precision="bfloat16"))
    assert all(torch.isfinite(value) for value in told.values())
    assert all(p.dtype == torch.float32 for p in system.parameters())


def test_the_pool_shows_older_pictures_half_of_the_time_once_it_is_full():
    torch.manual_seed(0)
    pool = Pool(50, 4)
    older = 0
    for number in range(450):
        fresh = torch.full((1, 3, 4, 4), float(number))
        shown = pool(fresh)
        assert number >= 50 or torch.equal(shown, fresh)
        older += not torch.equal(shown, fresh)
    assert 160 < older < 240
    assert torch.equal(Pool(0, 4)(fresh), fresh)


def test_a_step_of_attention_makes_each_fake_once():
    system = made("ugatit")
    calls = []
    for network in (system.generator, system.back):
        network.register_forward_hook(lambda *_: calls.append(1))
    stepped(system, both(32))
    assert len(calls) == 6  # two fakes, two identities, two cycles; the published order has eight
    calls.clear()
    parts = system.parts()
    system.parts = lambda: parts[:1]
    stepped(system, both(32))
    assert len(calls) == 2  # the fakes themselves


def test_shares_of_norms_stay_between_nothing_and_all():
    system = made("ugatit")
    shares = [p for key, p in system.named_parameters() if key.endswith("rho")]
    stepped(system, both(32), steps=3, plan=replace(PLAN, rate=0.5))
    assert all(p.min() >= 0 and p.max() <= 1 for p in shares)
    assert any(p.min() < p.max() for p in shares)


def test_attention_that_is_told_some_traits_or_none_still_learns():
    system = made("ugatit")
    examples = both(32)
    none = torch.zeros(2)
    unknown = replace(
        examples.photos, asked=replace(examples.photos.asked, gender=none, glasses=none)
    )
    told = stepped(system, Both(unknown, unknown))
    assert told["generator/traits"] == 0
    assert stepped(system, examples)["generator/traits"] > 0
    half = replace(examples.photos, asked=replace(examples.photos.asked, glasses=none))
    assert stepped(system, Both(half, half))["generator/traits"] > 0


def test_styles_change_the_drawing_and_an_example_tells_one():
    system = made("munit")
    photos = torch.rand(2, 3, 64, 64) * 2 - 1
    stepped(system, both(64), steps=4, plan=replace(PLAN, rate=1e-2))
    with torch.no_grad():
        first, second = system.views(photos)[:2]
        assert (first - second).abs().mean() > 1e-4
        torch.testing.assert_close(first, system.translate(photos))
        assert system.drawing_style(photos).shape == (2, system.settings.style)


def test_the_readme_teaches_a_system_that_learns():
    readme = Path(pix2pix.trainer.__file__).with_name("README.md").read_text("utf-8")
    [block] = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    names = vars(cyclegan) | {"encoder": encoder, "decoder": decoder}
    exec("from __future__ import annotations\n" + textwrap.dedent(block), names)
    torch.manual_seed(0)
    system = names["Plain"](SimpleNamespace(width=8))
    before = {key: value.clone() for key, value in system.named_parameters()}
    stepped(system, both(32))
    assert any(not torch.equal(before[key], value) for key, value in system.named_parameters())


@pytest.mark.slow
@pytest.mark.parametrize("name", OURS)
def test_it_learns_what_eight_photos_and_drawings_have_apart(name):
    """Drawings are bluer and photos less so: drawn photos must become bluer and keep the rest."""
    system = made(name, side=64, shaken=())
    side = system.settings.side
    plan = Plan(steps=80, batch=8, rate=2e-3)
    examples = Both(*(batch(bank(side, drawn), torch.arange(8), STILL) for drawn in (False, True)))
    stepped(system, examples, plan.steps, plan)
    photos = examples.photos.pictures
    with torch.no_grad():
        drawn = system.eval().translate(photos)
    blue = examples.drawings.pictures[:, 2].mean()
    assert (drawn[:, 2].mean() - blue).abs() < (photos[:, 2].mean() - blue).abs() / 2
