// @ts-check
// Looks every second whether the app on the phone has answered. Without script, somebody presses the button.

const form = document.getElementById('silent')
const button = form?.querySelector('button[value="poll"]')
if (form instanceof HTMLFormElement && button instanceof HTMLButtonElement) {
  setTimeout(() => form.requestSubmit(button), 1000)
}

export {}
