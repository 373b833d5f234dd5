from training.commands.parameters import pairs_of


def test_photos_that_are_left_out_are_counted_aloud(draw_discs, tmp_path, capsys):
    folder = draw_discs(tmp_path / "discs", count=3)
    pairs_of(folder)
    assert capsys.readouterr().err == ""

    (folder / "dropped.txt").write_text("disc_01  # blurred\n")

    assert len(pairs_of(folder).pairs) == 2
    assert capsys.readouterr().err == f"{folder}: dropped.txt leaves out 1 of 3 photos\n"
