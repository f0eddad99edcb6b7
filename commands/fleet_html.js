"use strict";
(() => {
  const form = document.getElementById("filter");
  if (!form) return;
  const { text, space, result, node, finding } = form.elements;
  const shown = document.getElementById("shown");
  const matrix = document.getElementById("matrix");
  const spaces = [...matrix.tBodies].map((body) => ({
    body,
    space: body.dataset.s,
    rows: [...body.rows].slice(1).map((row) => ({
      row,
      result: row.dataset.r,
      nodes: (row.dataset.n || "").split(" "),
      findings: (row.dataset.f || "").split(" "),
      hidden: false,
    })),
  }));
  const total = spaces.reduce((sum, s) => sum + s.rows.length, 0);

  const apply = () => {
    const words = text.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const s of spaces) {
      let inSpace = 0;
      for (const r of s.rows) {
        let fits = (!space.value || space.value === s.space) &&
          (!result.value || result.value === r.result) &&
          (!node.value || r.nodes.includes(node.value)) &&
          (!finding.value || r.findings.includes(finding.value));
        if (fits && words.length) {
          r.text ??= r.row.textContent.toLowerCase();
          fits = words.every((word) => r.text.includes(word));
        }
        if (r.hidden === fits) r.row.hidden = r.hidden = !fits;
        if (fits) inSpace++;
      }
      s.body.hidden = inSpace === 0;
      count += inSpace;
    }
    shown.textContent = count === total
      ? `All ${total} are shown.`
      : `${count} of ${total} are shown.`;
  };

  let waiting;
  form.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(apply, 80); });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(apply));
  for (const button of document.querySelectorAll("button[data-show]")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      form.reset();
      finding.value = button.dataset.show;
      apply();
      document.getElementById("machines").scrollIntoView();
      finding.focus({ preventScroll: true });
    });
  }
  // A link to a row that the filter hides would lead nowhere.
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#m']");
    if (link && document.getElementById(link.hash.slice(1))?.hidden) {
      form.reset();
      apply();
    }
  });
  form.hidden = false;
  addEventListener("pageshow", apply); // the browser may have kept what was chosen
  apply();
})();
