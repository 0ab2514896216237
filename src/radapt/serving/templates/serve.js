"use strict";
(() => {
  const page = document.getElementById("page");
  const classes = JSON.parse(page.dataset.classes), shown = JSON.parse(page.dataset.shown);
  const base = page.dataset.base, maps = page.dataset.maps === "yes", parallel = Number(page.dataset.parts);
  const find = (id) => document.getElementById(id);
  const cards = find("cards"), state = find("status"), form = find("token");
  const rows = [], waiting = [];
  let token = "", running = 0, done = 0, all = 0, round = 0;

  function make(name, words = "", kind = "") {
    const made = document.createElement(name);
    if (words) made.textContent = words;
    if (kind) made.className = kind;
    return made;
  }

  function draw(name, attributes) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  }

  const pause = (seconds) => new Promise((then) => setTimeout(then, 1000 * seconds));

  async function ask(path, options = {}) {
    for (let tries = 0; ; tries += 1) {
      const headers = token ? { Authorization: `Bearer ${token}` } : {};
      const answer = await fetch(path, { ...options, headers });
      if (answer.status === 503 && tries < 20) {
        await pause(Number(answer.headers.get("Retry-After")) || 2);
        continue;
      }
      if (answer.status === 401) {
        form.hidden = false;
        find("secret").focus();
      }
      return { ok: answer.ok, status: answer.status, value: await answer.json() };
    }
  }

  const number = (value) => value.toFixed(3);
  const cut = (threshold, name) => (threshold !== null && typeof threshold === "object" ? threshold[name] : threshold);

  function scale(value, threshold) {
    const made = draw("svg", { class: "scale", viewBox: "0 0 320 16", preserveAspectRatio: "none", "aria-hidden": "true" });
    made.append(draw("rect", { class: "whole", x: 0, y: 4, width: 320, height: 8 }));
    made.append(draw("rect", { class: "part", x: 0, y: 4, width: 320 * value, height: 8 }));
    if (threshold !== null && threshold !== undefined) {
      made.append(draw("line", { class: "cut", x1: 320 * threshold, x2: 320 * threshold, y1: 0, y2: 16 }));
    }
    return made;
  }

  function opinion(who, said, kind) {
    const made = make("div", "", `opinion ${kind}`);
    made.append(make("p", who, "who"), make("p", said.label, "says"));
    for (const name of shown) {
      const threshold = cut(said.threshold, name);
      const at = threshold === null || threshold === undefined ? "" : `, threshold ${Number(threshold.toPrecision(3))}`;
      made.append(scale(said.scores[name], threshold), make("p", `${name} ${number(said.scores[name])}${at}`, "numbers"));
    }
    return made;
  }

  function remark(answer) {
    if (answer.ood === null) return [];
    const far = answer.ood.distance_percentile;
    return answer.ood.unlike_reference
      ? [make("p", `Unlike the images that this model was made with, more so than ${far} % of these.`, "flag")]
      : [make("p", "Like the images that this model was made with.", "usual")];
  }

  async function explain(file, button, box) {
    button.disabled = true;
    state.textContent = `Drawing the map of ${file.name}.`;
    try {
      const { ok, value } = await ask("/v1/explain", { method: "POST", body: file });
      box.replaceChildren();
      if (ok) {
        const image = make("img");
        image.src = value.map;
        image.alt = `Map of what speaks for ${value.class} in ${file.name}`;
        box.append(image, make("p", `What speaks for ${value.class}. ${value.note}`));
        state.textContent = "The map is drawn.";
      } else {
        box.append(make("p", value.error));
        state.textContent = value.error;
        button.disabled = false;
      }
    } catch {
      state.textContent = "The service does not answer.";
      button.disabled = false;
    }
  }

  function fill(card, file, answer) {
    const seen = make("div", "", "seen"), text = make("div");
    const image = make("img");
    image.src = answer.preview;
    image.alt = `${file.name} as the model sees it`;
    seen.append(image);
    const opinions = make("div", "", "opinions");
    opinions.append(opinion(base ? "adapted model" : "predicted", answer, "own"));
    if (answer.base) opinions.append(opinion(`base model (${base})`, answer.base, "base"));
    text.append(make("h3", file.name), opinions, ...remark(answer));
    if (answer.warning) text.append(make("p", answer.warning, "flag"));
    if (maps) {
      const tools = make("div", "", "tools"), button = make("button", "Show a map"), box = make("div", "", "map");
      button.type = "button";
      button.setAttribute("aria-label", `Show a map of ${file.name}`);
      button.addEventListener("click", () => explain(file, button, box));
      tools.append(button);
      text.append(tools, box);
    }
    card.replaceChildren(seen, text);
  }

  function fail(card, file, sentence) {
    const text = make("div");
    text.append(make("h3", file.name), make("p", sentence));
    card.className = "card failed";
    card.replaceChildren(make("div", "", "seen"), text);
  }

  async function score({ file, card, row }) {
    const path = `/v1/predict?preview=true&base=${base ? "true" : "false"}`;
    try {
      const { ok, status, value } = await ask(path, { method: "POST", body: file });
      if (ok) {
        row.answer = value;
        fill(card, file, value);
      } else {
        row.error = value.error ?? `The service answered with ${status}.`;
        fail(card, file, row.error);
      }
    } catch {
      row.error = "The service does not answer, or the file cannot be read any more.";
      fail(card, file, row.error);
    }
  }

  async function work() {
    running += 1;
    while (waiting.length) {
      const begun = round;
      await score(waiting.shift());
      if (begun !== round) continue;  // cleared meanwhile
      done += 1;
      state.textContent = done < all ? `${done} of ${all} images answered.` : `${all} of ${all} images answered. All done.`;
    }
    running -= 1;
    if (!running) refresh();
  }

  function take(files) {
    for (const file of files) {
      const card = make("li", "", "card"), row = { name: file.name };
      card.append(make("div", "", "seen"), make("h3", `${file.name}: waiting`));
      cards.append(card);
      rows.push(row);
      waiting.push({ file, card, row });
      all += 1;
    }
    find("none").hidden = rows.length > 0;
    find("save").disabled = find("clear").disabled = !rows.length;
    while (running < parallel && running < waiting.length + running && waiting.length) work();
  }

  async function refresh() {
    try {
      const { ok, value } = await ask("/v1/recent");
      if (!ok || !value.images) return;
      const shares = Object.entries(value.labels).map(([name, share]) => `${Math.round(100 * share)} % ${name}`).join(", ");
      const unlike = value.unlike_reference === null ? "" : ` Unlike the reference: ${Math.round(100 * value.unlike_reference)} %; of images like it, 5 %.`;
      find("recent").textContent = `Of the last ${value.images} (${value.most} at most are counted, without their pixels and names): ${shares}.${unlike}`;
    } catch {
      find("recent").textContent = "The service does not answer.";
    }
  }

  async function test() {
    const words = find("words");
    words.replaceChildren(make("li", "Testing."));
    try {
      const { value } = await ask("/v1/drift", { method: "POST" });
      words.replaceChildren(...(value.words ?? [value.error]).map((each) => make("li", each)));
    } catch {
      words.replaceChildren(make("li", "The service does not answer."));
    }
  }

  function cell(value) {
    const text = String(value ?? "");
    const safe = typeof value === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  }

  function table() {
    const head = ["file", ...classes.map((name) => `score:${name}`), "label", "threshold", "unlike_reference", "distance_percentile", "warning"];
    if (base) head.push(...classes.map((name) => `base:${name}`), "base_label");
    head.push("error");
    const lines = rows.map(({ name, answer, error }) => {
      const own = answer ?? { scores: {}, ood: null }, other = own.base ?? { scores: {} };
      const at = own.threshold !== null && typeof own.threshold === "object" ? JSON.stringify(own.threshold) : own.threshold;
      const unlike = own.ood ? (own.ood.unlike_reference ? "yes" : "no") : "";
      const cells = [name, ...classes.map((each) => own.scores[each]), own.label, at, unlike, own.ood?.distance_percentile, own.warning];
      if (base) cells.push(...classes.map((each) => other.scores[each]), other.label);
      return [...cells, error];
    });
    return [head, ...lines].map((cells) => cells.map(cell).join(",")).join("\r\n");
  }

  function save() {
    const link = make("a");
    link.href = URL.createObjectURL(new Blob([table(), "\r\n"], { type: "text/csv" }));
    link.download = "answers.csv";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  function clear() {
    rows.length = waiting.length = 0;
    done = all = 0;
    round += 1;
    cards.replaceChildren();
    state.textContent = "";
    find("none").hidden = false;
    find("save").disabled = find("clear").disabled = true;
    find("files").focus();
  }

  const drop = find("drop");
  for (const name of ["dragover", "drop"]) addEventListener(name, (event) => event.preventDefault());
  addEventListener("dragover", () => drop.classList.add("over"));
  addEventListener("dragleave", (event) => event.relatedTarget ?? drop.classList.remove("over"));
  addEventListener("drop", (event) => {
    drop.classList.remove("over");
    take(event.dataTransfer.files);
  });
  find("files").addEventListener("change", (event) => {
    take([...event.target.files]);
    event.target.value = "";
  });
  find("save").addEventListener("click", save);
  find("clear").addEventListener("click", clear);
  find("test")?.addEventListener("click", test);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    token = find("secret").value.trim();
    form.hidden = true;
    state.textContent = "The token is used for what you send from now on.";
    refresh();
  });
  refresh();
})();
