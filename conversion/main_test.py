import pytest
from click.testing import CliRunner

from conversion.__main__ import main


@pytest.mark.parametrize(
    "arguments", [(), *((name,) for name in main.commands)], ids=lambda one: " ".join(one) or "main"
)
def test_help_fits_one_screen_and_is_not_cut(arguments):
    found = CliRunner().invoke(main, [*arguments, "--help"])

    assert found.exit_code == 0
    lines = found.stdout.splitlines()
    # With its fourteen wishes, `convert` takes one and a half.
    assert len(lines) <= (40 if arguments == ("convert",) else 24)
    assert max(map(len, lines)) <= 80
    assert not any(line.endswith("...") for line in lines if not line.startswith("Usage"))
