"""The teacher `classical`: segments by background difference and edges, with OpenCV and without weights.

It does not read the phrase: it takes every object on a plain background.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from training.student.arrays import Pixels
from training.student.errors import BadInput
from training.teacher import background, contours, ellipses
from training.teacher.phrases import Phrase
from training.teacher.protocol import Decision, Findings, Instance, Settings
from training.teacher.region import Region, clean_region, connected_components
from training.teacher.tuning import Choice, Range

Share = Annotated[float, Field(ge=0, le=1)]
Natural = Annotated[int, Field(ge=0)]
Amount = Annotated[float, Field(ge=0)]


class Options(Settings):
    """Lengths are pixels of the photo resized to `side`, unless they are shares."""

    decide_only: ClassVar[frozenset[str]] = frozenset({"support", "covered", "open", "close", "hole", "least", "frame"})

    # Read by `look`: preparation and edges.
    side: Annotated[int, Field(ge=64, le=2048)] = 400
    """Longer side of the photo that is analysed, in pixels."""
    stretch: Annotated[float, Field(ge=0, lt=50), Range(0, 5)] = 1.0
    """Percent of pixels to clip at either end when the brightness is stretched to full contrast."""
    even: Annotated[Share, Range(0, 1)] = 0.0
    """Share of slow brightness changes to remove."""
    clahe: Annotated[Amount, Range(0, 4)] = 0.0
    """Clip limit of the contrast-limited adaptive histogram equalisation (CLAHE); 0 leaves it out."""
    sharpen: Annotated[Amount, Range(0, 2)] = 0.0
    """Weight of the unsharp mask."""
    blur: Annotated[Amount, Range(0.5, 3)] = 1.2
    """Standard deviation of the Gaussian blur before edge detection."""
    canny: Annotated[float, Field(gt=0), Range(30, 400, log=True)] = 150.0
    """Upper threshold of the Canny edge detector; the lower is 0.4 of it."""
    bridge: Annotated[Natural, Range(0, 12)] = 5
    """Largest gap in an outline that is closed before it is filled."""

    # Read by `look`: background difference.
    darkness: Annotated[Share, Range(0, 1)] = 0.8
    """Weight of lightness relative to colour; lower values ignore shadows."""
    otsu: Annotated[Amount, Range(0.5, 1.6)] = 1.0
    """Threshold on the distance from the background colour, as a multiple of Otsu's threshold."""
    contrast: Annotated[Amount, Range(2, 25)] = 8.0
    """Lower bound of that threshold, in CIELAB units, so that an empty background stays empty."""
    evidence: Annotated[Literal["ground", "edges", "either", "both"], Choice(("ground", "edges", "either", "both"))] = (
        "both"
    )
    """What counts as an object: a difference from the background, a closed outline, either, or both."""

    # Read by `look`: round objects.
    shape: Literal["any", "ellipse"] = "any"
    """`ellipse`: keep only round objects, draw them as ellipses, and separate those that touch."""
    radius: tuple[Share, Share] = (0.02, 0.4)
    """Smallest and largest radius, as a share of the longer side."""
    gradient: Annotated[float, Field(gt=0), Range(80, 500, log=True)] = 300.0
    """Upper edge threshold of the Hough transform."""
    roundness: Annotated[float, Field(gt=0, lt=1), Range(0.5, 0.95)] = 0.75
    """How round an object must be for the Hough transform (`param2` of HOUGH_GRADIENT_ALT)."""
    reach: Annotated[Share, Range(0, 0.25)] = 0.1
    """How far a rim may move to fit edges, as a share of the radius."""
    slack: Annotated[Amount, Range(1, 4)] = 2.0
    """Largest distance from rim to edge that still counts as on the edge."""

    # Read by `decide` alone.
    support: Annotated[Share, Range(0, 0.9)] = 0.4
    """Least share of an ellipse's rim on edges."""
    covered: Annotated[Share, Range(0, 1)] = 0.5
    """Least share of an ellipse's area that differs from the background."""
    open: Annotated[Natural, Range(0, 15)] = 5
    """Size of the ellipse for the morphological open; thinner objects vanish."""
    close: Annotated[Natural, Range(0, 15)] = 0
    """Size of the ellipse for the morphological close, which comes before the open."""
    hole: Annotated[Share, Range(1e-3, 0.3, log=True)] = 0.01
    """Holes smaller than this share of the mask's area are filled."""
    least: Annotated[Share, Range(1e-4, 0.02, log=True)] = 0.002
    """Objects smaller than this share of the photo are dropped."""
    frame: Annotated[Share, Range(0.05, 1)] = 0.5
    """Objects with a larger share of their outline on the photo's frame are dropped."""


