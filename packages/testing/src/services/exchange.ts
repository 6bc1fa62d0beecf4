// One question to a server by its bytes: whether it answers yet needs no client library.

/** What the server said first, or nothing when it refused, closed or kept silent for `withinMs`. */
export async function exchange(
  port: number,
  { send, withinMs = 1000 }: { send?: string; withinMs?: number },
): Promise<Buffer | undefined> {
  const { promise, resolve } = Promise.withResolvers<Buffer | undefined>();
  const timer = setTimeout(() => resolve(undefined), withinMs);
  const socket = await Bun.connect({
    hostname: '127.0.0.1',
    port,
    socket: {
      open: (opened) => void (send !== undefined && opened.write(send)),
      data: (_, bytes) => resolve(Buffer.from(bytes)),
      close: () => resolve(undefined),
      error: () => resolve(undefined),
      connectError: () => resolve(undefined),
    },
  }).catch(() => undefined);
  const said = socket === undefined ? undefined : await promise;
  clearTimeout(timer);
  socket?.end();
  return said;
}
