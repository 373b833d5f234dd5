import json
import re

import pytest
from click.testing import CliRunner

from training.__main__ import main
from training.data import curate
from training.data.pairs import read_pairs
from training.data.suspicion import rank_by_suspicion
from training.student.errors import BadInput

HOSTILE = ("<script>alert(1)<", "quote\"'`&amp;", "ünïcode 硬币 #2", "{{ 7 * 7 }}")
"""Names that would break a page, or out of it."""


@pytest.fixture
def write(tmp_path):
    """The page of a folder."""

    def written(folder, most=500, **options):
        pairs = read_pairs(folder, dropped=True)
        ranked = rank_by_suspicion(pairs, options.get("against"))
        curate.write_curation_page(tmp_path / "page.html", pairs, ranked, most=most, **options)
        return tmp_path / "page.html", ranked

    return written


LISTED = "document.getElementById('text').value"
DROPPED = "[...document.querySelectorAll('figure.dropped')].map(f => f.dataset.name)"


def press(browser, name):
    browser.run(
        f"[...document.querySelectorAll('figure')].find(f => f.dataset.name === {json.dumps(name)})"
        ".querySelector('button').click()"
    )


def silent(browser):
    return (browser.complaints(), browser.requests()) == ([], [])


def saved(browser, folder):
    """The list of the page, as a person would save it; then the names that are left out."""
    (folder / "dropped.txt").write_text(browser.run(LISTED), encoding="utf-8")
    return sorted(read_pairs(folder).dropped)


def test_all_photos_are_there_in_order_with_their_reasons(tmp_path, write, browser, draw_scenes):
    folder = draw_scenes(tmp_path / "discs", [f"disc {number}" for number in range(9)], empty=("disc 4",))
    page, ranked = write(folder)

    browser.open(page)

    shown = browser.run("[...document.querySelectorAll('figure')].map(f => f.dataset.name)")
    assert shown == [suspect.name for suspect in ranked]
    assert shown[0] == "disc 4"
    # A figure has no rendered text before it is first painted, since its content-visibility is auto.
    browser.wait(lambda: browser.run("document.querySelector('figure').innerText"))
    first = browser.run("document.querySelector('figure').innerText")
    assert [text for text in ("disc 4", "0.90", "the mask is empty") if text not in first] == []
    assert browser.run("Promise.all([...document.images].map(i => i.decode().then(() => i.naturalWidth)))") == [256] * 9
    assert silent(browser)


def test_names_that_would_break_out_of_a_page_are_shown_and_listed_as_they_are(tmp_path, write, browser, draw_scenes):
    folder = draw_scenes(tmp_path / HOSTILE[0], [*HOSTILE, "plain"])
    (folder / "classes.txt").write_text(HOSTILE[1])
    comment = "# </script><script>document.title = 'taken'</script><!--"
    (folder / "dropped.txt").write_text(f"{comment}\n")
    page, _ = write(folder)
    browser.open(page)

    for name in HOSTILE:
        press(browser, name)

    captions = browser.run("[...document.querySelectorAll('.name')].map(n => n.textContent)")
    assert sorted(captions) == sorted([*HOSTILE, "plain"])
    assert browser.run("[document.title, document.querySelector('.legend').innerText.trim()]") == [
        f"{HOSTILE[0]}: curate",
        HOSTILE[1],
    ]
    assert browser.run(LISTED).startswith(comment)
    assert saved(browser, folder) == sorted(HOSTILE)
    assert silent(browser)


def test_a_script_that_got_into_the_page_would_not_run(tmp_path, write, browser, draw_scenes):
    page, _ = write(draw_scenes(tmp_path / "discs", ["a", "b"]))
    page.write_text(page.read_text().replace("</h1>", "</h1><script>document.title = 'taken'</script>"))

    browser.open(page)

    assert browser.run("document.title") == "discs: curate"
    assert browser.complaints()


def test_what_was_chosen_is_kept_until_the_list_on_disk_says_so(tmp_path, write, browser, draw_scenes):
    folder = draw_scenes(tmp_path / "discs", ["a", "b", "c"])
    page, _ = write(folder)
    browser.open(page)
    press(browser, "b")
    press(browser, "c")
    press(browser, "c")

    def is_kept():
        browser.open(page)
        return browser.run(DROPPED) == ["b"]

    # Chromium hands a page's storage on to the next page in its own time.
    browser.wait(is_kept)
    assert browser.run("document.getElementById('state').innerText") == "1 dropped, 1 unsaved change"

    assert saved(browser, folder) == ["b"]
    page, _ = write(folder)
    browser.open(page)
    assert browser.run(DROPPED) == ["b"]
    assert browser.run("document.getElementById('state').innerText") == "1 dropped"


def test_a_list_that_somebody_wrote_is_the_start_and_keeps_its_comments(tmp_path, write, browser, draw_scenes):
    folder = draw_scenes(tmp_path / "discs", ["a", "b", "c", "d"])
    (folder / "dropped.txt").write_text("# mine\n\na  # blurred\nb\n")
    page, _ = write(folder)
    browser.open(page)
    assert browser.run(LISTED) == "# mine\n\na  # blurred\nb\n"

    press(browser, "b")
    press(browser, "d")

    assert browser.run(LISTED).splitlines()[:3] == ["# mine", "", "a  # blurred"]
    assert saved(browser, folder) == ["a", "d"]


