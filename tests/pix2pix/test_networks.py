import torch

from data.condition import USUAL, count
from pix2pix.conditional import PAPER, Pix2Pix, Settings
from pix2pix.networks import PatchNet, ResizeNet, UNet, parameters


def test_the_papers_networks_have_the_papers_parameters():
    assert round(parameters(UNet(3, 256)) / 1e6, 2) == 54.41
    assert round(parameters(PatchNet(6, norm="batch")) / 1e6, 2) == 2.77
    paper = Pix2Pix(PAPER)
    more = count(USUAL) - 3  # channels of our condition beyond a picture's
    assert parameters(paper.generator) - parameters(UNet(3, 256)) == more * 64 * 16
    assert parameters(paper.judge) - parameters(PatchNet(6, norm="batch")) == more * 64 * 16


def test_a_patch_sees_seventy_pixels():
    net = PatchNet(3, 8, norm="none-of-these")
    pictures = torch.zeros(1, 3, 256, 256, requires_grad=True)
    for layer in net.layers:  # a judge whose answers depend on all it sees
        for part in layer.modules():
            if isinstance(part, torch.nn.Conv2d):
                torch.nn.init.constant_(part.weight, 0.01)
    plain = torch.nn.Sequential(*[_convolution(layer) for layer in net.layers], net.out)
    plain(pictures)[0, 0, 15, 15].backward()
    seen = (pictures.grad[0, 0] != 0).nonzero()
    assert (seen.max(0).values - seen.min(0).values + 1).tolist() == [70, 70]


def _convolution(layer):
    return next(part for part in layer.modules() if isinstance(part, torch.nn.Conv2d))


def test_a_colour_that_is_even_over_the_condition_changes_the_picture():
    torch.manual_seed(0)
    net = ResizeNet(4, 8).eval()
    lines = torch.randn(1, 1, 64, 64)
    red, blue = (
        torch.cat([lines, torch.tensor(rgb).view(1, 3, 1, 1).expand(1, 3, 64, 64)], 1)
        for rgb in ([1.0, -1, -1], [-1.0, -1, 1])
    )
    assert (net(red) - net(blue)).abs().mean() > 1e-3


def test_a_picture_does_not_depend_on_its_neighbours_in_the_batch():
    torch.manual_seed(0)
    system = Pix2Pix(Settings(side=64, width=8, judge_width=8)).eval()
    condition = torch.randn(3, count(USUAL), 64, 64)
    alone = torch.cat([system.generator(one[None]) for one in condition])
    torch.testing.assert_close(system.generator(condition), alone, atol=1e-5, rtol=1e-4)
