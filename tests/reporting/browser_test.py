"""A report as Chromium shows it: from a file, without a network."""

import importlib.util
import itertools
import json
import os
import shutil

import numpy as np
import pytest
import trainings

from genjax.reporting import build
from genjax.training import loading, workdir

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
DRIVER = shutil.which("chromedriver")
MISSING = [
  name
  for name, there in {
    "chromium": CHROMIUM,
    "chromedriver": DRIVER,
    "selenium": importlib.util.find_spec("selenium"),
  }.items()
  if not there
]
# CI has them all: what is missing there is a fault, and no reason to skip.
if MISSING and not os.environ.get("CI"):
  pytest.skip(f"there is no {', no '.join(MISSING)} here", allow_module_level=True)
assert not MISSING, f"CI lacks {', '.join(MISSING)}"

from selenium import webdriver  # noqa: E402
from selenium.webdriver.support import wait as waiting  # noqa: E402

FLAGS = (
  "--headless=new",
  "--no-sandbox",
  "--disable-gpu",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
)


@pytest.fixture(scope="module")
def page(vae, tmp_path_factory):
  """A report on a trained VAE, and a conditional GAN before its first step, each in a workdir."""
  path = tmp_path_factory.mktemp("pages")
  conditional = trainings.plan("gan", **{"model.network": "s4_cgan", "sweep.latents": (3,)})
  (path / "cgan").mkdir()
  trainings.untrained(path / "cgan", conditional)
  record = json.loads((path / "cgan" / "config.json").read_text())
  record["dataset"]["classes"] = [
    "ant",
    "bee",
    "cat",
    "dog",
    "eel",
    "fox",
    "gnu",
    "owl",
    "pig",
    "yak",
  ]
  (path / "cgan" / "config.json").write_text(json.dumps(record))
  results = [{"status": "running", "best_step": 0, "last_step": 0}] * 2
  workdir.write_runs(path / "cgan", conditional.rows, results)
  build.write([vae[0], path / "cgan"], path / build.FILE, vae[1].splits)
  return path / build.FILE


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
  options = webdriver.ChromeOptions()
  for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
    options.add_argument(flag)
  options.binary_location = CHROMIUM
  options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
  driver = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
  yield driver
  driver.quit()


@pytest.fixture
def show(chromium, page):
  """Opens the page at some width, in a theme."""

  def opened(width=1280, scheme="light", motion="no-preference"):
    chromium.execute_cdp_cmd(
      "Emulation.setDeviceMetricsOverride",
      {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500},
    )
    features = {"prefers-color-scheme": scheme, "prefers-reduced-motion": motion}
    chromium.execute_cdp_cmd(
      "Emulation.setEmulatedMedia",
      {"features": [{"name": name, "value": value} for name, value in features.items()]},
    )
    chromium.get(page.as_uri())
    # The explorer's first sprite is decoded after the page has loaded.
    wait(chromium, "return document.getElementById('image').ariaLabel.includes(':')")
    return chromium

  return opened


def wait(driver, script):
  waiting.WebDriverWait(driver, 30).until(lambda d: d.execute_script(script))


def pixels(driver):
  """The decoded image, [H, W, 4]."""
  script = """
    const canvas = document.getElementById('image');
    const { width, height } = canvas;
    return [width, height,
      Array.from(canvas.getContext('2d').getImageData(0, 0, width, height).data)];
  """
  width, height, data = driver.execute_script(script)
  return np.array(data).reshape(height, width, 4)


def said(driver):
  return driver.execute_script("return document.getElementById('image').ariaLabel")


def choose(driver, field, value):
  """Takes an option as a user does; the sprite is decoded before the canvas changes."""
  before = said(driver)
  driver.execute_script(
    "const field = document.getElementById(arguments[0]); field.value = arguments[1];"
    "field.dispatchEvent(new Event('change'))",
    field,
    str(value),
  )
  waiting.WebDriverWait(driver, 30).until(lambda d: said(d) != before)


def press(driver, element, key):
  driver.find_element("id", element).send_keys(key)


def test_every_image_is_there_and_nothing_is_fetched(show):
  driver = show()
  assert driver.get_log("browser") == []
  widths = driver.execute_script("return Array.from(document.images, i => i.naturalWidth)")
  assert len(widths) > 10
  assert min(widths) > 0
  names = driver.execute_script("return performance.getEntriesByType('resource').map(e => e.name)")
  assert [name for name in names if not name.startswith("data:")] == []


def test_arrow_keys_and_sliders_move_through_the_latent_space(show):
  driver = show()
  seen = [pixels(driver)]
  texts = [said(driver)]
  assert "Dimension 0 0.00, Dimension 1 0.00" in texts[0]
  keys = webdriver.Keys
  for key in (keys.ARROW_RIGHT, keys.ARROW_UP):
    press(driver, "image", key)
    seen.append(pixels(driver))
    texts.append(said(driver))
  press(driver, "axis-0", keys.HOME)
  seen.append(pixels(driver))
  texts.append(said(driver))
  assert len(set(texts)) == 4
  changed = [not np.array_equal(a, b) for a, b in itertools.pairwise(seen)]
  assert all(changed)
  output = driver.find_element("id", "value-0")
  assert (
    output.text == "\N{MINUS SIGN}1.47"
  )  # the normal quantile of 1/14: 7 points, equally likely
  assert output.get_attribute("aria-live") == "polite"
  slider = driver.find_element("id", "axis-0")
  assert slider.get_attribute("aria-valuetext") == "\N{MINUS SIGN}1.47"
  assert slider.get_attribute("type") == "range"


