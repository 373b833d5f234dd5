"""Pages that open from disk: one file each, no network, nothing run but a script of ours."""

import base64
import hashlib
from pathlib import Path
from typing import Any

from training.student.aside import write_text

_HERE = Path(__file__).parent


def write(path: Path, template: str, script: str = "", **facts: Any) -> None:
    """Render a template of this folder.

    Names and texts may hold anything: they are escaped, and the page's own policy lets no script run but this one
    and nothing be fetched.

    Args:
        path: Of the page.
        template: File name of the template; it extends `page.html.j2`.
        script: File name of its script, if it has one.
        facts: What the template asks for.

    Raises:
        BadInput: The page cannot be written there.
    """
    import jinja2
    from markupsafe import Markup

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    source = (_HERE / script).read_text(encoding="utf-8") if script else ""
    digest = base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()
    page = environment.get_template(template).render(**facts, script=Markup(source), digest=digest)
    write_text(path, page)
