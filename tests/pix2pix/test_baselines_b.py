from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file

from data.condition import Asked
from data.errors import InputError
from data.pairs import Bank, Crop
from pix2pix import checkpoint
from pix2pix.augment import STILL, Vary, batch
from pix2pix.baselines import (
    cartoongan,
    cartoongan_mask,
    features,
    fusiongan,
    latent_skip,
    latent_sweep,
    style_transfer,
    xgan,
)
from pix2pix.baselines.blocks import Kept, reversed_gradient
from pix2pix.baselines.style_transfer import Style, gram, transferred
from pix2pix.networks import parameters
from pix2pix.trainer import Plan, Teaching, adam, step_of, train
from pix2pix.unpaired import Both

SIDE = 32
PLAN = Plan(steps=6, batch=4, kept=2, looked=6)


def layers(pictures):
    """Features of our own, of a network that has learnt nothing."""
    pooled = [torch.nn.functional.avg_pool2d(pictures, 2**level) for level in (1, 3, 4)]
    return [torch.cat([one, one.abs(), one.square()], 1) for one in pooled]


SYSTEMS = {
    "fusiongan": lambda: fusiongan.FusionGAN(
        fusiongan.Settings(side=SIDE, width=8, judge_width=8, patch=2)
    ),
    "xgan": lambda: xgan.XGAN(
        xgan.Settings(side=SIDE, width=8, judge_width=8, code=64, meaning=0.05)
    ),
    "cartoongan": lambda: cartoongan.CartoonGAN(
        cartoongan.Settings(side=SIDE, width=8, judge_width=8, blocks=2, initial=3), layers
    ),
    "cartoongan_mask": lambda: cartoongan_mask.MaskedCartoonGAN(
        cartoongan_mask.Settings(
            side=SIDE, width=8, judge_width=8, blocks=2, mask_width=8, initial=2, masking=2
        ),
        layers,
    ),
    "latent_skip": lambda: latent_skip.LatentSkip(
        latent_skip.Settings(side=SIDE, width=8, judge_width=8, latent=16)
    ),
    "style_transfer": lambda: style_transfer.StyleTransfer(
        style_transfer.Settings(side=SIDE, steps=5, styles=2), layers
    ),
}
LEARNING = [name for name in SYSTEMS if name != "style_transfer"]


def system(name, seed=0):
    torch.manual_seed(seed)
    return SYSTEMS[name]()


def faces(tint, seed, count=8):
    """A bank of ovals in shades of a colour, drawings with a dark outline, and what they are."""
    random = torch.Generator().manual_seed(seed)
    wide = round(SIDE * 1.15 / 2) * 2
    points = torch.rand(count, 68, 2, generator=random) * 0.5 + 0.25
    shades = torch.rand(count, 2, 1, generator=random) * 0.4
    back, skin = (
        torch.tensor(tint) * (0.6 - shades[:, 0]),
        torch.tensor(tint) * (1 - shades[:, 1]),
    )
    y, x = torch.meshgrid(*[torch.linspace(-1, 1, wide)] * 2, indexing="ij")
    far = ((x / 0.5) ** 2 + (y / 0.6) ** 2).sqrt()
    oval, rim = (far < 1).float(), (far - 1).abs() < 0.12
    pictures = back[..., None, None] * (1 - oval) + skin[..., None, None] * oval
    if tint[0] > tint[2]:
        pictures[..., rim] = 0
    none = torch.zeros(count)
    colours = [torch.rand(count, 3, generator=random) for _ in range(3)]
    crop = torch.nn.functional.interpolate(oval[None, None], (64, 64), mode="bilinear")[:, 0]
    asked = Asked(points, torch.ones(count, 68), *colours, none, none, crop.repeat(count, 1, 1))
    names = [str(number) for number in range(count)]
    inside = torch.ones(count, 1, wide, wide, dtype=torch.uint8)
    return Bank(Crop(SIDE), (pictures * 255).byte(), inside, asked, names, names)


PHOTOS, DRAWINGS = faces((0.4, 0.6, 1.0), 1), faces((1.0, 0.7, 0.4), 2)


def both(step, count=4, vary=None):
    random = torch.Generator().manual_seed(step)
    return Both(*[
        batch(bank, torch.randperm(len(bank), generator=random)[:count], vary or Vary(), random)
        for bank in (PHOTOS, DRAWINGS)
    ])  # fmt: skip


