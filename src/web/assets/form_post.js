// @ts-check
// Sends the one form of the page. Without script, somebody presses its button.

const form = document.getElementById('response')
// Not `form.submit()`: a field may be called that.
if (form instanceof HTMLFormElement) HTMLFormElement.prototype.submit.call(form)
