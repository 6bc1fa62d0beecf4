// The statements that the driver sends: one text per round trip.

import { subscribe, unsubscribe } from 'node:diagnostics_channel';

const channel = 'tracing:mysql2:query:start';

/** Of all pools of this process while `work` runs. */
export async function roundTripsOf(work: () => Promise<unknown>): Promise<readonly string[]> {
  const sent: string[] = [];
  const note = (message: unknown) => void sent.push((message as { readonly query: string }).query);
  subscribe(channel, note);
  await work().finally(() => unsubscribe(channel, note));
  return sent;
}