def test_all_above_a_suspicion_are_dropped_at_once_and_that_is_undone_at_once(tmp_path, write, browser, draw_scenes):
    folder = draw_scenes(tmp_path / "discs", [f"{number}" for number in range(9)], empty=("4", "6"))
    page, _ = write(folder)
    browser.open(page)

    browser.run("document.querySelector('#above button').click()")
    assert saved(browser, folder) == ["4", "6"]

    browser.run("document.getElementById('again').click()")
    assert browser.run(DROPPED) == []


def test_the_list_is_downloaded_as_it_is_shown(tmp_path, write, browser, draw_scenes):
    page, _ = write(draw_scenes(tmp_path / "discs", ["a", "b"]))
    browser.open(page)
    press(browser, "b")
    browser.call("Page.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))

    browser.run("document.getElementById('download').click()")

    browser.wait((tmp_path / "dropped.txt").exists)
    assert (tmp_path / "dropped.txt").read_text() == browser.run(LISTED)
    assert silent(browser)


def test_what_is_not_on_the_page_stays_on_the_list_and_is_counted(tmp_path, write, browser, draw_scenes):
    folder = draw_scenes(tmp_path / "discs", [f"{number}" for number in range(9)], empty=("4", "6"))
    (folder / "dropped.txt").write_text("0\n")
    page, _ = write(folder, most=2)
    browser.open(page)

    press(browser, "4")

    assert "2 of 9 photos" in browser.run("document.body.innerText")
    assert "The 7 least suspicious" in browser.run("document.body.innerText")
    assert browser.run("document.getElementById('count').innerText") == "2 dropped"
    assert saved(browser, folder) == ["0", "4"]


@pytest.mark.parametrize("width", [360, 390, 1200])
def test_nothing_sticks_out_of_a_screen(tmp_path, write, browser, width, draw_scenes):
    page, _ = write(draw_scenes(tmp_path / "discs", ["n" * 120, "b", "c"]))

    browser.open(page, width=width)

    assert browser.run("document.documentElement.scrollWidth") == width


def test_an_unreadable_pair_is_on_the_page_without_a_picture(tmp_path, write, draw_scenes):
    folder = draw_scenes(tmp_path / "discs", ["a", "b"])
    (folder / "masks" / "b.png").write_bytes(b"")

    page, _ = write(folder)

    assert page.read_text().count("no picture") == 1
    assert "is empty (0 bytes); copy it again" in page.read_text()


def test_the_page_holds_all_that_it_shows(tmp_path, write, draw_scenes):
    folder = draw_scenes(tmp_path / "discs", ["a", "b"])
    other = read_pairs(draw_scenes(tmp_path / "others", ["a"]))

    text = write(folder, against=other)[0].read_text()

    assert not re.search(r'(src|href)="(?!data:)', text)
    assert not re.search(r"https?:|url\(|@import", text)
    assert str(tmp_path) not in text
    assert "outline of others" in text


def test_a_photo_whose_name_no_line_can_hold_is_refused_before_anything_is_written(tmp_path, write, draw_scenes):
    with pytest.raises(BadInput, match="rename the photo"):
        write(draw_scenes(tmp_path / "discs", ["two\nlines", "b"]))

    assert not (tmp_path / "page.html").exists()


def call(*arguments):
    return CliRunner().invoke(main, ["curate", *map(str, arguments)])


def test_the_command_drops_what_is_above_and_says_why_and_leaves_a_person_s_list_alone(tmp_path, draw_scenes):
    folder = draw_scenes(tmp_path / "discs", [f"{number}" for number in range(9)], empty=("4",))

    found = call(folder, "--drop-above", 0.8)

    assert found.exit_code == 0
    assert found.stdout.splitlines() == [
        f"{folder}/dropped.txt: 1 of 9 photos are above 0.8",
        f"{folder}/curate.html: 9 of 9 photos, most suspicious first",
    ]
    assert (folder / "dropped.txt").read_text().splitlines()[1:] == ["4  # 0.90: the mask is empty"]
    assert [pair.name for pair in read_pairs(folder).pairs] == ["0", "1", "2", "3", "5", "6", "7", "8"]
    assert call(folder, "--drop-above", 0.8).exit_code == 0

    (folder / "dropped.txt").write_text("7\n")
    refused = call(folder, "--drop-above", 0.8)
    assert refused.exit_code == 2
    assert "exists and drops 1 of 9 photos" in refused.stderr
    assert (folder / "dropped.txt").read_text() == "7\n"
    assert call(folder, "--drop-above", 0.8, "--replace").exit_code == 0
    assert read_pairs(folder).dropped == {"4"}


def test_a_limit_that_would_leave_nothing_is_refused(tmp_path, draw_scenes):
    folder = draw_scenes(tmp_path / "discs", ["a", "b"], empty=("a", "b"))

    found = call(folder, "--drop-above", 0.5)

    assert found.exit_code == 2
    assert "all 2 masks of" in found.stderr
    assert not (folder / "dropped.txt").exists()
