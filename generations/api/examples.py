"""The calls as the docs page shows them: curl and Python that work as pasted. A test runs every one.

They read `DAILIES_URL` and `DAILIES_TOKEN` from the environment, and each stands on its own: what needs a
clip takes the newest one, and what needs a video the newest clip that has one.
"""

from dataclasses import dataclass

AUTH = '-H "Authorization: Bearer $DAILIES_TOKEN"'
JSON = '-H "Content-Type: application/json"'
NEWEST = f"""\
CLIP=$(curl -sS "$DAILIES_URL/api/v1/generations?limit=1" {AUTH} \\
  | grep -o '"id": *"[^"]*"' | head -n 1 | cut -d '"' -f 4)
"""
READY = NEWEST.replace("limit=1", "state=succeeded&limit=1")
BASE = """\

import httpx

api = httpx.Client(
    base_url=os.environ["DAILIES_URL"] + "/api/v1",
    headers={"Authorization": "Bearer " + os.environ["DAILIES_TOKEN"]},
)
"""
CLIENT = f"import os\n{BASE}"
WISH = """\
{
  "endpoint": "fal-ai/veo3.1/lite",
  "input": {"prompt": "A lighthouse at dusk, slow push-in", "duration": "4s"}
}"""
WISH_IN_PYTHON = """\
wish = {
    "endpoint": "fal-ai/veo3.1/lite",
    "input": {"prompt": "A lighthouse at dusk, slow push-in", "duration": "4s"},
}
"""


@dataclass(frozen=True)
class Call:
    """One call of the API, for a reader."""

    name: str
    method: str
    path: str
    scope: str
    title: str
    text: str
    curl: str
    python: str


