"""The site of documentation, as a reader's browser shows it from its files."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.machine import import_part

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

import_part("furo")

DOCS = Path(__file__).parents[2] / "docs"

PARTS = ("tutorial", "how-to", "reference", "background")
# `make soak` and `make compat` write these.
WRITTEN = {"background/soak.md", "background/compat.md"}


@pytest.mark.parametrize("part", PARTS)
def test_every_page_is_named_on_the_first_page_of_its_part(part: str) -> None:
    index = (DOCS / part / "index.md").read_text("utf-8")
    named = re.findall(r"^- .*\]\(([\w-]+)\.md\)", index, re.MULTILINE)
    pages = {page.stem for page in (DOCS / part).glob("*.md")} - {"index"}
    assert set(named) == pages and len(named) == len(pages)


def test_every_page_ends_with_the_way_to_the_next_step() -> None:
    pages = {
        str(page.relative_to(DOCS)): page for part in PARTS for page in (DOCS / part).glob("*.md")
    }
    silent = {
        name for name, page in pages.items() if "\nNext: [" not in page.read_text("utf-8")[-600:]
    }
    assert silent == WRITTEN


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URL of the folder with the site, which is built without a warning."""
    folder = tmp_path_factory.mktemp("site")
    options = ["-q", "-W", "--keep-going", "-b", "html"]
    built = subprocess.run(
        [sys.executable, "-m", "sphinx", *options, str(DOCS), str(folder)],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert (built.returncode, built.stderr) == (0, "")
    return folder.as_uri()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 1200, "height": 900})
    yield context.new_page()
    context.close()


_COLOURS = """() => {
    const style = getComputedStyle(document.body);
    return [style.color, style.backgroundColor].map(text => text.match(/[0-9.]+/g).map(Number));
}"""


def luminance(colour: list[float]) -> float:
    """Return the relative luminance of a colour (WCAG 2.2)."""
    parts = [value / 255 for value in colour[:3]]
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_start_page_follows_the_colours_that_the_reader_likes(
    page: Page, site: str, scheme: Any
) -> None:
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{site}/index.html")
    text, ground = map(luminance, page.evaluate(_COLOURS))
    bright, dim = max(text, ground), min(text, ground)
    assert (ground > text) == (scheme == "light")
    assert (bright + 0.05) / (dim + 0.05) >= 7


@pytest.mark.browser
def test_the_start_page_has_what_to_install_and_the_way_to_each_part(page: Page, site: str) -> None:
    page.goto(f"{site}/index.html")
    assert page.locator("h1").inner_text().startswith("ringsession")
    assert "pip install" in page.locator("article").inner_text()
    links = page.locator("article li a").evaluate_all("all => all.map(a => a.textContent)")
    assert links == ["Tutorial", "How to", "Reference", "Background"]
    top = page.locator("article pre").first.bounding_box()
    assert top is not None and top["y"] < 900  # code on the first screen


@pytest.mark.browser
@pytest.mark.parametrize(
    "name", ["index", "reference/config", "reference/api", "background/security", "how-to/flask"]
)
def test_a_page_fits_a_telephone(page: Page, site: str, name: str) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(f"{site}/{name}.html")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


@pytest.mark.browser
def test_the_search_finds_a_function_without_a_server(page: Page, site: str) -> None:
    page.goto(f"{site}/search.html?q=user_sessions")
    page.wait_for_selector("#search-results li a")
    found = page.locator("#search-results li a").evaluate_all("all => all.map(a => a.textContent)")
    assert any("user_sessions" in text for text in found)
    assert "Sessions of a user" in found


@pytest.mark.browser
def test_the_site_asks_no_other_host_for_anything(page: Page, site: str) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{site}/index.html")
    page.goto(f"{site}/reference/api.html")
    assert len(asked) > 5
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
