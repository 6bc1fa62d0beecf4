import { expect, test } from 'bun:test';
import { ManualClock } from '@hongyan/testing/manual-clock';
import { rejectionOf } from '@hongyan/testing/rejection';
import { ClientError } from './client-error.ts';
import { ServerAbsence } from './server-absence.ts';

const gone = new ClientError('unavailable', 'not connected');
const refused = new ClientError('unavailable', 'the server is stopping', { retryAfterMs: 1000 });

/** Fails as often as there are errors, then answers. */
function asking(...errors: ClientError[]) {
  const left = [...errors];
  return async () => {
    const error = left.shift();
    if (error) throw error;
    return 'answer';
  };
}
const turn = () => new Promise((resolve) => setTimeout(resolve, 0));

test('[C13] what fails while the server is away is asked again when it is back', async () => {
  const absence = new ServerAbsence(new ManualClock());
  absence.begin(1000);
  const answer = absence.bridge(asking(gone), () => true);
  await turn();
  absence.end();
  expect(await answer).toBe('answer');
});

test('[C13] without word of an absence, or with another error, or what was perhaps done, it fails at once', async () => {
  const absence = new ServerAbsence(new ManualClock());
  expect(await rejectionOf(absence.bridge(asking(gone), () => true))).toBe(gone);
  absence.begin(1000);
  expect(await rejectionOf(absence.bridge(asking(gone), () => false))).toBe(gone);
  const other = new ClientError('not_found', 'no such user');
  expect(await rejectionOf(absence.bridge(asking(other), () => true))).toBe(other);
});

test('[C13] a refusal that comes before the word of the absence waits for it', async () => {
  const clock = new ManualClock();
  const absence = new ServerAbsence(clock);
  const answer = absence.bridge(asking(refused), () => true);
  await turn();
  clock.advance(200);
  absence.begin(1000);
  await turn();
  absence.end();
  expect(await answer).toBe('answer');
});

test('[C13] a refusal waits for an absence that begins after it and is over soon', async () => {
  const clock = new ManualClock();
  const absence = new ServerAbsence(clock);
  const answer = absence.bridge(asking(refused), () => true);
  await turn();
  clock.advance(100);
  absence.begin(50);
  await turn();
  absence.end();
  expect(await answer).toBe('answer');
});

test('[C13] a refusal of which no absence comes fails', async () => {
  const clock = new ManualClock();
  const absence = new ServerAbsence(clock);
  const failed = rejectionOf(absence.bridge(asking(refused), () => true));
  await turn();
  clock.advance(1_000);
  expect(await failed).toBe(refused);
});

test('[C13] a server that does not come back, and a client that is closed, end the wait', async () => {
  const clock = new ManualClock();
  const absence = new ServerAbsence(clock);
  absence.begin(1000);
  const first = rejectionOf(absence.bridge(asking(gone), () => true));
  await turn();
  clock.advance(16_000);
  expect(await first).toBe(gone);
  absence.begin(1000);
  const second = rejectionOf(absence.bridge(asking(gone), () => true));
  await turn();
  absence.abandon();
  expect(await second).toBe(gone);
});