def optimisers(made, plan=PLAN):
    return {part.name: adam(part, plan) for part in made.parts()}


def changed(made, before):
    """Names of the networks that are not as they were."""
    now = made.state_dict()
    return {key.split(".")[0] for key in now if not torch.equal(now[key], before[key])}


def copied(made):
    return {key: value.clone() for key, value in made.state_dict().items()}


@pytest.mark.parametrize(
    ("name", "step", "learning"),
    [
        ("fusiongan", 1, {"generator", "judge"}),
        ("xgan", 0, {"generator", "judge", "guesser", "denoiser"}),
        ("cartoongan", 2, {"generator"}),
        ("cartoongan", 3, {"generator", "judge"}),
        ("cartoongan_mask", 1, {"generator"}),
        ("cartoongan_mask", 2, {"mask"}),
        ("cartoongan_mask", 3, {"mask"}),
        ("cartoongan_mask", 4, {"generator", "judge"}),
        ("latent_skip", 0, {"generator", "judge", "skip_judges", "guesser"}),
        ("style_transfer", 0, {"generator"}),  # the styles it keeps
        ("style_transfer", 1, set()),
    ],
)
def test_a_step_changes_the_networks_of_its_phase_and_no_others(name, step, learning):
    made = system(name)
    before = copied(made)
    step_of(made, optimisers(made), both(0), PLAN, step)
    assert changed(made, before) == learning


@pytest.mark.parametrize("name", LEARNING)
def test_a_part_changes_only_its_own_networks(name):
    for part in system(name).parts():
        made = system(name)
        own = {
            key
            for key, network in made.named_children()
            if any(network is one for twin in made.parts() for one in twin.networks
                   if twin.name == part.name)
        }  # fmt: skip
        every = optimisers(made)
        for other, optimiser in every.items():
            if other != part.name:
                optimiser.step = lambda *_: None
        for step in (1, 3, 5):
            before = {key: value.clone() for key, value in made.named_parameters()}
            step_of(made, every, both(step), PLAN, step)
            now = dict(made.named_parameters())
            moved = {key.split(".")[0] for key in now if not torch.equal(now[key], before[key])}
            assert moved <= own, (part.name, step)


@pytest.mark.parametrize("stop", [3, 5])
@pytest.mark.parametrize("name", SYSTEMS)
def test_a_stopped_run_goes_on_to_the_same_weights_across_phases(tmp_path, name, stop):
    train(name, system(name), Teaching(both), PLAN, tmp_path / "whole")

    class StopError(Exception):
        pass

    def stopping(step):
        if step == stop:
            raise StopError
        return both(step)

    with pytest.raises(StopError):
        train(name, system(name), Teaching(stopping), PLAN, tmp_path / "twice")
    train(name, system(name, seed=9), Teaching(both), PLAN, tmp_path / "twice")
    one, other = (
        checkpoint.load(tmp_path / run / "state.safetensors")[1] for run in ("whole", "twice")
    )
    assert one.keys() == other.keys()
    assert all(torch.equal(one[key], other[key]) for key in one)


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_checkpoints_averages_translate_photos_alone(tmp_path, name):
    trained = train(name, system(name), Teaching(both), PLAN, tmp_path)
    _, weights = checkpoint.averaged(tmp_path / "state.safetensors")
    again = system(name, seed=5).eval()
    for network in again.averaged:
        getattr(again, network).load_state_dict(checkpoint.under(weights, f"{network}."))
    photos = both(1, 2).photos.pictures
    with torch.inference_mode():
        drawn = again.translate(photos)
        torch.testing.assert_close(drawn, trained.translate(photos))
    assert drawn.shape == photos.shape
    assert drawn.abs().max() <= 1


def test_networks_have_the_published_numbers_of_parameters():
    paper = cartoongan.CartoonGAN(cartoongan.PRESETS["paper"][0])
    assert round(parameters(paper.generator) / 1e6, 2) == 11.12
    assert round(parameters(paper.judge) / 1e6, 2) == 1.13
    cross = xgan.XGAN(xgan.PRESETS["paper"][0])
    assert round(parameters(cross.generator) / 1e6, 1) == 14.9
    assert round(parameters(features.VGG19(("conv4_4",))) / 1e6, 1) == 10.6


def test_a_reversed_gradient_has_the_other_sign():
    x = torch.randn(3, requires_grad=True)
    (reversed_gradient(x) * torch.tensor([1.0, -2, 3])).sum().backward()
    assert torch.equal(x.grad, torch.tensor([-1.0, 2, -3]))


