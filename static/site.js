// What every page can do beyond plain forms; each page adds a file of its own. Without them, every form works.
"use strict";

document.documentElement.classList.add("scripted");
const WORDS = document.currentScript.dataset; // in the language of the page

// --- Times and figures: in the zone of whoever reads them, and in the language of the page

const LANGUAGE = document.documentElement.lang;
const LOCALE = navigator.languages.find((each) => each.split("-")[0] === LANGUAGE) || LANGUAGE;
const CLOCK = new Intl.DateTimeFormat(LOCALE, { dateStyle: "medium", timeStyle: "medium" });

// 1.5 → "1,5" in German.
function decimal(number, places = 1) {
  return number.toLocaleString(LOCALE, { minimumFractionDigits: places, maximumFractionDigits: places, useGrouping: false });
}

function localiseTimes(root) {
  for (const time of root.querySelectorAll("time[data-local]")) {
    time.textContent = CLOCK.format(new Date(time.dateTime));
    time.removeAttribute("data-local");
  }
}

// --- Asking for news, when there is nobody to ask

function listenToAsking() {
  const banner = document.getElementById("offline");
  let isLeaving = false;
  const isNews = (event) => event.detail.requestConfig && event.detail.requestConfig.verb === "get";
  document.addEventListener("htmx:sendError", (event) => {
    if (isNews(event)) banner.hidden = false;
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.xhr.status) banner.hidden = true;
  });
  document.addEventListener("htmx:responseError", (event) => {
    // What the page shows is gone, or no longer ours: the page itself says so better.
    // Once: a second reload would break off the first, and so on for as long as that takes.
    if (!isNews(event) || event.detail.xhr.status !== 404 || isLeaving) return;
    isLeaving = true;
    location.reload();
  });
  document.addEventListener("htmx:load", (event) => localiseTimes(event.detail.elt));
}

// --- The focus, when what had it was swapped away

function listenToSwaps() {
  let hadFocus = false;
  document.addEventListener("htmx:beforeSwap", () => {
    hadFocus = document.activeElement !== document.body;
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    if (!hadFocus || document.activeElement !== document.body) return;
    const place = event.target;
    if (place.tabIndex < 0) place.tabIndex = -1; // What cannot have the focus by itself may be given it.
    place.focus({ preventScroll: true });
  });
}

// --- A notice of the browser's when a job has ended, for whoever chose that in the settings

function tellOfEnds(event) {
  const said = event.detail.elt.querySelector?.("[data-ended]") || event.detail.elt.closest?.("[data-ended]");
  if (!said || !document.hidden || localStorage.getItem("notify") !== "yes") return;
  if (window.Notification?.permission === "granted") new Notification(said.dataset.ended, { tag: said.id });
}

// --- What is shown this once, into the clipboard

async function copyText(button) {
  try {
    const source = document.getElementById(button.dataset.copy);
    await navigator.clipboard.writeText(source.value ?? source.textContent);
    button.textContent = WORDS.copied;
  } catch {
    button.textContent = WORDS.byHand;
  }
}

document.addEventListener("click", (event) => {
  const copy = event.target.closest("[data-copy]");
  if (copy) copyText(copy);
});

document.addEventListener("DOMContentLoaded", () => {
  document.addEventListener("htmx:oobAfterSwap", tellOfEnds);
  listenToAsking();
  listenToSwaps();
});
