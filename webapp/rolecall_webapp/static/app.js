// Comfort only: every page does its work without this file.
"use strict";

// Passwords can be looked at while they are typed.
const offerToShow = (root) => {
  for (const box of root.querySelectorAll("[data-show]")) {
    box.hidden = box.nextElementSibling.hidden = false;
    box.addEventListener("change", () => {
      document.getElementById(box.dataset.show).type = box.checked ? "text" : "password";
    });
  }
};

// "n selected" follows the boxes, and ticking one means the ticked ones.
const count = (form) => {
  const boxes = [...form.querySelectorAll("input[name=ids]")];
  const ticked = boxes.filter((box) => box.checked).length;
  const said = form.querySelector("[data-ticked]");
  if (said) said.textContent = ticked.toLocaleString("en");
  const all = form.querySelector("[data-tick-all]");
  if (all) {
    all.hidden = false;
    all.checked = ticked > 0 && ticked === boxes.length;
    all.indeterminate = ticked > 0 && ticked < boxes.length;
  }
};

document.addEventListener("change", (event) => {
  const form = event.target.form;
  if (event.target.matches("[data-tick-all]")) {
    for (const box of form.querySelectorAll("input[name=ids]")) box.checked = event.target.checked;
  }
  if (event.target.matches("[data-tick-all], input[name=ids]")) {
    form.querySelector("input[name=all][value='']").checked = true;
    count(form);
  }
});

// Only one menu is open at a time, and Escape closes it.
document.addEventListener("click", (event) => {
  for (const each of document.querySelectorAll("details.pop[open], details.me[open]")) if (!each.contains(event.target)) each.open = false;
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") for (const each of document.querySelectorAll("details.pop[open], details.me[open]")) each.open = false;
});

const begin = () => {
  offerToShow(document);
  document.querySelectorAll("form.selection").forEach(count);
  const menu = document.querySelector("[data-menu]");
  if (menu && matchMedia("(max-width: 60rem)").matches) menu.open = false;
};
document.addEventListener("DOMContentLoaded", begin);
document.addEventListener("htmx:afterSettle", () => document.querySelectorAll("form.selection").forEach(count));
