"""The classical teacher: what differs from the ground or is outlined by edges, with OpenCV alone and no weights.

It reads no phrase: it takes what lies on a plain ground for what was asked for.
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
    """Lengths are pixels of the photo shrunk to `side`, unless they are shares."""

    decide_only: ClassVar[frozenset[str]] = frozenset({"support", "covered", "open", "close", "hole", "least", "frame"})

    # What it looks at.
    side: Annotated[int, Field(ge=64, le=2048)] = 400
    """Longer side of the photo that is looked at."""
    stretch: Annotated[float, Field(ge=0, lt=50), Range(0, 5)] = 1.0
    """Percent of pixels at either end that a stretch of the brightness may clip."""
    even: Annotated[Share, Range(0, 1)] = 0.0
    """How much of the slow changes of brightness is taken away."""
    clahe: Annotated[Amount, Range(0, 4)] = 0.0
    """Clip limit of the contrast-limited histogram equalisation; 0 leaves it out."""
    sharpen: Annotated[Amount, Range(0, 2)] = 0.0
    """Weight of the unsharp mask."""
    blur: Annotated[Amount, Range(0.5, 3)] = 1.2
    """Standard deviation of the Gaussian before edges are sought."""
    canny: Annotated[float, Field(gt=0), Range(30, 400, log=True)] = 150.0
    """Upper threshold of Canny's edges; the lower is 0.4 of it."""
    bridge: Annotated[Natural, Range(0, 12)] = 5
    """Gaps in an outline that are closed before it is filled."""

    # What differs from the ground.
    darkness: Annotated[Share, Range(0, 1)] = 0.8
    """What lightness counts beside colour: the less, the less shadows count."""
    otsu: Annotated[Amount, Range(0.5, 1.6)] = 1.0
    """Threshold on the distance from the ground, as a share of Otsu's."""
    contrast: Annotated[Amount, Range(2, 25)] = 8.0
    """The least such threshold, in CIELAB units: a bare ground shows nothing."""
    evidence: Annotated[Literal["ground", "edges", "either", "both"], Choice(("ground", "edges", "either", "both"))] = (
        "both"
    )
    """What makes a thing: a difference from the ground, a closed outline, either, or both."""

    # Round things.
    shape: Literal["any", "ellipse"] = "any"
    """`ellipse`: only what is round is kept, and drawn as such; things that touch come apart."""
    radius: tuple[Share, Share] = (0.02, 0.4)
    """Least and most, as a share of the longer side."""
    gradient: Annotated[float, Field(gt=0), Range(80, 500, log=True)] = 300.0
    """Upper edge threshold of the Hough transform."""
    roundness: Annotated[float, Field(gt=0, lt=1), Range(0.5, 0.95)] = 0.75
    """How perfect a circle must be for the Hough transform."""
    reach: Annotated[Share, Range(0, 0.25)] = 0.1
    """How far a rim may move to fit edges, as a share of the radius."""
    slack: Annotated[Amount, Range(1, 4)] = 2.0
    """How far a rim may be off an edge and still count as supported."""

    # What it decides.
    support: Annotated[Share, Range(0, 0.9)] = 0.4
    """Least share of an ellipse's rim that lies on edges."""
    covered: Annotated[Share, Range(0, 1)] = 0.5
    """Least share of an ellipse that differs from the ground."""
    open: Annotated[Natural, Range(0, 15)] = 5
    """Side of the ellipse that opens the mask; thinner things vanish."""
    close: Annotated[Natural, Range(0, 15)] = 0
    """Side of the ellipse that closes it, before."""
    hole: Annotated[Share, Range(1e-3, 0.3, log=True)] = 0.01
    """Smaller holes are filled, as a share of all that was found."""
    least: Annotated[Share, Range(1e-4, 0.02, log=True)] = 0.002
    """Smaller things are dropped, as a share of the photo."""
    frame: Annotated[Share, Range(0.05, 1)] = 0.5
    """Things with a larger share of their outline on the photo's frame are dropped."""


class Classical:
    """Stateless but for its options."""

    name = "classical"

    def __init__(self, options: Options, phrases: tuple[Phrase, ...]) -> None:
        """One phrase, which names the class.

        Raises:
            BadInput: There are several.
        """
        if len(phrases) != 1:
            raise BadInput(f"the classical teacher reads no phrases and cannot tell {len(phrases)} apart; give it one")
        self.settings = options
        self.phrases = phrases

    @property
    def weights(self) -> Mapping[str, str]:
        """None."""
        return {}

    def look(self, photos: Sequence[Pixels]) -> list[Findings]:
        """What differs from the ground, edges, and round things with what speaks for them."""
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
            arrays["things"] = np.packbits(self._things(region, edges), axis=1)
            arrays["edges"] = np.packbits(edges, axis=1)
        return Findings((photo.shape[0], photo.shape[1]), arrays)

    def _things(self, region: Pixels, edges: Pixels) -> Pixels:
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
        things, edges = (np.unpackbits(arrays[name], axis=1, count=columns) for name in ("things", "edges"))
        things = contours.close_and_open(things, close=options.close, open=options.open)
        least = options.least * rows * columns
        whole = Region.from_mask(things > 0)
        whole = clean_region(whole, fragment=min(least / max(whole.area, 1), 1), hole=options.hole)
        near = cv2.dilate(edges, contours.disc_kernel(2 * round(options.slack) + 1)) > 0
        frame = contours.boundary(np.ones_like(things)) > 0
        scale = np.array((findings.size[1] / columns, findings.size[0] / rows))
        kept = np.zeros((rows, columns), np.uint8)
        instances = []
        for thing in connected_components(whole):
            alone = np.zeros_like(things)
            thing.paint(alone, 1)
            rim = contours.boundary(alone) > 0
            # The largest survives any cleaning, whatever its size.
            if thing.area >= least and frame[rim].mean() <= options.frame:
                thing.paint(kept, 1)
                left, top, right, bottom = (np.reshape(thing.box, (2, 2)) * scale).reshape(-1).tolist()
                instances.append(Instance(0, (left, top, right, bottom), None, float(near[rim].mean())))
        soft = cv2.resize(kept.astype(np.float32), findings.size[::-1], interpolation=cv2.INTER_LINEAR)
        return _decision((soft > 0.5).astype(np.uint8), instances)


def _decision(mask: Pixels, instances: list[Instance]) -> Decision:
    scores = [instance.mask_score for instance in instances if instance.mask_score is not None]
    return Decision(mask, tuple(instances), float(np.mean(scores)) if scores else None)


def build(options: Options, phrases: tuple[Phrase, ...], weights: str | None, device: str) -> Classical:
    """The teacher; it has no weights, and runs on the CPU whatever the device.

    Raises:
        BadInput: Weights were named, or there are several phrases.
    """
    if weights is not None:
        raise BadInput(f"the classical teacher has no weights, found {weights}; leave them out")
    return Classical(options, phrases)
