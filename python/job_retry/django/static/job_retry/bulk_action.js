/* Goes on with a bulk action chunk by chunk, or looks again now and then while the worker does.

   The server says what comes next: the form with data-next, sent after data-after milliseconds. Its answer has the
   same parts as the page, each marked by data-part, and perhaps another such form. Without this script the forms have
   buttons. */
"use strict";
(() => {
  const root = document.getElementById("bulk-action");
  if (!root) return;
  let interruption = null; // aborts what is under way when the page is left by another form
  const part = (within, name) => within.querySelector(`[data-part="${name}"]`);
  const wait = (milliseconds) => new Promise((resume) => setTimeout(resume, milliseconds));

  function show(answer) {
    for (const fresh of answer.querySelectorAll("[data-part]")) {
      const old = part(root, fresh.dataset.part);
      if (!old) continue;
      // Buttons stay as they are while nothing about them changes, and so does the keyboard's focus on them; what is
      // read aloud is touched only when it says something else.
      const same = fresh.dataset.version === undefined
        ? old.innerHTML === fresh.innerHTML
        : old.dataset.version === fresh.dataset.version;
      if (same) continue;
      const hadFocus = old.contains(document.activeElement);
      old.innerHTML = fresh.innerHTML;
      old.className = fresh.className;
      if (hadFocus) root.focus(); // rather than on whatever button has taken the place of the old one
      if (fresh.dataset.version !== undefined) old.dataset.version = fresh.dataset.version;
    }
  }

  function interrupted(why) {
    part(root, "trouble").textContent = root.dataset.interrupted.replace("%s", why);
    for (const button of root.querySelectorAll("form[data-next] button")) button.hidden = false;
  }

  async function send(form) {
    const options = { method: form.method, headers: { "X-Requested-With": "XMLHttpRequest" }, signal: interruption.signal };
    if (form.method === "post") options.body = new FormData(form);
    const response = await fetch(form.action, options);
    if (!response.ok) throw new Error(`${response.status} ${response.statusText}`.trim());
    const answer = new DOMParser().parseFromString(await response.text(), "text/html");
    if (!part(answer, "status")) throw new Error(document.title); // not this page: perhaps one to log in
    return answer;
  }

  async function follow(form) {
    interruption = new AbortController();
    const { signal } = interruption;
    part(root, "trouble").textContent = "";
    try {
      while (form && !signal.aborted) {
        for (const button of form.querySelectorAll("button")) button.hidden = true;
        await wait(Number(form.dataset.after));
        if (signal.aborted) return;
        show(await send(form));
        form = root.querySelector("form[data-next]");
      }
    } catch (error) {
      if (error.name !== "AbortError") interrupted(error.message);
    }
  }

  root.addEventListener("submit", (event) => {
    if (interruption) interruption.abort();
    if (!event.target.matches("[data-chunks]")) return; // sent as any form is
    event.preventDefault();
    follow(event.target);
  });

  const first = root.querySelector("form[data-next]");
  if (first) follow(first);
})();