CALLS: tuple[Call, ...] = (
    Call(
        "endpoints",
        "GET",
        "/endpoints",
        "any",
        "What can be made",
        "All model endpoints, and whether they are on sale.",
        f'curl -sS --fail-with-body "$DAILIES_URL/api/v1/endpoints" {AUTH}',
        f"""{CLIENT}
for endpoint in api.get("/endpoints").raise_for_status().json()["data"]:
    print(endpoint["id"], endpoint["title"], endpoint["on_sale"])
""",
    ),
    Call(
        "endpoint",
        "GET",
        "/endpoints/{id}",
        "any",
        "What one endpoint takes",
        "`input` is the JSON Schema of its parameters, `price` what it costs in credits.",
        f'curl -sS --fail-with-body "$DAILIES_URL/api/v1/endpoints/fal-ai/veo3.1/lite" {AUTH}',
        f"""{CLIENT}
endpoint = api.get("/endpoints/fal-ai/veo3.1/lite").raise_for_status().json()
for name, parameter in endpoint["input"]["properties"].items():
    print(name, parameter["type"], parameter.get("enum", ""))
print(endpoint["price"])
""",
    ),
    Call(
        "quote",
        "POST",
        "/quotes",
        "generations:create",
        "Ask a price",
        "`cost` is what will be held, `lines` say why. What does not change the price may be missing. "
        "Credits and budgets are asked when it is ordered.",
        f"""curl -sS --fail-with-body "$DAILIES_URL/api/v1/quotes" {AUTH} \\
  {JSON} -d '{WISH}'""",
        f"""{CLIENT}
{WISH_IN_PYTHON}
quote = api.post("/quotes", json=wish).raise_for_status().json()
print(quote["cost"], "credits")
for line in quote["lines"]:
    print(line["label"], line["credits"])
""",
    ),
    Call(
        "upload",
        "POST",
        "/uploads",
        "generations:create",
        "Upload a picture or a video",
        "The answer’s `id` is what you give as `image_url`, `first_frame_url` or `video_url` in an input. "
        "The same file again is the same upload. Instead of a `file` you may send `generation`, the id of a "
        "finished clip, to extend it.",
        f"""curl -sS --fail-with-body "$DAILIES_URL/api/v1/uploads" {AUTH} -F file=@picture.jpg""",
        f"""{CLIENT}
with open("picture.jpg", "rb") as picture:
    upload = api.post("/uploads", files={{"file": picture}}, timeout=60).raise_for_status().json()
print(upload["id"], upload["kind"], upload["width"], upload["height"])
""",
    ),
    Call(
        "create",
        "POST",
        "/generations",
        "generations:create",
        "Create a generation",
        "Its cost is held at once, charged when the clip is ready, and released if it ends in any other way. "
        "202 instead of 201 means that it is over a budget and awaits approval.",
        f"""curl -sS --fail-with-body "$DAILIES_URL/api/v1/generations" {AUTH} \\
  {JSON} -H "Idempotency-Key: shot-$(date +%s)-$$" -d '{WISH}'""",
        f"""import os
import uuid
{BASE}
{WISH_IN_PYTHON}
key = {{"Idempotency-Key": str(uuid.uuid4())}}  # keep it, and send it again if the answer is lost
clip = api.post("/generations", json=wish, headers=key).raise_for_status().json()
print(clip["id"], clip["state"], clip["held"])
""",
    ),
    Call(
        "cancel",
        "POST",
        "/generations/{id}/cancel",
        "generations:create",
        "Cancel a generation",
        "200: cancelled, and nothing is charged. 202: the model was asked to stop; if the clip is finished "
        "first, it is kept and charged. 409: it has ended already.",
        f"""{NEWEST}curl -sS -X POST "$DAILIES_URL/api/v1/generations/$CLIP/cancel" {AUTH}""",
        f"""{CLIENT}
newest = api.get("/generations", params={{"limit": 1}}).raise_for_status().json()["data"][0]
answer = api.post("/generations/" + newest["id"] + "/cancel")
print(answer.status_code, answer.json())
""",
    ),
    Call(
        "wait",
        "GET",
        "/generations/{id}",
        "generations:read",
        "Look at a generation, until it is ready",
        "Ask every few seconds until `state` is succeeded, failed or cancelled; `error` says why it failed.",
        f"""{NEWEST}while CLIP_NOW=$(curl -sS "$DAILIES_URL/api/v1/generations/$CLIP" {AUTH})
  ! echo "$CLIP_NOW" | grep -Eq '"state": *"(succeeded|failed|cancelled)"'
do sleep 2; done
echo "$CLIP_NOW\"""",
        f"""import os
import time
{BASE}
newest = api.get("/generations", params={{"limit": 1}}).raise_for_status().json()["data"][0]
while True:
    clip = api.get("/generations/" + newest["id"]).raise_for_status().json()
    if clip["state"] in ("succeeded", "failed", "cancelled"):
        break
    time.sleep(2)
print(clip["state"], clip["charged"], clip["error"])
""",
    ),
    Call(
        "download",
        "GET",
        "/generations/{id}/video",
        "generations:read",
        "Download the video",
        "`video_url` of a generation leads here. Byte ranges work. With files in an object store it is a "
        "redirect to an address that is good for five minutes, so follow it.",
        # --fail: the text of an error is no clip.mp4.
        f"""{READY}curl -sS --fail -L "$DAILIES_URL/api/v1/generations/$CLIP/video" {AUTH} \\
  -o clip.mp4""",
        f"""{CLIENT}
ready = {{"state": "succeeded", "limit": 1}}
newest = api.get("/generations", params=ready).raise_for_status().json()["data"][0]
with api.stream("GET", newest["video_url"], follow_redirects=True) as video, open("clip.mp4", "wb") as file:
    video.raise_for_status()
    for chunk in video.iter_bytes():
        file.write(chunk)
""",
    ),
    Call(
        "list",
        "GET",
        "/generations",
        "generations:read",
        "List generations",
        "The workspace’s, newest first. `state` and `endpoint` filter.",
        f'curl -sS --fail-with-body "$DAILIES_URL/api/v1/generations?state=succeeded&limit=10" {AUTH}',
        f"""{CLIENT}
after = ""
while after is not None:
    page = api.get("/generations", params={{"limit": 50, "after": after}}).raise_for_status().json()
    for clip in page["data"]:
        print(clip["id"], clip["state"], clip["charged"])
    after = page["next"]
""",
    ),
    Call(
        "credits",
        "GET",
        "/credits",
        "credits:read",
        "The balance",
        "`available` is what may be spent now.",
        f'curl -sS --fail-with-body "$DAILIES_URL/api/v1/credits" {AUTH}',
        f"""{CLIENT}
print(api.get("/credits").raise_for_status().json()["available"])
""",
    ),
    Call(
        "ledger",
        "GET",
        "/credits/ledger",
        "credits:read",
        "The statement",
        "Every movement, newest first; `seq` has no gaps, and an entry never changes.",
        f'curl -sS --fail-with-body "$DAILIES_URL/api/v1/credits/ledger?limit=10" {AUTH}',
        f"""{CLIENT}
for entry in api.get("/credits/ledger", params={{"limit": 10}}).raise_for_status().json()["data"]:
    print(entry["seq"], entry["kind"], entry["amount"], entry["balance_after"])
""",
    ),
)
