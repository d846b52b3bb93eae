// Runs before the page is drawn, so that it never flashes in the other theme.
"use strict";
(() => {
  const themes = ["auto", "light", "dark"];
  const kept = () => {
    try {
      const theme = localStorage.getItem("theme");
      return themes.includes(theme) ? theme : "auto";
    } catch {
      return "auto"; // storage is switched off
    }
  };
  const apply = (theme) => { document.documentElement.dataset.theme = theme; };
  apply(kept());
  window.brandpulseTheme = {
    now: kept,
    next() {
      const theme = themes[(themes.indexOf(document.documentElement.dataset.theme) + 1) % themes.length];
      try { localStorage.setItem("theme", theme); } catch { /* it holds for this page */ }
      apply(theme);
      return theme;
    },
  };
})();
