// Scores photos by onnxruntime-web. The page's policy lets it ask only its own folder for anything, and nothing is ever sent.
import * as ort from "./ort.wasm.min.mjs";

const STRIP = 20, LEAST = 8, MEGAPIXELS = 100;
const $ = (id) => document.getElementById(id);
ort.env.wasm.numThreads = 1; // more need headers that a plain file server does not send
ort.env.wasm.wasmPaths = new URL("./", import.meta.url).href;

const rows = [];
let bundle, model, explain, queue = Promise.resolve();

async function start() {
  bundle = await (await fetch("bundle.json")).json();
  $("model").textContent = bundle.name;
  $("simulated").hidden = !bundle.simulated;
  model = await ort.InferenceSession.create("model.onnx", {executionProviders: ["wasm"]});
  if (bundle.reading) explain = await ort.InferenceSession.create("explain.onnx", {executionProviders: ["wasm"]});
  $("status").textContent = "Drop photos here, or choose some.";
  $("files").disabled = false;
  document.body.dataset.ready = "yes";
}

/** A file's pixels, upright, in sRGB, on white: {data, width, height}. */
async function pixels(file) {
  const bitmap = await createImageBitmap(file).catch(() => { throw new Error("not an image that this browser can read"); });
  const {width, height} = bitmap;
  if (Math.min(width, height) < LEAST) throw new Error(`only ${width} x ${height} pixels`);
  if (Math.max(width, height) > STRIP * Math.min(width, height)) throw new Error(`${width} x ${height} pixels are a strip, not an image`);
  if (width * height > MEGAPIXELS * 1e6) throw new Error(`more than ${MEGAPIXELS} megapixels`);
  const context = new OffscreenCanvas(width, height).getContext("2d", {willReadFrequently: true});
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return context.getImageData(0, 0, width, height);
}

async function run(session, planes) {
  const images = new ort.Tensor("uint8", planes, [1, 3, bundle.size, bundle.size]);
  const found = await session.run({[session.inputNames[0]]: images});
  return Array.from(found[session.outputNames[0]].data);
}

/** What use/reading.py's `statements` says. */
function statements(outputs) {
  const {classes, weights, bias, named, told} = bundle.reading;
  const logits = bias.map((start, c) => outputs.reduce((sum, value, k) => sum + value * weights[k][c], start));
  const most = Math.max(...logits), likely = logits.map((logit) => Math.exp(logit - most));
  const total = likely.reduce((a, b) => a + b, 0), by = new Map();
  classes.forEach(([name, level], c) => {
    if (name === "") return;
    const each = by.get(name) || {name, probability: 0, level: 0};
    each.probability += likely[c] / total;
    each.level += likely[c] / total * level;
    by.set(name, each);
  });
  const best = [...by.values()].sort((a, b) => b.probability - a.probability).slice(0, named);
  return best.filter((each) => each.probability >= (told[each.name] ?? Infinity))
    .map((each) => ({...each, level: each.level / each.probability}));
}

function words({name, level}) {
  const said = bundle.said[name][level < 0 ? 0 : 1] || name.replaceAll("_", " ");
  return Math.abs(level) >= 0.5 ? `${said}, about level ${Math.round(level)}` : said;
}

async function score(file) {
  const planes = letterbox(await pixels(file), bundle.size), votes = await run(model, planes);
  const mean = votes.reduce((sum, vote, k) => sum + vote * bundle.values[k], 0);
  const spread = Math.sqrt(votes.reduce((sum, vote, k) => sum + vote * (bundle.values[k] - mean) ** 2, 0));
  const off = explain ? statements(await run(explain, planes)).map(words).join("; ") : "";
  return {file: file.webkitRelativePath || file.name, score: mean, spread, votes, explanation: off};
}

function element(tag, kind, text) {
  const made = document.createElement(tag);
  made.className = kind;
  if (text !== undefined) made.textContent = text;
  return made;
}

function card(row, file) {
  const item = element("li", "photo"), image = new Image(), bars = element("div", "bars");
  image.alt = row.file;
  image.src = URL.createObjectURL(file);
  image.onload = () => URL.revokeObjectURL(image.src);
  for (const vote of row.votes) {
    const bar = element("i", "");
    bar.style.height = `${100 * vote / Math.max(...row.votes)}%`;
    bars.append(bar);
  }
  bars.setAttribute("role", "img");
  bars.setAttribute("aria-label", "Predicted votes: " + row.votes.map((vote, k) => `${bundle.values[k]}: ${Math.round(100 * vote)} %`).join(", "));
  item.append(image, element("p", "score", `${row.score.toFixed(2)} ± ${row.spread.toFixed(2)}`), element("p", "name", row.file));
  if (row.explanation) item.append(element("p", "off", row.explanation));
  item.append(bars);
  item.dataset.score = row.score;
  return item;
}

function sorted() {
  const sign = $("sort").value === "score" ? 1 : -1;
  $("photos").append(...[...$("photos").children].sort((a, b) => sign * (a.dataset.score - b.dataset.score)));
}

async function take(files) {
  let done = 0;
  for (const file of files) {
    $("status").textContent = `${done} of ${files.length} photos`;
    try {
      const row = await score(file);
      rows.push(row);
      $("photos").append(card(row, file));
    } catch (error) {
      rows.push({file: file.name, unreadable: error.message});
      $("broken").append(element("li", "", `${file.name}: ${error.message}`));
    }
    done += 1;
  }
  sorted();
  $("status").textContent = `${done} of ${files.length} photos done. Drop more, or choose some.`;
  $("save").disabled = false;
}

function save() {
  const cell = (value) => `"${String(value).replaceAll('"', '""')}"`;
  const lines = rows.filter((row) => row.votes).map((row) => [cell(row.file), row.score.toFixed(4), row.spread.toFixed(4), cell(row.explanation)].join(","));
  const link = element("a", "");
  link.href = URL.createObjectURL(new Blob([["file,score,spread,explanation", ...lines, ""].join("\n")], {type: "text/csv"}));
  link.download = "scores.csv";
  link.click();
}

const enqueue = (files) => { queue = queue.then(() => take(files)); };
$("files").addEventListener("change", (event) => enqueue([...event.target.files]));
document.addEventListener("dragover", (event) => event.preventDefault());
document.addEventListener("drop", (event) => {
  event.preventDefault();
  if (model) enqueue([...event.dataTransfer.files]);
});
$("sort").addEventListener("change", sorted);
$("save").addEventListener("click", save);
globalThis.scored = rows;
start().catch((error) => { $("status").textContent = `The network cannot be loaded (${error.message}). Is the whole folder served over HTTP?`; });
