// The address of the server: the folder that the page was opened in, so that the chat works below any path of a shared host.

/** Without a slash at the end, as the client library takes it. */
export function serverAddress(): string {
  return new URL('.', location.href).href.replace(/\/$/, '');
}
