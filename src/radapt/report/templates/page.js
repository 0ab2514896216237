"use strict";
// Tables can be sorted, copied and saved; a link to a folded section opens it. Without scripts all is there too.
(() => {
  const text = (cell) => cell.textContent.replace(/\s+/g, " ").trim();
  const number = (words) => parseFloat(words.replace(/\u2212/g, "-").replace(/,/g, ""));
  // A cell over several columns is the first of them, and the others are empty.
  const texts = (row) => [...row.cells].flatMap((cell) => [text(cell), ...Array(cell.colSpan - 1).fill("")]);

  function sort(table, column, heading) {
    const falling = heading.getAttribute("aria-sort") === "ascending";
    table.querySelectorAll("th[aria-sort]").forEach((other) => other.removeAttribute("aria-sort"));
    heading.setAttribute("aria-sort", falling ? "descending" : "ascending");
    for (const body of table.tBodies) {
      const rows = [...body.rows].filter((row) => !row.classList.contains("group"));
      const key = (row) => texts(row)[column] ?? "";
      rows.sort((one, other) => {
        const [a, b] = [number(key(one)), number(key(other))];
        if (isNaN(a) && isNaN(b)) return key(one).localeCompare(key(other));
        return isNaN(a) ? 1 : isNaN(b) ? -1 : a - b;
      });
      (falling ? rows.reverse() : rows).forEach((row) => body.append(row));
    }
  }

  const lines = (table, join) => [...table.rows].map((row) => join(texts(row)));
  const quoted = (words) => (/[",\n]/.test(words) ? `"${words.replace(/"/g, '""')}"` : words);

  function button(words, act) {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = words;
    made.addEventListener("click", () => act(made));
    return made;
  }

  function save(table) {
    const csv = lines(table, (cells) => cells.map(quoted).join(",")).join("\r\n").replace(/\u2212/g, "-");
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([csv], { type: "text/csv" }));
    link.download = `${table.closest("section")?.id || "table"}.csv`;
    link.click();
    URL.revokeObjectURL(link.href);
  }

  function copy(table, made) {
    const words = lines(table, (cells) => cells.join("\t")).join("\n");
    navigator.clipboard.writeText(words).then(
      () => { made.textContent = "Copied"; },
      () => { made.textContent = "The browser does not allow it"; },
    );
  }

  for (const figure of document.querySelectorAll("figure.table")) {
    for (const table of figure.querySelectorAll("table")) {
      const tools = document.createElement("div");
      tools.className = "tools";
      tools.append(button("Copy", (made) => copy(table, made)), button("Save as CSV", () => save(table)));
      (table.closest(".scroll") ?? table).after(tools);
      [...(table.tHead?.rows[0]?.cells ?? [])].forEach((heading, column) => {
        if (!text(heading)) return; // a corner without a name
        const made = button("", () => sort(table, column, heading));
        made.append(...heading.childNodes);
        heading.append(made);
      });
    }
  }

  function open() {
    const section = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    section?.querySelector(":scope > details")?.setAttribute("open", "");
    section?.scrollIntoView();
  }
  addEventListener("hashchange", open);
  open();
})();
