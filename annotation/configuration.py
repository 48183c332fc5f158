"""The labelling page: Label Studio's configuration, made from the project's own words.

Its tags are what `annotation.regions` sends and `annotation.answers` reads.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from html import escape
from xml.etree import ElementTree

from data.errors import InputError
from data.face import lab_of
from data.landmarks import PARTS

PART_COLOURS = {
    "jaw": "#3B82F6",
    "left_brow": "#A855F7",
    "right_brow": "#A855F7",
    "nose_bridge": "#F59E0B",
    "nose_base": "#F97316",
    "left_eye": "#10B981",
    "right_eye": "#10B981",
    "outer_lips": "#EF4444",
    "inner_lips": "#EC4899",
}
# Part of the face -> (palette, words above its choices). Left is the picture's.
COLOURED = {
    "hair": ("hair", "Hair"),
    "left_eye": ("eyes", "Eye on the picture's left"),
    "right_eye": ("eyes", "Eye on the picture's right"),
    "skin": ("skin", "Skin"),
    "hair_second": ("hair", "Second hair colour"),
}
NOT_A_FACE = "not a face"


@dataclass(frozen=True, slots=True)
class Words:
    """The names of colours a person chooses from, each with its sRGB hex."""

    hair: dict[str, str]
    eyes: dict[str, str]
    skin: dict[str, str]

    def of(self, part: str) -> dict[str, str]:
        """Names and hexes for a part of `COLOURED`."""
        names: dict[str, str] = getattr(self, COLOURED[part][0])
        return names

    def nearest(self, part: str, hex_colour: str) -> str:
        """The name whose colour is nearest in CIELAB."""
        lab = lab_of(hex_colour)
        names = self.of(part)
        return min(names, key=lambda name: float(((lab_of(names[name]) - lab) ** 2).sum()))


def contour_tag(part: str) -> str:
    """Name of the tag whose contours have as many points as this part."""
    points, _ = PARTS[part]
    return f"contour{points.stop - points.start}"


def configuration(words: Words) -> str:
    """XML of the labelling page: the picture, and beside it what can be said of a face.

    Zoomed to "fit", Label Studio 1.23 forgets its toolbar and cuts a picture's edges off.
    """
    by_tag: dict[str, list[str]] = defaultdict(list)
    for part in PARTS:
        by_tag[contour_tag(part)].append(part)
    contours = "\n".join(_contours(tag, parts) for tag, parts in by_tag.items())
    attributes = "\n".join(_colour(part, words) for part in COLOURED)
    return f"""\
<View style="display:flex;flex-direction:row-reverse;align-items:flex-start">
  <View style="flex:0 0 270px;padding-left:8px;max-height:88vh;overflow:auto;position:sticky;top:0">
    <RectangleLabels name="face" toName="image" strokeWidth="2" fillOpacity="0" smart="true">
      <Label value="face" background="#22D3EE" hotkey="f"/>
    </RectangleLabels>
    <PolygonLabels name="hair_outline" toName="image" strokeWidth="2" opacity="0.25">
      <Label value="hair" background="#8B5CF6" hotkey="h"/>
    </PolygonLabels>
    <Collapse><Panel value="Draw a missing contour">
{contours}
    </Panel></Collapse>
    <View visibleWhen="region-selected" whenTagName="face">
{_choices("verdict", "", [_choice(NOT_A_FACE)])}
{_choices("gender", "Gender", [_choice("female"), _choice("male")])}
{_choices("glasses", "Glasses", [_choice("yes"), _choice("no")])}
{attributes}
{_text("hidden", "Hidden points", "0-4,36")}
    </View>
  </View>
  <View style="flex:1 1 auto;min-width:0">
    <Image name="image" value="$image" zoom="true" zoomControl="true" rotateControl="false"
      brightnessControl="true" contrastControl="true" smoothing="true" defaultZoom="auto"
      crosshair="false"/>
  </View>
</View>
"""


def tags(xml: str) -> set[str]:
    """Names of the tags of a configuration; what it does not ask, nobody has denied.

    Raises InputError when it is no XML.
    """
    try:
        root = ElementTree.fromstring(xml)
    except ElementTree.ParseError as error:
        raise InputError(
            f"the project's labelling configuration is no XML ({error}); "
            "make it anew with toolkit label setup"
        ) from None
    return {name for element in root.iter() if (name := element.get("name"))}


def _contours(tag: str, parts: list[str]) -> str:
    count = tag.removeprefix("contour")
    labels = "".join(f'<Label value="{part}" background="{PART_COLOURS[part]}"/>' for part in parts)
    return (
        f'      <VectorLabels name="{tag}" toName="image" closable="false" curves="false" '
        f'minPoints="{count}" maxPoints="{count}" strokeWidth="1" opacity="1" '
        f'pointsizeenabled="4" pointsizedisabled="2">{labels}</VectorLabels>'
    )


def _colour(part: str, words: Words) -> str:
    _, heading = COLOURED[part]
    choices = [_choice(name, colour) for name, colour in words.of(part).items()]
    return _choices(part, heading, choices) + "\n" + _text(f"{part}_hex", "", "#rrggbb")


def _choices(name: str, heading: str, choices: list[str]) -> str:
    return (
        _heading(heading) + f'      <Choices name="{name}" toName="image" perRegion="true" '
        'whenTagName="face" choice="single-radio" showInline="true" allowNested="false">'
        + "".join(choices)
        + "</Choices>"
    )


def _choice(value: str, colour: str | None = None) -> str:
    if colour is None:
        return f'<Choice value="{escape(value)}"/>'
    swatch = (
        "<span style='display:inline-block;width:12px;height:12px;border:1px solid #888;"
        f"background:{colour}'></span> {escape(value)}"
    )
    return f'<Choice value="{escape(value)}" html="{escape(swatch)}"/>'


def _text(name: str, heading: str, placeholder: str) -> str:
    return (
        _heading(heading) + f'      <TextArea name="{name}" toName="image" perRegion="true" '
        'whenTagName="face" maxSubmissions="1" editable="true" rows="1" '
        f'placeholder="{placeholder}"/>'
    )


def _heading(words: str) -> str:
    return f'      <Header value="{escape(words)}" size="6"/>\n' if words else ""
