"use strict";
(() => {
  const box = document.getElementById("find");
  if (!box) return;
  const [word, probe, fate] = ["word", "probe", "fate"].map((name) => document.getElementById("find-" + name));
  const said = document.getElementById("find-said");
  const all = [...document.querySelectorAll("li[data-fate]")].map((item) => ({
    item,
    text: item.textContent.toLowerCase(),
    place: item.closest(".opened").id,
  }));
  const folds = [...document.querySelectorAll(".probe-section, [data-block]")].map((fold) => ({ fold, open: false }));
  let searching = false;
  const find = () => {
    const wanted = word.value.trim().toLowerCase();
    const narrowed = Boolean(wanted || probe.value || fate.value);
    if (narrowed && !searching) for (const one of folds) one.open = one.fold.open;
    let found = 0;
    for (const { item, text, place } of all) {
      const ofProbe = !probe.value || place === probe.value;
      const hit = ofProbe && (!fate.value || item.dataset.fate === fate.value) && text.includes(wanted);
      item.hidden = !hit;
      found += hit ? 1 : 0;
    }
    for (const { fold, open } of folds) {
      const hit = fold.querySelector("li[data-fate]:not([hidden])");
      fold.hidden = narrowed && !hit;
      if (narrowed) fold.open = Boolean(hit);
      else if (searching) fold.open = open;
    }
    box.parentElement.classList.toggle("searching", narrowed);
    searching = narrowed;
    said.textContent = found + " of " + all.length + " items";
  };
  for (const input of [word, probe, fate]) input.addEventListener("input", find);
  box.hidden = false;
  find();
})();
