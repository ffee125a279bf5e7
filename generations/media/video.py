"""Child process: look into an MP4 and draw its poster.

`python -m generations.media.video SOURCE [POSTER]` prints width, height, seconds, has_audio or `{"error"}`.
The demuxer is pinned and the file is local, so no playlist can make it open anything else.
Knows no Django: it is started with little memory.
"""

import json
import sys
from typing import Any

import av

POSTER_WIDTH = 640


def probe(source: str, poster: str | None = None) -> dict[str, Any]:
    """What the file itself says, not what anybody claims about it."""
    with av.open(source, format="mov") as container:
        if not container.streams.video:
            return {"error": "There is no picture in this file."}
        video = container.streams.video[0]
        video.thread_count = 1
        seconds = _seconds(container, video)
        frame = next(container.decode(video))
        if poster:
            _draw(container, video, frame, poster, at=seconds / 2)
        return {
            "width": frame.width,
            "height": frame.height,
            "seconds": round(seconds, 3),
            "has_audio": bool(container.streams.audio),
        }


def _seconds(container: Any, video: Any) -> float:
    """Of the picture: an audio track may be some milliseconds longer."""
    if video.duration and video.time_base:
        return float(video.duration * video.time_base)
    return float(container.duration or 0) / av.time_base


def _draw(container: Any, video: Any, first: Any, poster: str, *, at: float) -> None:
    """The middle of the clip says more than its first frame, which is often black."""
    frame = first
    if video.time_base and at > 0:
        container.seek(int(at / video.time_base), stream=video)
        frame = next(container.decode(video), first)
    height = max(2, round(frame.height * POSTER_WIDTH / frame.width))
    small = frame.reformat(width=POSTER_WIDTH, height=height)
    small.to_image().save(poster, "WEBP", quality=80)


def main() -> None:
    """Answer as JSON, whatever the file does."""
    try:
        answer = probe(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None)
    except Exception:  # noqa: BLE001 - a hostile file may raise anything; the parent only needs to know
        answer = {"error": "This is not an MP4 video that can be read."}
    print(json.dumps(answer))
    sys.exit(1 if "error" in answer else 0)


if __name__ == "__main__":
    main()
