"use strict";
(() => {
  const box = document.getElementById("find");
  if (!box) return;
  const [word, probe, fate] = ["word", "probe", "fate"].map((name) => document.getElementById("find-" + name));
  const said = document.getElementById("find-said");
  const parts = [...document.querySelectorAll("details[data-part]")].map((part) => ({
    part,
    open: part.open,
    blocks: [...part.querySelectorAll("[data-block]")],
    items: [...part.querySelectorAll("li[data-fate]")].map((item) => [item, item.textContent.toLowerCase()]),
  }));
  let searching = false;
  const find = () => {
    const wanted = word.value.trim().toLowerCase();
    const narrowed = Boolean(wanted || probe.value || fate.value);
    let all = 0;
    let found = 0;
    for (const entry of parts) {
      if (wanted && !searching) entry.open = entry.part.open;
      const ofProbe = !probe.value || entry.part.dataset.part === probe.value;
      let here = 0;
      for (const [item, text] of entry.items) {
        const hit = ofProbe && (!fate.value || item.dataset.fate === fate.value) && text.includes(wanted);
        item.hidden = !hit;
        here += hit ? 1 : 0;
      }
      for (const block of entry.blocks) block.hidden = narrowed && !block.querySelector("li:not([hidden])");
      entry.part.hidden = narrowed && !here;
      if (wanted) entry.part.open = here > 0;
      else if (searching) entry.part.open = entry.open;
      all += entry.items.length;
      found += here;
    }
    searching = Boolean(wanted);
    said.textContent = found + " of " + all + " items";
  };
  for (const input of [word, probe, fate]) input.addEventListener("input", find);
  box.hidden = false;
  find();
})();
