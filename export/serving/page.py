"""The page at /, with a picture and the addresses."""

from __future__ import annotations

import html
from collections.abc import Mapping

from kgan.saved_model import MODEL_NAME

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
<form action="/sample.png">
<label>count <input name="count" type="number" value="16" min="1" max="1024"></label>
<label>seed <input name="seed" type="number" value="0"></label>
<button>Sample</button>
</form>
<p><img src="/sample.png?count=16&amp;seed=0" alt="16 samples"></p>
<h2>Addresses</h2>
<table>
<tr><td><a href="/v1/models/{name}">/v1/models/{name}</a></td><td>state of the versions</td></tr>
<tr><td><a href="/v1/models/{name}/metadata">/v1/models/{name}/metadata</a></td>
<td>signatures</td></tr>
<tr><td>POST /v1/models/{name}:predict</td><td>images, as TensorFlow Serving makes them</td></tr>
<tr><td><a href="/healthz">/healthz</a></td><td>whether the server lives</td></tr>
</table>
<h2>Signatures</h2>
<table>
<tr><th>name</th><th>inputs</th></tr>
{signatures}
</table>
</html>
"""


def page(version: int, signatures: Mapping[str, Mapping[str, object]]) -> str:
    """Return the HTML of the page.

    Args:
        version: the version that is served.
        signatures: the inputs by name, of each signature by name.
    """
    rows = [
        f"<tr><td>{html.escape(name)}</td><td>{html.escape(', '.join(inputs))}</td></tr>"
        for name, inputs in signatures.items()
    ]
    return _PAGE.format(name=MODEL_NAME, version=version, signatures="\n".join(rows))
