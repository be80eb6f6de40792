// The settings: whether this browser tells of jobs that have ended. The choice is this browser's own.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const box = document.getElementById("notify");
  const refused = document.getElementById("notify-refused");
  const show = () => {
    box.checked = localStorage.getItem("notify") === "yes" && window.Notification?.permission === "granted";
  };
  box.disabled = !("Notification" in window);
  show();
  box.addEventListener("change", async () => {
    const wanted = box.checked && (await Notification.requestPermission()) === "granted";
    localStorage.setItem("notify", wanted ? "yes" : "no");
    refused.hidden = wanted || !box.checked;
    show();
  });
});
