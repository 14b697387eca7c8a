"use strict";
// Without this script the page is complete; it adds what a reader may want: open, sort, filter.

// A link into a closed section opens it; an address with such a mark does, too.
function reveal(mark) {
  const target = document.getElementById(decodeURIComponent(mark.slice(1)));
  for (let part = target; part; part = part.parentElement) {
    if (part.tagName === "DETAILS") part.open = true;
  }
  if (target) target.scrollIntoView();
}
document.addEventListener("click", (event) => {
  const link = event.target.closest('a[href^="#"]');
  if (link) reveal(link.hash);
});
addEventListener("hashchange", () => location.hash && reveal(location.hash));
if (location.hash) reveal(location.hash);

// Numbers in order of size, everything else as text; a cell may say by what it is sorted.
function key(row, column) {
  const cell = row.cells[column];
  return cell.dataset.sort ?? cell.textContent.trim();
}
function compare(a, b) {
  const [x, y] = [parseFloat(a), parseFloat(b)];
  if (!Number.isNaN(x) && !Number.isNaN(y)) return x - y;
  return a.localeCompare(b, "en", { numeric: true });
}
function sort(table, column, descending) {
  const body = table.tBodies[0];
  const rows = [...body.rows].sort((a, b) => compare(key(a, column), key(b, column)));
  body.append(...(descending ? rows.reverse() : rows));
  for (const head of heads(table)) head.removeAttribute("aria-sort");
  heads(table)[column].setAttribute("aria-sort", descending ? "descending" : "ascending");
}
function heads(table) {
  return [...table.tHead.rows[table.tHead.rows.length - 1].cells];
}

function element(tag, attributes, ...parts) {
  const made = Object.assign(document.createElement(tag), attributes);
  made.append(...parts);
  return made;
}
function labelled(text, control) {
  return element("label", {}, `${text} `, control);
}
function option(text, value = text) {
  return element("option", { value }, text);
}

for (const table of document.querySelectorAll("table.sortable")) {
  heads(table).forEach((head, column) => {
    const button = element("button", { type: "button" }, ...head.childNodes);
    button.addEventListener("click", () => sort(table, column, head.getAttribute("aria-sort") === "ascending"));
    head.append(button);
  });
}

// Claims: search in their words, one verdict alone, and a choice of order for phones, where no heads are seen.
for (const table of document.querySelectorAll("table.claims")) {
  const rows = [...table.tBodies[0].rows];
  const search = element("input", { type: "search" });
  const verdict = element("select", {}, option("all", ""), ...new Set(rows.map((row) => row.dataset.verdict)));
  [...verdict.childNodes].filter((part) => part.nodeType === 3).forEach((text) => text.replaceWith(option(text.data)));
  const order = element("select", {}, option("as in the paper", ""), ...heads(table).map((head, k) => option(head.textContent, k)));
  const count = element("output", {});
  const show = () => {
    const words = search.value.toLowerCase();
    for (const row of rows) {
      row.hidden = !row.textContent.toLowerCase().includes(words) || (verdict.value && row.dataset.verdict !== verdict.value);
    }
    count.value = `${rows.filter((row) => !row.hidden).length} of ${rows.length} claims`;
  };
  search.addEventListener("input", show);
  verdict.addEventListener("change", show);
  order.addEventListener("change", () => (order.value ? sort(table, Number(order.value), false) : table.tBodies[0].append(...rows)));
  show();
  const tools = element("div", { className: "tools" }, labelled("Search", search), labelled("Verdict", verdict), labelled("Order", order), count);
  table.closest(".scroll").before(tools);
}
