() => {
  // Copy buttons stand in panels that come and go, so one listener serves them all.
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.(".glyph-copy");
    const answer = button?.closest(".bot")?.querySelector(".message-content");
    if (answer) navigator.clipboard?.writeText(answer.innerText.replaceAll("\u2060", ""));
  });
}