class Classical:
    """See `training.teacher.protocol.Teacher`."""

    name = "classical"

    def __init__(self, options: Options, phrases: tuple[Phrase, ...]) -> None:
        """Take one phrase, which only names the class.

        Raises:
            BadInput: There are several phrases.
        """
        if len(phrases) != 1:
            raise BadInput(f"the classical teacher reads no phrases and cannot tell {len(phrases)} apart; give it one")
        self.settings = options
        self.phrases = phrases

    @property
    def weights(self) -> Mapping[str, str]:
        """It has no weights."""
        return {}

    def look(self, photos: Sequence[Pixels]) -> list[Findings]:
        """Background difference and edges; or, for `shape=ellipse`, ellipses with their evidence."""
        return [self._look(photo) for photo in photos]

    def _look(self, photo: Pixels) -> Findings:
        options = self.settings
        small = contours.shrink(photo, options.side)
        grey = contours.prepare(small, **options.model_dump(include={"even", "stretch", "clahe", "sharpen", "blur"}))
        edges = contours.canny_edges(grey, canny=options.canny)
        region = background.foreground(small, darkness=options.darkness, otsu=options.otsu, contrast=options.contrast)
        arrays: dict[str, NDArray[Any]] = {"small": np.array(small.shape[:2], np.int32)}
        if options.shape == "ellipse":
            radii = (options.radius[0] * options.side, options.radius[1] * options.side)
            shapes = ellipses.propose_ellipses(
                grey, region, radii=radii, gradient=options.gradient, roundness=options.roundness
            )
            arrays["shapes"] = ellipses.fit_to_edges(shapes, grey, reach=options.reach)
            arrays["support"], arrays["covered"] = ellipses.edge_and_area_support(
                arrays["shapes"], edges, region, slack=options.slack
            )
        else:
            arrays["things"] = np.packbits(self._objects(region, edges), axis=1)
            arrays["edges"] = np.packbits(edges, axis=1)
        return Findings((photo.shape[0], photo.shape[1]), arrays)

    def _objects(self, region: Pixels, edges: Pixels) -> Pixels:
        evidence = self.settings.evidence
        if evidence == "ground":
            return region
        enclosed = contours.fill_outlines(edges, bridge=self.settings.bridge)
        return {"edges": enclosed, "either": enclosed | region, "both": enclosed & region}[evidence]

    def decide(self, findings: Findings) -> Decision:
        """The mask, at the photo's size."""
        return self._round(findings) if self.settings.shape == "ellipse" else self._any(findings)

    def _round(self, findings: Findings) -> Decision:
        options, arrays = self.settings, findings.arrays
        rows, columns = findings.size
        shapes = ellipses.scale_ellipses(arrays["shapes"], np.array((columns, rows)) / arrays["small"][::-1])
        support, covered = arrays["support"], arrays["covered"]
        areas = np.pi * shapes[:, 2] * shapes[:, 3]
        fits = (support >= options.support) & (covered >= options.covered) & (areas >= options.least * rows * columns)
        mask = np.zeros(findings.size, np.uint8)
        instances = []
        for index in ellipses.drop_overlapping(shapes, np.where(fits, support * covered, 0)):
            ellipses.fill_ellipse(mask, shapes[index])
            instances.append(
                Instance(0, ellipses.bounding_box(shapes[index]), None, float(support[index] * covered[index]))
            )
        return _decision(mask, instances)

    def _any(self, findings: Findings) -> Decision:
        options, arrays = self.settings, findings.arrays
        rows, columns = arrays["small"].tolist()
        objects, edges = (np.unpackbits(arrays[name], axis=1, count=columns) for name in ("things", "edges"))
        objects = contours.close_and_open(objects, close=options.close, open=options.open)
        least = options.least * rows * columns
        whole = Region.from_mask(objects > 0)
        whole = clean_region(whole, fragment=min(least / max(whole.area, 1), 1), hole=options.hole)
        near = cv2.dilate(edges, contours.disc_kernel(2 * round(options.slack) + 1)) > 0
        frame = contours.boundary(np.ones_like(objects)) > 0
        scale = np.array((findings.size[1] / columns, findings.size[0] / rows))
        kept = np.zeros((rows, columns), np.uint8)
        instances = []
        for component in connected_components(whole):
            alone = np.zeros_like(objects)
            component.paint(alone, 1)
            rim = contours.boundary(alone) > 0
            # `clean_region` always keeps the largest component, whatever its size.
            if component.area >= least and frame[rim].mean() <= options.frame:
                component.paint(kept, 1)
                left, top, right, bottom = (np.reshape(component.box, (2, 2)) * scale).reshape(-1).tolist()
                instances.append(Instance(0, (left, top, right, bottom), None, float(near[rim].mean())))
        soft = cv2.resize(kept.astype(np.float32), findings.size[::-1], interpolation=cv2.INTER_LINEAR)
        return _decision((soft > 0.5).astype(np.uint8), instances)


def _decision(mask: Pixels, instances: list[Instance]) -> Decision:
    scores = [instance.mask_score for instance in instances if instance.mask_score is not None]
    return Decision(mask, tuple(instances), float(np.mean(scores)) if scores else None)


def build(options: Options, phrases: tuple[Phrase, ...], weights: str | None, device: str) -> Classical:
    """Make the teacher. It has no weights, and runs on the CPU whatever the device.

    Raises:
        BadInput: Weights were given, or there are several phrases.
    """
    if weights is not None:
        raise BadInput(f"the classical teacher has no weights, found {weights}; leave them out")
    return Classical(options, phrases)
