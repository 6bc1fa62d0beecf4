// A free loopback port for a server of a test, which binds it a moment later.

import { listen } from 'bun';

/** Below the ports that Linux gives to outgoing connections (32768 and up), one of which could take it in that moment. */
const [lowest, highest] = [20_000, 32_000];

/** Free when asked; a start that loses the race for it fails with the server's own message. */
export function freePort(): number {
  for (;;) {
    const port = lowest + Math.floor(Math.random() * (highest - lowest));
    try {
      listen({ hostname: '127.0.0.1', port, socket: { data() {} } }).stop(true);
      return port;
    } catch (error) {
      if ((error as { readonly code?: string }).code !== 'EADDRINUSE') throw error;
    }
  }
}
