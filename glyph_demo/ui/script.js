() => {
  // Copy buttons stand in panels that come and go, so one listener serves them all.
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.(".glyph-copy");
    if (button) navigator.clipboard?.writeText(button.dataset.text);
  });
}
