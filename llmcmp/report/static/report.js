"use strict";
// Sorting, filtering, light and dark. Without a script the page is whole; this only moves and hides.
(() => {
  const root = document.documentElement;
  root.classList.add("js");

  // Light and dark: the system's until the reader chooses; the choice is kept where the browser lets it be.
  const kept = {
    read: () => { try { return localStorage.getItem("llmcmp-theme"); } catch { return null; } },
    write: (theme) => { try { localStorage.setItem("llmcmp-theme", theme); } catch { /* private or file: not kept */ } },
  };
  const system = matchMedia("(prefers-color-scheme: dark)");
  const theme = () => root.dataset.theme || (system.matches ? "dark" : "light");
  const button = document.getElementById("theme");
  const show = () => button.setAttribute("aria-pressed", String(theme() === "dark"));
  if (["light", "dark"].includes(kept.read())) root.dataset.theme = kept.read();
  button.addEventListener("click", () => {
    root.dataset.theme = theme() === "dark" ? "light" : "dark";
    kept.write(root.dataset.theme);
    show();
  });
  system.addEventListener("change", show);
  show();

  // Sorting: numbers by their raw values, largest first; texts from a to z; what is unknown stays last.
  const natural = new Intl.Collator("en", { numeric: true }).compare;
  const compare = (a, b, numeric) => {
    if (a === undefined || b === undefined) return (a === undefined) - (b === undefined);
    return numeric ? Number(a) - Number(b) : natural(a, b);
  };
  const sort = (heading) => {
    const row = heading.parentElement, body = heading.closest("table").tBodies[0];
    const column = [...row.children].indexOf(heading), numeric = heading.dataset.kind === "number";
    const now = heading.getAttribute("aria-sort");
    const first = numeric ? "descending" : "ascending";
    const next = now === "none" ? first : now === "ascending" ? "descending" : "ascending";
    for (const other of row.children) other.setAttribute("aria-sort", other === heading ? next : "none");
    const value = (line) => line.children[column].dataset.v;
    const sign = next === "ascending" ? 1 : -1;
    const lines = [...body.rows].sort((a, b) => {
      const order = compare(value(a), value(b), numeric);
      return value(a) === undefined || value(b) === undefined ? order : sign * order;
    });
    body.append(...lines);
  };
  for (const heading of document.querySelectorAll("th[aria-sort]")) {
    heading.querySelector("button").addEventListener("click", () => sort(heading));
  }

  // Filtering: "llama qwen" is either, "moe+2024" is both. Rows, cards and chips go; lines and marks fade.
  const box = document.getElementById("filter"), count = document.getElementById("count");
  const chips = [...document.querySelectorAll("[data-find]")];
  const words = new Map(chips.map((chip) => [chip.dataset.model, chip.dataset.find]));
  const matches = (name, wanted) => {
    const text = words.get(name) ?? "";
    return !wanted.length || wanted.some((group) => group.every((word) => text.includes(word)));
  };
  const filter = () => {
    const wanted = box.value.toLowerCase().split(/[\s,]+/).map((each) => each.split("+").filter(Boolean))
      .filter((group) => group.length);
    for (const each of document.querySelectorAll("[data-model]")) each.hidden = !matches(each.dataset.model, wanted);
    for (const each of document.querySelectorAll("[data-series]")) {
      each.classList.toggle("off", !matches(each.dataset.series, wanted));
    }
    const left = [...words.keys()].filter((name) => matches(name, wanted)).length;
    count.textContent = wanted.length ? `${left} of ${words.size}` : "";
  };
  box.addEventListener("input", filter);
  document.addEventListener("keydown", (event) => {
    const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName);
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) { event.preventDefault(); box.focus(); }
    if (event.key === "Escape" && document.activeElement === box) { box.value = ""; filter(); }
  });

  // What is folded away belongs on paper, too.
  const folded = () => [...document.querySelectorAll("details:not([open])")];
  let opened = [];
  addEventListener("beforeprint", () => { opened = folded(); for (const each of opened) each.open = true; });
  addEventListener("afterprint", () => { for (const each of opened) each.open = false; });
})();
