import json

import numpy as np
from click.testing import CliRunner
from PIL import Image

from training.__main__ import main
from training.data import dataset_profile
from training.data.mask_features import measure_features
from training.data.pairs import read_pairs


def call(*arguments):
    return CliRunner().invoke(main, ["profile", *map(str, arguments)])


def test_photos_are_counted_by_what_they_are(tmp_path, draw_scenes):
    folder = draw_scenes(tmp_path / "discs", [f"{number}" for number in range(6)], empty=("1",))
    for part in ("photos", "masks"):
        (folder / part / "7.png").write_bytes((folder / part / "2.png").read_bytes())
    (folder / "masks" / "5.png").write_bytes(b"")
    (folder / "dropped.txt").write_text("3\n")
    (folder / "sidecars").mkdir()
    (folder / "sidecars" / "0.json").write_text(json.dumps({"score": 0.5}))

    found = call(folder)

    assert found.exit_code == 0
    assert found.stdout == (
        f"{folder}/profile.html: 6 photos, 1 empty, 1 near-duplicate, 1 unreadable, 1 scored, 1 dropped\n"
    )
    assert found.stderr == f"{folder}: dropped.txt leaves out 1 of 7 photos\n"


def test_classes_are_weighed_by_photos_and_by_pixels(tmp_path):
    for part in ("photos", "masks"):
        (tmp_path / part).mkdir()
    (tmp_path / "classes.txt").write_text("ground\ncoin\nnote")
    for name, share in (("a", 0.5), ("b", 0.25), ("c", 0)):
        mask = np.zeros((20, 100), np.uint8)
        mask[:, : round(share * 100)] = 1
        Image.fromarray(np.zeros((20, 100, 3), np.uint8)).save(tmp_path / "photos" / f"{name}.png")
        Image.fromarray(mask).save(tmp_path / "masks" / f"{name}.png")
    pairs = read_pairs(tmp_path)

    ground, coin, note = dataset_profile.class_rows(pairs.classes, measure_features(pairs))

    assert (ground.photos, ground.median, ground.share) == (3, "75 %", "75 %")
    assert (coin.photos, coin.median, coin.share) == (2, "38 %", "25 %")
    assert (note.photos, note.median, note.share) == (0, "", "0 %")
    assert len({ground.colour, coin.colour, note.colour}) == 3


def test_the_page_draws_every_trait_that_is_there_and_says_it_in_words(tmp_path, draw_scenes, browser):
    folder = draw_scenes(tmp_path / "<b>discs", [f"{number}" for number in range(9)])
    (folder / "classes.txt").write_text("<script>disc")
    assert call(folder).exit_code == 0

    browser.open(folder / "profile.html", width=390)

    titles = browser.run("[...document.querySelectorAll('h3')].map(h => h.textContent)")
    assert titles[0] == "Longer side of the photos"
    assert "Area of <script>disc on photos that show it" in titles
    assert "Score" not in titles
    assert browser.run(
        "[...document.querySelectorAll('svg')].every(s => s.getAttribute('aria-label').includes('median'))"
    )
    counted = "[...document.querySelectorAll('figure')].find(f => f.innerText.includes('Area of'))"
    titles = browser.run(f"[...{counted}.querySelectorAll('title')].map(t => t.textContent)")
    assert sum(int(title.rpartition(": ")[2]) for title in titles) == 9
    assert browser.run("document.documentElement.scrollWidth") == 390
    assert (browser.complaints(), browser.requests()) == ([], [])


def test_a_folder_of_which_nothing_can_be_read_is_described_all_the_same(tmp_path, draw_scenes):
    folder = draw_scenes(tmp_path / "discs", ["a", "b"])
    for path in (folder / "photos").iterdir():
        path.write_bytes(b"nothing")

    found = call(folder)

    assert found.stdout == f"{folder}/profile.html: 2 photos, 2 unreadable\n"
    assert "a.png is not an image" in (folder / "profile.html").read_text()
