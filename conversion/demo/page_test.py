"""The page as people use it: served by the command, opened in a real browser, without access to other machines."""

import os
import re
import signal
import socket
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from conversion.apply.predictor import open_predictor
from conversion.demo.conftest import NAMES
from conversion.demo.models import STUDENT, open_models
from conversion.demo.server import serve
from training.student.errors import BadInput

# The server takes ten seconds to start.
pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
SHOWN = "[...document.querySelectorAll('.card')].map(card => card.dataset.name)"
SAID = "document.querySelector('#cards').innerText"


@pytest.fixture(scope="module")
def address(run, tmp_path_factory):
    """The page's address while it is served. Then the server is interrupted, and must leave no files."""
    if not find_spec("gradio"):
        (pytest.fail if os.environ.get("CI") else pytest.skip)("no Gradio here: pip install '.[demo]'")
    uploads = tmp_path_factory.mktemp("uploads")
    with subprocess.Popen(
        [sys.executable, "-m", "conversion", "demo", str(run.folder), "--port", "0"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "TMPDIR": str(uploads)},
    ) as process:
        first = process.stdout.readline()
        try:
            assert first.startswith("http://127.0.0.1:"), first + process.stdout.read()
            yield first.split()[0]
            assert list(uploads.glob("pocketmask-demo-*"))
        finally:
            process.send_signal(signal.SIGINT)
            try:
                rest, _ = process.communicate(timeout=20)
            finally:
                process.kill()
    assert (process.returncode, rest) == (0, "")
    assert not list(uploads.glob("pocketmask-demo-*"))


@pytest.fixture
def gradient(tmp_path):
    """A photo whose red rises from left to right, so that a higher threshold takes columns away."""
    photo = np.zeros((72, 96, 3), np.uint8)
    photo[..., 0] = np.linspace(0, 255, 96).astype(np.uint8)
    Image.fromarray(photo).save(tmp_path / "gradient.png")
    return tmp_path / "gradient.png"


def give(browser, path):
    """What dropping or choosing a file does."""
    # A photo that is there already leaves no place for another.
    browser.run("document.querySelector('#photo button[aria-label=\"Remove Image\"]')?.click()")
    browser.wait(lambda: browser.run("!!document.querySelector('#photo input[type=file]')"))
    page = browser.call("DOM.getDocument", depth=-1)["root"]["nodeId"]
    node = browser.call("DOM.querySelector", nodeId=page, selector="#photo input[type=file]")["nodeId"]
    browser.call("DOM.setFileInputFiles", files=[str(path)], nodeId=node)


def choose(browser, name):
    browser.run(f"[...document.querySelectorAll('#effect label')].find(l => l.innerText.trim() == '{name}').click()")


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
    browser.wait(lambda: browser.run("!!document.querySelector('#cards')"), 30)
    assert browser.run("document.querySelector('h1').innerText") == "bright <i>run"
    assert "tflite-int8: " in browser.run("document.querySelector('.title').innerText")

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
        "(() => { const box = document.querySelector('#threshold input[type=number]'); box.value = 108;"
        "for (const kind of ['input', 'change', 'pointerup', 'blur']) box.dispatchEvent(new Event(kind)) })()"
    )

    browser.wait(lambda: foreground(browser, "onnx") < before)
    expected = open_predictor(run.export / "student.onnx", threshold=108.0).mask(photo).sum()
    assert foreground(browser, "onnx") == expected
    assert faults(browser, address) == ([], [])


@pytest.mark.parametrize("dark", [False, True])
def test_it_fits_a_phone_in_light_and_dark(address, browser, gradient, dark):
    browser.open(address, width=390, height=844, dark=dark)
    browser.wait(lambda: browser.run("!!document.querySelector('#cards')"), 30)
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
    browser.wait(lambda: browser.run("!!document.querySelector('#cards')"), 30)

    for name, message in (
        ("notes.png", "notes.png is not an image that can be read"),
        ("bomb.png", "bomb.png has more than 89 megapixels"),
        ("clear.png", "clear.png has transparent pixels"),
    ):
        give(browser, tmp_path / name)
        browser.wait(lambda message=message: message in browser.run(SAID))
        assert browser.run(SHOWN) == []
    give(browser, tmp_path / "huge.jpg")
    browser.wait(lambda: "exceed the maximum allowed size of 40" in browser.run("document.body.innerText"))

    browser.open(address)
    browser.wait(lambda: browser.run("!!document.querySelector('#cards')"), 30)
    give(browser, gradient)
    browser.wait(lambda: len(browser.run(SHOWN)) == 4, 30)


def test_another_site_s_name_for_this_machine_is_refused_and_so_is_a_large_body(address):
    assert httpx.get(address).status_code == 200
    assert "connect-src 'self'" in httpx.get(address).headers["content-security-policy"]
    assert httpx.get(address, headers={"Host": "elsewhere.example"}).status_code == 400
    large = httpx.post(f"{address}gradio_api/upload", files={"files": ("a.png", bytes(41 * 2**20))})
    assert large.status_code >= 400
    assert httpx.get(f"{address}gradio_api/file=/etc/hostname").status_code in (403, 404)


def test_a_taken_port_and_a_missing_library_end_in_one_line(run, monkeypatch):
    found = open_models(run)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(BadInput, match=r"cannot be used .* --port"):
            serve(found, [], taken.getsockname()[1], print)
    monkeypatch.setitem(sys.modules, "gradio", None)
    with pytest.raises(BadInput, match=r"pip install '\.\[demo\]'"):
        serve(found, [], 0, print)