@pytest.mark.parametrize(("name", "loss"), [("xgan", "domain"), ("latent_skip", "confused")])
def test_what_lowers_the_domain_loss_for_the_guesser_raises_it_for_the_encoder(name, loss):
    made = system(name).eval()
    examples = both(0)
    generator = next(part for part in made.parts() if part.name == "generator")

    def told():
        torch.manual_seed(0)
        return generator.losses(examples, made.made(examples))[loss]

    def after(network):
        networks = {"encoder": made.generator, "guesser": made.guesser}
        learnt = list(networks[network].parameters())
        gradients = torch.autograd.grad(told(), learnt, allow_unused=True)
        with torch.no_grad():
            for p, gradient in zip(learnt, gradients, strict=True):
                p -= 0 if gradient is None else 1e-3 * gradient
            changed = told()
            for p, gradient in zip(learnt, gradients, strict=True):
                p += 0 if gradient is None else 1e-3 * gradient
        return float(changed)

    before = float(told().detach())
    assert after("guesser") < before
    assert after("encoder") > before


def test_min_patch_is_the_worst_answer_of_every_patch():
    answers = torch.arange(16.0).view(1, 1, 4, 4)
    assert fusiongan.min_patch(answers, 2).flatten().tolist() == [0, 2, 8, 10]
    assert fusiongan.min_patch(answers, 8).item() == 0


def test_one_bad_patch_is_all_that_the_min_patch_generator_is_taught_by():
    answers = torch.ones(1, 1, 4, 4, requires_grad=True)
    with torch.no_grad():
        answers[0, 0, 1, 2] = -1
    (fusiongan.min_patch(answers, 4) - 1).square().sum().backward()
    assert answers.grad.nonzero().tolist() == [[0, 0, 1, 2]]


def test_the_first_drawing_is_the_example_for_photos_alone():
    made = system("fusiongan")
    examples = both(0)
    step_of(made, optimisers(made), examples, PLAN, 0)
    step_of(made, optimisers(made), both(1), PLAN, 1)
    kept = made.generator.example()
    assert (kept[0] - examples.drawings.pictures[0]).abs().max() < 1 / 127


def test_kept_pictures_are_repeated_where_there_are_too_few():
    kept = Kept(3, 4)
    given = torch.rand(2, 3, 4, 4) * 2 - 1
    kept.keep(given)
    assert (kept() - given[[0, 1, 0]]).abs().max() < 1 / 127


def test_smoothing_alters_drawings_only_about_their_edges():
    drawings = both(0, vary=STILL).drawings.pictures
    blurred = cartoongan.smoothed(drawings)
    y, x = torch.meshgrid(*[(torch.arange(SIDE) + 0.5) / SIDE * 2 - 1] * 2, indexing="ij")
    share = SIDE / DRAWINGS.pictures.shape[3]
    far = ((x * share / 0.5) ** 2 + (y * share / 0.6) ** 2).sqrt()
    moved = (blurred != drawings).any(1).any(0)
    assert not moved[(far - 1).abs() > 0.7].any()
    assert moved[(far - 1).abs() < 0.1].all()
    outline = (far - 1).abs() < 0.05
    assert blurred[..., outline].mean() > drawings[..., outline].mean() + 0.1
    even = torch.full((1, 3, SIDE, SIDE), 0.3)
    assert torch.equal(cartoongan.smoothed(even), even)


class _Disc(torch.nn.Module):
    def forward(self, pictures):
        at = torch.linspace(-1, 1, pictures.shape[2])
        inside = at[:, None] ** 2 + at[None] ** 2 < 0.5
        return torch.where(inside, 20.0, -20.0).expand(len(pictures), 1, -1, -1)


def test_the_masked_discriminator_answers_the_same_whatever_the_background():
    made = system("cartoongan_mask")
    pictures = both(0).photos.pictures
    inside = _Disc()(pictures) > 0
    other = torch.where(inside, pictures, torch.rand_like(pictures) * 2 - 1)
    made.mask = _Disc()
    with torch.no_grad():
        one, two = made.judge(made.shown(pictures)), made.judge(made.shown(other))
        seen, differently = made.judge(pictures), made.judge(other)
    assert torch.equal(one, two)
    assert not torch.allclose(seen, differently)


