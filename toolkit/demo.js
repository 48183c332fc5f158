// The 68 points of a face, to drag. A point takes its neighbours of the same part along; with
// Shift the whole part moves. The value is JSON: points as shares of the square, parts, picture.
const NS = "http://www.w3.org/2000/svg";
const REACH = 1.6; // points along a part after which a drag has faded
let told = null;

function make(name, attributes, parent) {
  const node = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  parent.appendChild(node);
  return node;
}

function lines(svg) {
  svg.querySelectorAll("polyline").forEach((line) => {
    const part = told.parts[line.dataset.part];
    const indices = [...Array(part.stop - part.start).keys()].map((k) => k + part.start);
    if (part.closed) indices.push(part.start);
    line.setAttribute("points", indices.map((k) => told.points[k].map((v) => v * 100)).join(" "));
  });
  svg.querySelectorAll("circle").forEach((dot) => {
    const [x, y] = told.points[dot.dataset.point];
    dot.setAttribute("cx", x * 100);
    dot.setAttribute("cy", y * 100);
  });
}

function drag(svg, index, event) {
  const part = told.parts.find((one) => index >= one.start && index < one.stop);
  const from = told.points.map((point) => [...point]);
  const frame = svg.getBoundingClientRect();
  const moved = (later) => {
    const dx = (later.clientX - event.clientX) / frame.width;
    const dy = (later.clientY - event.clientY) / frame.height;
    for (let k = part.start; k < part.stop; k++) {
      const count = part.stop - part.start;
      let apart = Math.abs(k - index);
      if (part.closed) apart = Math.min(apart, count - apart);
      const share = later.shiftKey ? 1 : Math.exp(-((apart / REACH) ** 2));
      told.points[k] = [from[k][0] + dx * share, from[k][1] + dy * share];
    }
    lines(svg);
  };
  const done = () => {
    window.removeEventListener("pointermove", moved);
    window.removeEventListener("pointerup", done);
    props.value = JSON.stringify(told);
    trigger("input");
  };
  window.addEventListener("pointermove", moved);
  window.addEventListener("pointerup", done);
}

function draw() {
  const holder = element.querySelector(".points");
  holder.replaceChildren();
  if (!props.value) return;
  told = JSON.parse(props.value);
  const svg = make("svg", { viewBox: "0 0 100 100", width: "100%" }, holder);
  if (told.picture)
    make("image", { href: told.picture, width: 100, height: 100, opacity: 0.45 }, svg);
  told.parts.forEach((_, number) => {
    const line = make("polyline", { fill: "none", stroke: "#e0457b", "stroke-width": 0.5 }, svg);
    line.dataset.part = number;
  });
  told.points.forEach((_, index) => {
    const look = { r: 0.95, fill: "#fff", stroke: "#e0457b", "stroke-width": 0.4 };
    const dot = make("circle", { ...look, style: "cursor: grab" }, svg);
    dot.dataset.point = index;
    make("title", {}, dot).textContent = `point ${index}`;
    dot.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      drag(svg, index, event);
    });
  });
  lines(svg);
}

draw();
watch("value", draw);
