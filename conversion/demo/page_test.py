"""The page as people use it: served by the command, opened in a real browser, without access to other machines."""

import base64
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from conversion.apply.predictor import open_predictor
from conversion.demo.conftest import NAMES
from conversion.demo.models import STUDENT

# The server takes some seconds to start.
pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
SHOWN = "[...document.querySelectorAll('.card')].map(card => card.dataset.name)"
SAID = "document.querySelector('#cards').innerText"
FAULT = "document.querySelector('#fault').innerText"


@pytest.fixture(scope="module")
def address(run):
    """The page's address while it is served. Then the server is interrupted, and must end without a word."""
    with subprocess.Popen(
        [sys.executable, "-m", "conversion", "demo", str(run.folder), "--port", "0"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        first = process.stdout.readline()
        try:
            assert first.startswith("http://127.0.0.1:"), first + process.stdout.read()
            yield first.split()[0]
        finally:
            process.send_signal(signal.SIGINT)
            try:
                rest, _ = process.communicate(timeout=20)
            finally:
                process.kill()
    assert (process.returncode, rest) == (0, "")


@pytest.fixture
def gradient(tmp_path):
    """A photo whose red rises from left to right, so that a higher threshold takes columns away."""
    photo = np.zeros((72, 96, 3), np.uint8)
    photo[..., 0] = np.linspace(0, 255, 96).astype(np.uint8)
    Image.fromarray(photo).save(tmp_path / "gradient.png")
    return tmp_path / "gradient.png"


def give(browser, path):
    """What dropping or choosing a file does."""
    page = browser.call("DOM.getDocument", depth=-1)["root"]["nodeId"]
    node = browser.call("DOM.querySelector", nodeId=page, selector="#photo input[type=file]")["nodeId"]
    browser.call("DOM.setFileInputFiles", files=[str(path)], nodeId=node)


def choose(browser, name):
    browser.run(f"document.querySelector('#effect input[value={name}]').click()")


def foreground(browser, name):
    """How many pixels of a shown mask are white."""
    return browser.run(
        "(async () => { const card = [...document.querySelectorAll('.card')]"
        f".find(card => card.dataset.name == '{name}'), image = card?.querySelector('img');"
        "if (!image || !image.alt.startsWith('mask')) return null; await image.decode();"
        "const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight).getContext('2d');"
        "canvas.drawImage(image, 0, 0);"
        "const levels = canvas.getImageData(0, 0, image.naturalWidth, image.naturalHeight).data;"
        "return levels.filter((level, at) => at % 4 == 0 && level == 255).length })()"
    )


def faults(browser, address):
    """What went wrong in the page, and what it asked of any other machine."""
    found = [one for one in browser.complaints() if one.get("type") != "warning"]
    return found, [url for url in browser.requests() if not url.startswith((address, "blob:"))]


def test_a_photo_is_seen_by_every_artefact_and_drawn_anew_as_told(address, run, browser, gradient):
    browser.open(address)
    assert browser.run("document.querySelector('h1').innerText") == "bright <i>run"
    assert "tflite-int8: " in browser.run("document.querySelector('header').innerText")

    give(browser, gradient)

    browser.wait(lambda: browser.run(SHOWN) == [STUDENT, *NAMES], 30)
    said = browser.run(SAID)
    assert said.count(" ms ") == 4
    assert "Photo 72 × 96 (rows × columns)" in said
    assert "Core ML's time is that of our own executor" in said
    gates = browser.run("[...document.querySelectorAll('.gate')].map(gate => gate.innerText)")
    assert gates == ["passed", "passed", "breached"]

    choose(browser, "mask")

    browser.wait(lambda: foreground(browser, "onnx") is not None)
    photo = np.array(Image.open(gradient))
    for name, file in (("onnx", "student.onnx"), ("tflite-fp32", "student-fp32.tflite")):
        assert foreground(browser, name) == open_predictor(run.export / file).mask(photo).sum()
    before = foreground(browser, "onnx")

    browser.run(
        "(() => { const range = document.querySelector('[name=threshold]'); range.value = 108;"
        "for (const kind of ['input', 'change']) range.dispatchEvent(new Event(kind, {bubbles: true})) })()"
    )

    browser.wait(lambda: foreground(browser, "onnx") < before)
    expected = open_predictor(run.export / "student.onnx", threshold=108.0).mask(photo).sum()
    assert foreground(browser, "onnx") == expected
    assert faults(browser, address) == ([], [])


@pytest.mark.parametrize("dark", [False, True])
def test_it_fits_a_phone_in_light_and_dark(address, browser, gradient, dark):
    browser.open(address, width=390, height=844, dark=dark)
    give(browser, gradient)
    browser.wait(lambda: len(browser.run(SHOWN)) == 4, 30)

    assert browser.run("document.documentElement.scrollWidth") <= 390
    colour = browser.run("getComputedStyle(document.querySelector('.card')).backgroundColor")
    assert (max(map(int, re.findall(r"\d+", colour)[:3])) < 80) is dark
    browser.run("document.querySelector('.zoom').click()")
    assert browser.run("document.querySelector('.large').matches(':popover-open')")
    assert faults(browser, address) == ([], [])


def test_bad_uploads_are_told_on_the_page_and_the_next_photo_goes_on(address, browser, gradient, tmp_path):
    (tmp_path / "notes.png").write_text("no photo")
    Image.new("1", (12_000, 12_000)).save(tmp_path / "bomb.png")
    Image.new("RGBA", (8, 8), (9, 9, 9, 9)).save(tmp_path / "clear.png")
    with (tmp_path / "huge.jpg").open("wb") as huge:
        huge.truncate(41 * 2**20)
    browser.open(address)

    for name, message in (
        ("notes.png", "notes.png: this photo is not an image that can be read"),
        ("bomb.png", "bomb.png: this photo has more than 89 megapixels"),
        ("clear.png", "clear.png: this photo has transparent pixels"),
        ("huge.jpg", "huge.jpg has more than 40 MB"),
    ):
        give(browser, tmp_path / name)
        browser.wait(lambda message=message: message in browser.run(FAULT))
        assert browser.run(SHOWN) == []

    give(browser, gradient)

    browser.wait(lambda: len(browser.run(SHOWN)) == 4, 30)
    assert browser.run(FAULT) == ""


def test_a_photo_can_be_dropped_pasted_and_taken_with_the_camera(address, browser, gradient):
    browser.open(address)
    encoded = base64.b64encode(gradient.read_bytes()).decode()
    given = f"new File([Uint8Array.from(atob('{encoded}'), one => one.charCodeAt(0))], 'gradient.png')"
    for event in (
        "DragEvent('drop', {dataTransfer: given, cancelable: true})",
        "ClipboardEvent('paste', {clipboardData: given})",
    ):
        browser.run(
            "(() => { document.querySelector('#cards').replaceChildren(); const given = new DataTransfer();"
            f"given.items.add({given}); document.dispatchEvent(new {event}) }})()"
        )
        browser.wait(lambda: browser.run(SHOWN) == [STUDENT, *NAMES], 30)
        assert "Photo 72 × 96" in browser.run(SAID)

    browser.run("document.querySelector('#camera').click()")
    browser.wait(lambda: browser.run("document.querySelector('#viewfinder video').videoWidth > 0"))
    browser.run("document.querySelector('#viewfinder [value=take]').click()")

    browser.wait(lambda: len(browser.run(SHOWN)) == 4 and "Photo 72 × 96" not in browser.run(SAID), 30)
    assert browser.run("document.querySelector('#viewfinder video').srcObject") is None
    assert faults(browser, address) == ([], [])
