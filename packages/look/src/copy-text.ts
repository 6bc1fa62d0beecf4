// Copies a text, also in a page that is served without TLS, which has no clipboard to write to.

/** Resolves with whether it was copied. Called while a press of a button is handled: browsers allow it to no other code. */
export async function copyText(text: string): Promise<boolean> {
  if (!navigator.clipboard) return copySelection(text);
  return navigator.clipboard.writeText(text).then(
    () => true,
    () => false, // forbidden by the browser's settings
  );
}

/** By the old command, which copies what is selected: a field beside the page, for a moment. */
function copySelection(text: string): boolean {
  const before = document.activeElement;
  const field = document.createElement('textarea');
  field.value = text;
  field.style.position = 'fixed';
  field.style.opacity = '0';
  document.body.append(field);
  field.select();
  const isCopied = document.execCommand('copy');
  field.remove();
  if (before instanceof HTMLElement) before.focus({ preventScroll: true });
  return isCopied;
}
