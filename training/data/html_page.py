"""Pages that open from disk: one file each, no network, nothing run but a script of ours."""

import base64
import hashlib
from pathlib import Path
from typing import Any, Literal

from training.student.atomic_write import write_text

_HERE = Path(__file__).parent


def write_page(path: Path, template: str, script: str = "", folder: Path = _HERE, **facts: Any) -> None:
    """Render a template that extends `page.html.j2`.

    Names and texts may hold anything: they are escaped, and the page's own policy lets no script run but this one
    and nothing be fetched.

    Args:
        path: Of the page.
        template: Its file name.
        script: File name of its script, if it has one.
        folder: Where both lie; this one when left out.
        facts: What the template asks for.

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
    """A PNG or JPEG file as an address that needs no other file."""
    return data_url(picture.read_bytes(), "png" if picture.suffix == ".png" else "jpeg")


def data_url(encoded: bytes, kind: Literal["png", "jpeg"]) -> str:
    """The same of a picture that is no file."""
    return f"data:image/{kind};base64,{base64.b64encode(encoded).decode()}"
