"""What a browser sends from the create page, built from fal's facts and never from our catalogue."""

import functools
import json
import uuid
from pathlib import Path
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import QueryDict

from accounts.policy import Actor
from generations.catalogue import find
from generations.forms import GenerationForm
from tests.world import picture, upload, video

FACTS: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "fal" / "schemas.json").read_text(encoding="utf-8")
)["endpoints"]
PROMPT = "A lighthouse at dusk, slow push in"
TEXT, IMAGE = "fal-ai/veo3.1/lite", "fal-ai/veo3.1/lite/image-to-video"
FRAMES, EXTEND = "fal-ai/veo3.1/fast/first-last-frame-to-video", "fal-ai/veo3.1/fast/extend-video"
REFERENCES = "fal-ai/veo3.1/reference-to-video"
KLING = "fal-ai/kling-video/v2.5-turbo/standard/image-to-video"
MEDIA = {
    "image_url": "image",
    "first_frame_url": "image",
    "last_frame_url": "image",
    "image_urls": "image",
    "video_url": "video",
}


@functools.cache
def content(kind: str) -> bytes:
    """A real file; the same bytes every time, so that it is taken in once."""
    return picture() if kind == "image" else video()


def fields(endpoint_id: str, **changes: Any) -> dict[str, Any]:
    """The form as it stands before anybody touches it, with `changes`; None takes a field away.

    An unticked box sends nothing, as browsers do.
    """
    sent: dict[str, Any] = {
        "endpoint": endpoint_id,
        "form_key": str(uuid.uuid4()),
        "takes": "1",
        "quoted": "0",
    }
    for name, facts in FACTS[endpoint_id]["properties"].items():
        if "default" in facts:
            sent[name] = facts["default"]
    sent = sent | {"prompt": PROMPT} | changes
    return {
        name: "on" if value is True else value for name, value in sent.items() if value not in (None, False)
    }


def files(endpoint_id: str) -> dict[str, list[SimpleUploadedFile]]:
    """One real file for every place of an endpoint."""
    return {
        name: [SimpleUploadedFile(f"{kind}.bin", content(kind))]
        for name, kind in MEDIA.items()
        if name in FACTS[endpoint_id]["properties"]
    }


def upload_ids(endpoint_id: str, who: Actor) -> dict[str, list[str]]:
    """The same files, sent before."""
    return {
        f"{name}_upload": [str(upload(who, kind, content(kind)).pk)]
        for name, kind in MEDIA.items()
        if name in FACTS[endpoint_id]["properties"]
    }


def form(endpoint_id: str, who: Actor, **changes: Any) -> GenerationForm:
    """The product's form with what a browser sends."""
    data = QueryDict(mutable=True)
    for name, value in fields(endpoint_id, **changes).items():
        data.setlist(name, value if isinstance(value, list) else [value])
    return GenerationForm(find(endpoint_id), who, data)
