"""Makes the README's picture from a fresh demo: `python -m tests.journeys.picture docs/studio.png`."""

import sys
import tempfile
from pathlib import Path

from tests.journeys import stage

ADA, PASSWORD = "ada@northlight.example", "dailies-demo-1"


def main(target: str) -> None:
    """The workspace's gallery on a desk, in the dark."""
    with (
        tempfile.TemporaryDirectory() as folder,
        stage.running(Path(folder) / "data") as demo,
        stage.browser() as chromium,
    ):
        page = chromium.new_page(color_scheme="dark", viewport={"width": 1280, "height": 800})
        stage.sign_in(page, demo, ADA, PASSWORD)
        page.fill("[name=prompt]", "A paper boat drifts down a rainy street at night, neon reflections")
        page.wait_for_timeout(500)
        page.screenshot(path=target)


if __name__ == "__main__":
    main(sys.argv[1])
