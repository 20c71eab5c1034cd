// Every page works without this. It makes some of them easier to use.
"use strict";

const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const announce = text => { document.getElementById("announce").textContent = text; };

// Times, in the visitor's language and zone.
const days = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
const minutes = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });
for (const time of all("time[datetime]")) {
  const moment = new Date(time.dateTime);
  if (isNaN(moment)) continue;
  time.title = exact.format(moment);
  if ("words" in time.dataset) continue;
  time.textContent = ("minute" in time.dataset ? minutes : days).format(moment);
}

// Buttons that copy the text of the element whose id they name.
for (const button of all("[data-copy]")) {
  const label = button.textContent;
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", async () => {
    const source = document.getElementById(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(source.textContent);
      button.textContent = "Copied";
      announce("Copied");
    } catch {
      getSelection().selectAllChildren(source);
      button.textContent = "Press Ctrl+C";
      announce("Selected. Copy it with the keyboard.");
    }
    setTimeout(() => { button.textContent = label; announce(""); }, 3000);
  });
}

// A box that chooses all of its form, and how many are chosen.
for (const form of all("form[data-choose]")) {
  const whole = form.querySelector("[data-all]");
  const boxes = all("input[type=checkbox][name]", form);
  const told = form.querySelector("[data-count]");
  const update = () => {
    const chosen = boxes.filter(box => box.checked).length;
    whole.checked = chosen > 0 && chosen === boxes.length;
    whole.indeterminate = chosen > 0 && chosen < boxes.length;
    told.textContent = chosen === 0 ? "" : chosen === 1 ? "1 chosen" : chosen + " chosen";
  };
  whole.parentElement.hidden = boxes.length === 0;
  whole.addEventListener("change", () => { boxes.forEach(box => { box.checked = whole.checked; }); update(); });
  form.addEventListener("change", update);
  addEventListener("pageshow", update);
}

// A box that filters the items of the list whose id it names. Items are li,
// groups of them [data-group], which may be details. [data-none] with that id is
// shown in the place of the list where nothing matches.
for (const box of all("[data-filter]")) {
  const list = document.getElementById(box.dataset.filter);
  const items = all("li", list);
  const none = document.querySelector(`[data-none="${list.id}"]`);
  const filter = () => {
    const words = box.value.toLowerCase().split(/\s+/);
    for (const item of items) {
      const text = item.textContent.toLowerCase();
      item.hidden = !words.every(word => text.includes(word));
    }
    all("[data-group]", list).forEach(group => { group.hidden = !group.querySelector("li:not([hidden])"); group.open = box.value !== "" || !!group.querySelector(":checked"); });
    const shown = items.filter(item => !item.hidden).length;
    if (none) none.hidden = !(list.hidden = shown === 0);
    announce(box.value === "" ? "" : shown === 1 ? "1 match" : shown + " matches");
  };
  box.closest("[hidden]")?.removeAttribute("hidden");
  box.addEventListener("input", filter);
  box.addEventListener("keydown", event => { if (event.key === "Enter") event.preventDefault(); });
  filter();
}

// What a form is about to do: each part is what the first of its fields says that says something.
for (const summary of all("[data-summary]")) {
  const form = summary.closest("form");
  const says = name => all(`[name="${name}"]:not([type=radio], [type=checkbox]), [name="${name}"]:checked`, form)
    .map(field => field.dataset.label ?? (field.type === "radio" ? field.parentElement.textContent : field.value)).join(", ");
  const update = () => all("[data-of]", summary).forEach(part => { part.textContent = part.dataset.of.split(" ").map(says).find(text => text) ?? "–"; });
  form.addEventListener("input", update);
  addEventListener("pageshow", update);
}

// Open menus close when something else is used.
const close = keep => all("details.menu[open]").forEach(menu => { if (!menu.contains(keep)) menu.open = false; });
addEventListener("click", event => close(event.target));
addEventListener("keydown", event => {
  const menu = event.key === "Escape" && document.activeElement.closest("details.menu[open]");
  if (menu) { menu.open = false; menu.querySelector("summary").focus(); }
});

// What was refused is read first.
document.querySelector("[data-focus]")?.focus();

// A page that is gone, and may come back from the browser's memory, has no secret.
addEventListener("pagehide", () => all("[data-secret]").forEach(secret => { secret.textContent = "no longer shown"; }));