def test_the_pointer_moves_over_the_map(show):
  driver = show()
  before = pixels(driver)
  box = driver.find_element("id", "map")
  side = box.size["width"]
  actions = webdriver.ActionChains(driver)
  actions.move_to_element_with_offset(box, int(0.4 * side), int(-0.4 * side)).perform()
  first, second = (float(driver.find_element("id", f"value-{i}").text) for i in (0, 1))
  assert first > 1
  assert second > 1
  assert not np.array_equal(pixels(driver), before)


def test_runs_and_classes_can_be_chosen(show):
  driver = show()
  space = driver.find_element("id", "space")
  names = [option.text for option in space.find_elements("tag name", "option")]
  conditional = next(i for i, name in enumerate(names) if name.startswith("cgan"))
  assert not driver.find_element("id", "class").is_displayed()
  first = pixels(driver)
  choose(driver, "space", 1)
  assert not np.array_equal(pixels(driver), first)
  choose(driver, "space", conditional)
  assert driver.find_element("id", "class").is_displayed()
  zero = pixels(driver)
  choose(driver, "class", 7)
  assert "class owl" in said(driver)
  assert not np.array_equal(pixels(driver), zero)


def test_the_canvas_has_the_pixels_that_the_run_decodes(show, vae):
  driver = show()
  run = loading.load(vae[0])[0]
  expected = np.asarray(run.generate(np.zeros((1, 2), np.float32)))[0, :, :, 0]
  np.testing.assert_allclose(pixels(driver)[..., 0] / 255, expected, atol=0.51 / 255)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_scrolls_in_one_direction(show, scheme):
  driver = show(360, scheme)
  assert driver.execute_script("return document.documentElement.scrollWidth") == 360
  beyond = driver.execute_script("""
    return Array.from(document.querySelectorAll('main *'), e => [e, e.getBoundingClientRect()])
      .filter(([e, box]) => box.right > 361 && !e.closest('.scroll, pre')).map(([e]) => e.outerHTML)
  """)
  assert beyond == []


def _luminance(color):
  parts = np.array([float(x) for x in color[color.index("(") + 1 : -1].split(",")[:3]]) / 255
  linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
  return linear @ [0.2126, 0.7152, 0.0722]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_contrast(show, scheme):
  """WCAG 2.2, 1.4.3: at least 4.5 to 1."""
  driver = show(1280, scheme)
  pairs = driver.execute_script("""
    const ground = (e) => {
      for (; e; e = e.parentElement) {
        const color = getComputedStyle(e).backgroundColor;
        if (!/, 0\\)$/.test(color)) return color;
      }
    };
    return Array.from(document.querySelectorAll('body *'))
      .filter((e) => Array.from(e.childNodes).some((n) => n.nodeType === 3 && n.data.trim()))
      .filter((e) => e.checkVisibility() && !e.matches('script, option, .skip'))
      .map((e) => [getComputedStyle(e).color, ground(e), e.tagName + ' ' + e.className])
  """)
  assert len(pairs) > 50
  for text, ground, where in {tuple(pair) for pair in pairs}:
    low, high = sorted([_luminance(text), _luminance(ground)])
    assert (high + 0.05) / (low + 0.05) >= 4.5, (where, text, ground)
  paper = driver.execute_script("return getComputedStyle(document.body).backgroundColor")
  assert (_luminance(paper) < 0.1) == (scheme == "dark")


def test_animations_stand_still_where_that_is_asked_for(show):
  def shown(driver):
    count = "return [...document.querySelectorAll(arguments[0])].filter(e => e.checkVisibility())"
    return [len(driver.execute_script(count, name)) for name in (".moving", ".still")]

  driver = show(motion="reduce")
  assert shown(driver)[0] == 0
  rows = shown(driver)[1]
  assert rows > 0
  driver.find_element("id", "motion").click()
  assert shown(driver) == [rows, 0]
  driver = show()
  assert shown(driver) == [rows, 0]
  driver.find_element("id", "motion").click()
  assert shown(driver) == [0, rows]


def test_the_skip_link_is_first_and_leads_to_the_content(show):
  driver = show()
  driver.find_element("tag name", "body").send_keys(webdriver.Keys.TAB)
  focused = driver.switch_to.active_element
  assert focused.text == "Skip to the content"
  outline = driver.execute_script("return getComputedStyle(arguments[0]).outlineStyle", focused)
  assert outline == "solid"
  focused.send_keys(webdriver.Keys.ENTER)
  assert driver.switch_to.active_element.get_attribute("id") == "content"
