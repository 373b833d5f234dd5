import base64
import json
import os
import shutil
import subprocess
import time

import cv2
import numpy as np
import pytest
from PIL import Image

_SIDE = 256


@pytest.fixture(scope="session")
def draw_scenes():
    """Writes a folder of pairs that nobody would doubt: bright discs on dark, blotched grounds, each its own."""

    def draw(folder, names, empty=()):
        for part in ("photos", "masks"):
            (folder / part).mkdir(parents=True)
        for number, name in enumerate(names):
            rng = np.random.default_rng(number)
            ground = cv2.resize(
                rng.integers(0, 120, (6, 6, 3), np.uint8), (_SIDE, _SIDE), interpolation=cv2.INTER_CUBIC
            )
            mask = np.zeros((_SIDE, _SIDE), np.uint8)
            cv2.circle(mask, rng.integers(90, 166, 2).tolist(), int(rng.integers(56, 64)), 255, cv2.FILLED)
            photo = np.where(mask[..., None] > 0, 230 - ground // 4, ground).astype(np.uint8)
            Image.fromarray(photo).save(folder / "photos" / f"{name}.png")
            Image.fromarray(mask * (name not in empty)).save(folder / "masks" / f"{name}.png")
        return folder

    return draw


class Browser:
    """A headless Chromium, spoken to in the DevTools protocol over its pipe: no port, no further library."""

    def __init__(self, program, folder):
        inward, commands = os.pipe()
        answers, outward = os.pipe()
        # The protocol is spoken on descriptors 3 and 4. A shell moves ours there, whatever numbers they have.
        script = f'exec "$@" 3<&{inward} 4>&{outward}'
        options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", "--hide-scrollbars"]
        # A camera that shows a moving pattern, and may be used without a question.
        options += ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
        self._process = subprocess.Popen(
            ["bash", "-c", script, "bash", program, *options, f"--user-data-dir={folder}", "about:blank"],
            pass_fds=(inward, outward),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(inward)
        os.close(outward)
        self._commands, self._answers = os.fdopen(commands, "wb", 0), os.fdopen(answers, "rb", 0)
        self._rest, self._sent, self._session = b"", 0, None
        self.events = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method, **parameters):
        self._sent += 1
        message = {"id": self._sent, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        self._commands.write(json.dumps(message).encode() + b"\0")
        while (answer := self._read()).get("id") != self._sent:
            self.events.append(answer)
        assert "error" not in answer, answer
        return answer["result"]

    def _read(self):
        while b"\0" not in self._rest:
            chunk = os.read(self._answers.fileno(), 1 << 16)
            assert chunk, "the browser has ended"
            self._rest += chunk
        message, _, self._rest = self._rest.partition(b"\0")
        return json.loads(message)

    def open(self, page, width=1000, height=800, dark=False):
        """Shows a page, a file or an address, anew, and waits until it is whole."""
        phone = width < 600
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.events.clear()
        self.call("Page.navigate", url=page if isinstance(page, str) else page.resolve().as_uri())
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self.events.append(self._read())

    def run(self, script):
        """The value of an expression, awaited."""
        found = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def wait(self, until, seconds=10):
        """Until something is so that the browser does by itself."""
        end = time.monotonic() + seconds
        while not until():
            assert time.monotonic() < end, "it did not happen"
            time.sleep(0.05)

    def complaints(self):
        """Errors and warnings since the page was opened, what its policy forbade among them."""
        kinds = ("Runtime.exceptionThrown", "Log.entryAdded", "Runtime.consoleAPICalled")
        return [event["params"] for event in self.events if event["method"] in kinds]

    def requests(self):
        """What was fetched since the page was opened, the page and what lies in it left out."""
        sent = [event["params"] for event in self.events if event["method"] == "Network.requestWillBeSent"]
        urls = [each["request"]["url"] for each in sent if each.get("type") != "Document"]
        return [url for url in urls if not url.startswith("data:")]

    def photograph(self, path, whole=False):
        """A screenshot."""
        found = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(found["data"]))

    def close(self):
        self._commands.close()
        self._answers.close()
        self._process.terminate()
        self._process.wait(20)


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """A real browser, started once."""
    program = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chrome")
    if not program:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("no Chromium or Chrome here to open the page in")
    found = Browser(program, tmp_path_factory.mktemp("browser"))
    yield found
    found.close()
