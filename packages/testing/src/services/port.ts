// Ports for servers that are stopped and started again: below the range that the kernel hands out to connections, so that none of those
// takes the port of a server that is down for a moment.

const [lowest, highest] = [10_000, 32_767];
const given = new Set<number>();

/** Free when asked, and given to no one else by this process. */
export function servicePort(): number {
  for (;;) {
    const port = lowest + Math.floor(Math.random() * (highest - lowest + 1));
    if (!given.has(port) && isFree(port)) {
      given.add(port);
      return port;
    }
  }
}

function isFree(port: number): boolean {
  try {
    Bun.listen({ hostname: '127.0.0.1', port, socket: { data() {} } }).stop(true);
    return true;
  } catch {
    return false;
  }
}
