"use strict";
(() => {
  const $ = (id) => document.getElementById(id);

  // Copy buttons.
  for (const button of document.querySelectorAll(".copy")) {
    button.addEventListener("click", async () => {
      const text = button.previousElementSibling.textContent;
      try {
        await navigator.clipboard.writeText(text);
      } catch {  // from file:// some browsers have no clipboard: select the text, to be copied
        getSelection().selectAllChildren(button.previousElementSibling);
        if (!document.execCommand("copy")) {
          $("announce").textContent = "The command is selected: copy it";
          return;
        }
      }
      button.textContent = "Copied";
      $("announce").textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
  }

  // Stills in place of animations; at once where less motion is asked for.
  const motion = $("motion");
  const stills = (wanted) => {
    document.body.classList.toggle("stills", wanted);
    document.body.classList.toggle("motion", !wanted);
    motion.setAttribute("aria-pressed", String(wanted));
  };
  motion.addEventListener("click", () => stills(motion.getAttribute("aria-pressed") !== "true"));
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) stills(true);

  // The explorer.
  const { spaces } = JSON.parse($("spaces").textContent);
  if (!spaces.length) return;
  const image = $("image"), map = $("map"), MAP = 560;
  let space, places, sprite, asked = 0;

  const n = () => space.values.length;
  const shown = (i) => space.values[i].toFixed(2).replace("-", "\u2212");
  const option = (name, value) => new Option(name, value);
  spaces.forEach((one, i) => $("space").add(option(one.name, i)));

  const fit = (canvas, width, height) => {
    canvas.width = width;
    canvas.height = height;
    canvas.getContext("2d").imageSmoothingEnabled = false;
  };

  // Tiles: the first axis to the right, the second upwards, the third in pages.
  const tile = () => {
    const [i, j, k] = [...places, 0, 0];
    const rows = space.axes.length > 1 ? n() : 1;
    return [i, k * rows + (rows - 1 - (space.axes.length > 1 ? j : 0))];
  };

  const draw = () => {
    const { width, height } = space, [column, row] = tile();
    image.getContext("2d").drawImage(
      sprite, column * width, row * height, width, height, 0, 0, width, height);
    const named = space.axes.map((axis, a) => `${axis.split(",")[0]} ${shown(places[a])}`);
    const label = space.sprites.length > 1 ? `class ${space.classes[$("class").value]}, ` : "";
    image.setAttribute("aria-label", `Decoded image: ${space.name}, ${label}${named.join(", ")}`);
    space.axes.forEach((_, a) => {
      const slider = $(`axis-${a}`);
      slider.value = places[a];
      slider.setAttribute("aria-valuetext", shown(places[a]));
      $(`value-${a}`).textContent = shown(places[a]);
    });
    if (space.axes.length > 1) drawMap();
  };

  const drawMap = () => {
    const context = map.getContext("2d"), side = n();
    const page = (places[2] || 0) * side * space.height;
    const [w, h] = [side * space.width, side * space.height];
    context.drawImage(sprite, 0, page, w, h, 0, 0, map.width, map.height);
    const [x, y] = [map.width / side, map.height / side];
    for (const [color, line] of [["#fff", 6], ["#c2410c", 3]]) {
      context.strokeStyle = color;
      context.lineWidth = line;
      context.strokeRect(places[0] * x, (side - 1 - places[1]) * y, x, y);
    }
  };

  const slider = (axis, a) => {
    const field = document.createElement("div");
    field.className = "slider";
    const label = document.createElement("label"), output = document.createElement("output");
    const input = document.createElement("input");
    Object.assign(input, { type: "range", id: `axis-${a}`, min: 0, max: n() - 1, step: 1 });
    label.htmlFor = output.htmlFor = input.id;
    label.textContent = axis;
    output.id = `value-${a}`;
    output.setAttribute("aria-live", "polite");
    input.addEventListener("input", () => move(a, Number(input.value)));
    field.append(label, output, input);
    return field;
  };

  const move = (a, place) => {
    if (a >= space.axes.length) return;
    places[a] = Math.max(0, Math.min(n() - 1, place));
    draw();
  };

  // A sprite is decoded when its run and class are first looked at.
  const look = () => {
    const wanted = Number($("space").value), mine = ++asked;
    const next = new Image();
    next.addEventListener("load", () => {
      if (mine !== asked) return;  // another one was chosen meanwhile
      const other = spaces[wanted] !== space;
      sprite = next;
      if (other) settle(spaces[wanted]);
      draw();
    });
    const { sprites, classes } = spaces[wanted], chosen = $("class").value;
    $("class").replaceChildren(...classes.map(option));
    $("class").value = classes[chosen] === undefined ? 0 : chosen;
    $("class-field").hidden = sprites.length < 2;
    next.src = sprites[sprites.length < 2 ? 0 : Number($("class").value)];
  };

  const settle = (next) => {
    const same = space && space.axes.length === next.axes.length &&
      space.values.length === next.values.length;
    space = next;
    places = same ? places : space.axes.map(() => Math.floor(n() / 2));
    $("sliders").replaceChildren(...space.axes.map(slider));
    $("about").textContent = space.about;
    $("map-card").hidden = space.axes.length < 2;
    fit(image, space.width, space.height);
    fit(map, MAP, Math.round(MAP * space.height / space.width));
  };

  $("space").addEventListener("change", look);
  $("class").addEventListener("change", look);

  const keys = {
    ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowDown: [1, -1], ArrowUp: [1, 1],
    PageDown: [2, -1], PageUp: [2, 1],
  };
  image.addEventListener("keydown", (event) => {
    const key = keys[event.key];
    if (!key || key[0] >= space.axes.length) return;
    event.preventDefault();
    move(key[0], places[key[0]] + key[1]);
  });

  const follow = (canvas) => (event) => {
    if (event.type === "pointermove" && event.pointerType !== "mouse" && !event.buttons) return;
    const box = canvas.getBoundingClientRect(), side = n();
    const at = (from, length) => Math.floor(from / length * side);
    places[0] = Math.max(0, Math.min(side - 1, at(event.clientX - box.left, box.width)));
    if (space.axes.length > 1) {
      const down = at(event.clientY - box.top, box.height);
      places[1] = Math.max(0, Math.min(side - 1, side - 1 - down));
    }
    draw();
  };
  for (const canvas of [image, map]) {
    canvas.addEventListener("pointermove", follow(canvas));
    canvas.addEventListener("pointerdown", follow(canvas));
  }
  look();
})();
