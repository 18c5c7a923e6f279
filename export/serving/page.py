"""The page at /, with a picture and the addresses."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

from kgan.saved_model import MODEL_NAME

# The links are relative, so that the page works below any prefix of a proxy.
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>kgan-serve</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 44em; margin: 2em auto; padding: 0 1em }}
img {{ max-width: 100%; image-rendering: pixelated }}
td, th {{ text-align: left; padding-right: 1.5em; vertical-align: top }}
</style>
<h1>{name}, version {version}</h1>
{samples}<h2>Addresses</h2>
<table>
<tr><td><a href="v1/models/{name}">/v1/models/{name}</a></td><td>state of the versions</td></tr>
<tr><td><a href="v1/models/{name}/metadata">/v1/models/{name}/metadata</a></td>
<td>signatures</td></tr>
<tr><td>POST /v1/models/{name}:predict</td><td>images, as TensorFlow Serving makes them</td></tr>
<tr><td><a href="healthz">/healthz</a></td><td>whether the server lives</td></tr>
</table>
<h2>Signatures</h2>
<table>
<tr><th>name</th><th>inputs</th></tr>
{signatures}
</table>
</html>
"""


_SAMPLES = """<form action="sample.png">
<label>count <input name="count" type="number" value="16" min="1" max="1024"></label>
<label>seed <input name="seed" type="number" value="0"></label>
{classes}<button>Sample</button>
</form>
<p><img src="sample.png?count=16&amp;seed=0" alt="16 samples"></p>
"""

_CLASSES = """<label>classes <input name="labels" list="classes" placeholder="all"></label>
<datalist id="classes">{options}</datalist>
"""


def page(
    version: int,
    signatures: Mapping[str, Mapping[str, object]],
    num_classes: int | None = None,
    class_names: Sequence[str] = (),
) -> str:
    """Return the HTML of the page.

    Args:
        version: the version that is served.
        signatures: the inputs by name, of each signature by name.
        num_classes: number of classes that samples may be of; None for none.
        class_names: their names; empty for numbers.
    """
    names = class_names or [str(number) for number in range(num_classes or 0)]
    options = "".join(f'<option value="{html.escape(name)}">' for name in names)
    rows = [
        f"<tr><td>{html.escape(name)}</td><td>{html.escape(', '.join(inputs))}</td></tr>"
        for name, inputs in signatures.items()
    ]
    classes = _CLASSES.format(options=options) if num_classes else ""
    # A translator has none: its images are made of others.
    samples = _SAMPLES.format(classes=classes) if "sample" in signatures else ""
    return _PAGE.format(
        name=MODEL_NAME, version=version, samples=samples, signatures="\n".join(rows)
    )