def test_what_of_a_face_is_no_face_to_the_mask_is_missing_to_the_discriminator():
    made = system("cartoongan_mask")
    made.begin_step(4)

    class Blueness(torch.nn.Module):
        def forward(self, pictures):
            return 8 * (pictures[:, 2:] - pictures[:, :1])

    made.mask = Blueness()
    pictures = torch.zeros(1, 3, SIDE, SIDE)
    pictures[:, 2] = 0.6
    pictures[..., :16, 0] = 1.0  # a column that turned red
    pictures[..., :16, 2] = -1.0
    pictures.requires_grad_()
    shown = made.shown(pictures)
    assert torch.equal(shown[..., :16, 0], torch.ones(1, 3, 16))
    assert shown[0, 2, 20, 20] == pictures[0, 2, 20, 20]


def test_masks_are_not_asked_of_faces_without_a_foreground():
    made = system("cartoongan_mask")
    examples = both(0)
    asked = [replace(one.asked, foreground=None) for one in (examples.photos, examples.drawings)]
    bare = Both(*[
        replace(one, asked=asked)
        for one, asked in zip((examples.photos, examples.drawings), asked, strict=True)
    ])  # fmt: skip
    with pytest.raises(InputError, match="toolkit extract"):
        step_of(made, optimisers(made), bare, PLAN, 2)
    half = Both(bare.photos, examples.drawings)
    assert set(step_of(made, optimisers(made), half, PLAN, 2)) == {"mask/drawings"}


def test_two_pictures_of_a_set_are_needed_to_compare():
    made = system("fusiongan")
    with pytest.raises(InputError, match="--batch 2"):
        step_of(made, optimisers(made), both(0, 1), PLAN, 0)


def test_vgg19_is_read_from_the_users_file_in_both_formats(tmp_path):
    torch.manual_seed(0)
    network = features.VGG19(("conv1_2", "conv2_1"))
    weights = network.state_dict() | {"classifier.0.weight": torch.zeros(2)}
    assert set(network.state_dict()) == {
        f"features.{at}.{kind}" for at in (0, 2, 5) for kind in ("weight", "bias")
    }
    torch.save(weights, tmp_path / "vgg19.pth")
    save_file(weights, tmp_path / "vgg19.safetensors")
    pictures = torch.rand(1, 3, 32, 32) * 2 - 1
    for name in ("vgg19.pth", "vgg19.safetensors"):
        read = features.vgg19(("conv1_2", "conv2_1"), str(tmp_path / name))
        fine, coarse = read(pictures)
        torch.testing.assert_close(fine, network(pictures)[0])
        assert coarse.shape == (1, 128, 16, 16)
        assert not any(p.requires_grad for p in read.parameters())


def test_missing_wrong_or_pickled_vgg19_weights_are_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(InputError, match=r"no VGG-19 weights at .*vgg19-dcbb9e9d\.pth; put"):
        features.vgg19(("conv4_4",))
    torch.save({"other": torch.zeros(1)}, tmp_path / "a.pth")
    torch.save(print, tmp_path / "b.pth")
    (tmp_path / "c.pth").write_text("not weights")
    (tmp_path / "d.safetensors").write_text("not weights")
    for name in ("a.pth", "b.pth", "c.pth", "d.safetensors"):
        with pytest.raises(InputError, match="holds no weights of VGG-19"):
            features.vgg19(("conv4_4",), str(tmp_path / name))


