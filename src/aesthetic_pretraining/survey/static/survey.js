"use strict";
// The pages work without this: it adds keys, and keeps answers back until both versions are there and after one was given.
const LOOK = 400; // milliseconds; in less nobody compares two photos: it is the second half of a double click
const form = document.querySelector(".pair");
if (form) {
  const buttons = [...form.querySelectorAll("button")];
  const images = [...form.querySelectorAll("img")];
  const keys = { ArrowLeft: 0, ArrowUp: 0, 1: 0, ArrowRight: 1, ArrowDown: 1, 2: 1 };
  let sent = false;

  const loaded = () => images.every((image) => image.complete && image.naturalWidth > 0);
  const enable = () => {
    for (const button of buttons) button.disabled = false;
  };
  const look = () => {
    if (loaded()) setTimeout(enable, LOOK);
    const failed = images.some((image) => image.complete && image.naturalWidth === 0);
    document.querySelector(".failed").hidden = !failed;
    document.querySelector(".keys").hidden = failed;
  };
  for (const button of buttons) button.disabled = true;
  for (const image of images) {
    image.addEventListener("load", look);
    image.addEventListener("error", look);
  }
  look();

  form.addEventListener("submit", (event) => {
    if (sent) event.preventDefault();
    sent = true;
    form.classList.add("sent");
  });
  document.addEventListener("keydown", (event) => {
    const plain = !(event.repeat || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey);
    if (plain && event.key in keys) {
      event.preventDefault();
      buttons[keys[event.key]].click();
    }
  });
  // Back in the browser's history stands a pair that is answered.
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) window.location.reload();
  });
}
