// The login page: trades an API key for a session's cookie, and goes back to where the reader came from.

import { signIn } from "./api.js";

const form = document.getElementById("login");
const key = document.getElementById("key");
const show = document.getElementById("show");
const submit = document.getElementById("submit");
const problem = document.getElementById("login-error");

function refuse(text) {
  problem.textContent = text;
  problem.hidden = false;
  key.setAttribute("aria-invalid", "true");
}

function reason(error) {
  if (error.status === 401) return "This key is not one of this server's. Check it for missing characters.";
  if (error.status === 0) return "The server does not answer. Is it running?";
  return [error.message, error.hint].filter(Boolean).join(" ");
}

show.addEventListener("click", () => {
  const visible = key.type === "password";
  key.type = visible ? "text" : "password";
  show.textContent = visible ? "Hide" : "Show";
  show.setAttribute("aria-pressed", String(visible));
  key.focus();
});

key.addEventListener("input", () => {
  problem.hidden = true;
  key.removeAttribute("aria-invalid");
});

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  submit.disabled = true;
  problem.hidden = true;
  try {
    await signIn(key.value.trim());
    location.replace(`/console${location.hash}`);
  } catch (error) {
    refuse(reason(error));
    key.select();
  } finally {
    submit.disabled = false;
  }
});