def test_vgg19_is_only_needed_to_learn_not_to_translate(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    settings = cartoongan.Settings(side=SIDE, width=8, blocks=1, features="vgg19")
    made = cartoongan.CartoonGAN(settings)
    made.translate(both(0).photos.pictures)
    with pytest.raises(InputError, match="VGG-19"):
        step_of(made, optimisers(made), both(0), PLAN, 0)


QUICK = style_transfer.Settings(side=SIDE, steps=30, style=30.0, even=0.1)


def far(pictures, style):
    return sum(
        (gram(one) - gram(other)).square().mean()
        for one, other in zip(layers(pictures), layers(style), strict=True)
    )


@pytest.mark.parametrize("optimiser", style_transfer.OPTIMISERS)
def test_a_transferred_picture_has_the_styles_features_go_together(optimiser):
    examples = both(0, vary=STILL)
    photos, style = examples.photos.pictures[:2], examples.drawings.pictures[:1]
    settings = replace(QUICK, optimiser=optimiser, rate=0.1)
    made = transferred(photos, [Style(style)], layers, settings)
    assert far(made, style) < far(photos, style) / 5
    assert made.abs().max() <= 1


def test_a_style_counts_by_its_weight():
    examples = both(0, vary=STILL)
    photos = examples.photos.pictures[:1]
    one, other = (picture[None] for picture in (examples.drawings.pictures[0],
                                                -examples.drawings.pictures[1]))  # fmt: skip
    alone = transferred(photos, [Style(one)], layers, QUICK)
    nothing = transferred(photos, [Style(one, 2.0), Style(other, 0.0)], layers, QUICK)
    torch.testing.assert_close(alone, nothing)
    mixed = transferred(photos, [Style(one), Style(other)], layers, QUICK)
    assert far(alone, one) < far(mixed, one)
    assert far(mixed, other) < far(alone, other)


def test_the_background_stays_when_asked_and_has_no_part_in_a_foregrounds_style():
    examples = both(0, vary=STILL)
    photo, style = examples.photos.pictures[:1], examples.drawings.pictures[:1]
    where = (_Disc()(photo) > 0).float()
    made = transferred(photo, [Style(style)], layers, QUICK, where, keep_background=True)
    assert torch.equal(made * (1 - where), photo * (1 - where))
    assert (made - photo).abs().max() > 0.1
    noisy = torch.where(where > 0, style, torch.rand_like(style) * 2 - 1)
    inner = (torch.nn.functional.avg_pool2d(where, 2) == 1).float()
    one, other = (gram(layers(picture)[0], inner) for picture in (style, noisy))
    torch.testing.assert_close(one, other)


def test_a_sweep_trains_one_system_for_each_size_of_the_code(tmp_path):
    settings = system("latent_skip").settings
    plan = replace(PLAN, steps=2)
    told = latent_sweep.sweep(
        (4, 16), settings, plan, Teaching(both), tmp_path,
        lambda made: latent_sweep.scores(made, both(0, 8)),
    )  # fmt: skip
    assert set(told) == {4, 16}
    assert set(told[4]) == {"domain", "shape", "points"}
    about, _ = checkpoint.load(tmp_path / "latent4" / "state.safetensors")
    assert about["settings"]["latent"] == 4


def test_codes_that_tell_the_domain_are_told_apart_and_others_are_not():
    torch.manual_seed(0)
    photo = torch.arange(400) < 200
    codes = torch.randn(400, 5)
    assert 0.35 < latent_sweep.told_apart(codes, photo) < 0.65
    codes[photo] += 4
    assert latent_sweep.told_apart(codes, photo) > 0.99


def of_people(values, asked):
    """Mean of (N, 1 or 3, S, S) values over each picture's foreground."""
    where = torch.nn.functional.interpolate(asked.foreground[:, None], values.shape[2:])
    return (values.mean(1, keepdim=True) * where).sum((1, 2, 3)) / where.sum((1, 2, 3))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "steps", "rate"),
    [
        ("fusiongan", 40, 2e-3),
        ("xgan", 200, 1e-3),
        ("cartoongan", 150, 1e-3),
        ("cartoongan_mask", 200, 1e-3),
        ("latent_skip", 60, 2e-3),
    ],
)
def test_eight_blue_people_become_orange_as_the_eight_drawn_ones_are(name, steps, rate):
    made = system(name)
    plan = Plan(steps=steps, batch=8, rate=rate)
    if name.startswith("cartoongan"):  # what content is compared by sees no colours
        made._own = [lambda pictures: layers(pictures.mean(1, keepdim=True))]
        made.settings = replace(made.settings, initial=30, content=3.0, shaken=())
    if name == "cartoongan_mask":
        made.settings = replace(made.settings, masking=80)
    every, examples = optimisers(made, plan), both(0, 8, STILL)
    for step in range(steps):
        torch.manual_seed(step)
        step_of(made, every, examples, plan, step)
    made.eval()
    photos, drawings = (one.pictures for one in (examples.photos, examples.drawings))
    with torch.no_grad():
        drawn = made.translate(photos)
    asked, usual = examples.photos.asked, drawings.mean(0)
    redder = [of_people(one[:, :1] - one[:, 2:], asked) for one in (photos, drawn, drawings)]
    assert redder[0].max() < 0 < redder[2].min()
    assert redder[1].min() > 0.1
    before, after = (of_people((one - usual).abs(), asked) for one in (photos, drawn))
    assert after.mean() < before.mean() * 0.8
