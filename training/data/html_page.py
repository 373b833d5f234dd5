"""Self-contained HTML pages: one file each, without network access; only our own script may run."""

import base64
import hashlib
from pathlib import Path
from typing import Any, Literal

from training.student.atomic_write import write_text
from training.student.errors import BadInput

_HERE = Path(__file__).parent


def write_page(path: Path, template: str, script: str = "", folder: Path = _HERE, **facts: Any) -> None:
    """Render a template that extends `page.html.j2`.

    All texts are escaped. The page's content security policy blocks every script but this one, and every request.

    Args:
        path: The page to write.
        template: File name of the template.
        script: File name of the page's script, if it has one.
        folder: The folder of both.
        facts: The variables of the template.

    Raises:
        BadInput: The page cannot be written there.
    """
    import jinja2
    from markupsafe import Markup

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([folder, _HERE]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    source = (folder / script).read_text(encoding="utf-8") if script else ""
    digest = base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()
    page = environment.get_template(template).render(**facts, script=Markup(source), digest=digest)
    write_text(path, page)


def data_url_of_file(picture: Path) -> str:
    """A PNG or JPEG file as a data URL.

    Raises:
        BadInput: It cannot be read.
    """
    try:
        return data_url(picture.read_bytes(), "png" if picture.suffix == ".png" else "jpeg")
    except OSError as error:
        raise BadInput(f"cannot read {picture}: {error.strerror}; run the command that draws it again") from error


def data_url(encoded: bytes, kind: Literal["png", "jpeg"]) -> str:
    """An encoded picture as a data URL."""
    return f"data:image/{kind};base64,{base64.b64encode(encoded).decode()}"
