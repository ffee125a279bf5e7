// Passkeys and security keys: say it when the browser could not use one, or the person stopped it.

document.addEventListener("allauth.error", (event) => {
  event.preventDefault();
  document.getElementById("key-problem").hidden = false;
});
