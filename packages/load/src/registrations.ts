// Load of device registrations: signed requests over several connections, each sent after the answer to the one before.

import { Histogram } from './histogram.ts';
import { HttpConnection } from './http-connection.ts';

export interface RegistrarOptions {
  readonly url: string;
  readonly keyId: string;
  /** What signs: hex of SHA-256 of the key's secret. */
  readonly signingKey: string;
  readonly connections: number;
  /** Devices of one request; 1: one by one. */
  readonly batchSize: number;
}

export interface RegistrationsMeasured {
  readonly devices: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly errors: number;
  readonly firstError: string;
}

const modelCount = 40;
const firmwareCount = 12;

/** Registers new devices until `count` were accepted or `seconds` have passed, whichever comes first. */
export async function registerMany(
  options: RegistrarOptions,
  { count, seconds }: { readonly count: number; readonly seconds: number },
): Promise<RegistrationsMeasured> {
  const latencies = new Histogram();
  const state = { sent: 0, accepted: 0, errors: 0, firstError: '' };
  const beganMs = performance.now();
  const endMs = beganMs + seconds * 1_000;
  const connections = await Promise.all(
    Array.from({ length: options.connections }, () => HttpConnection.open(options.url)),
  );
  await Promise.all(
    connections.map(async (connection) => {
      while (state.sent < count && performance.now() < endMs) {
        const size = Math.min(options.batchSize, count - state.sent);
        state.sent += size;
        const { path, headers, body } = signedRequest(options, size);
        const sentMs = performance.now();
        const { status, body: answer } = await connection.post(path, headers, body);
        latencies.recordMs(performance.now() - sentMs);
        if (status === 202) state.accepted += size;
        else {
          state.errors++;
          state.firstError ||= `${status} ${answer.slice(0, 200)}`;
        }
      }
    }),
  );
  const elapsedS = (performance.now() - beganMs) / 1_000;
  for (const connection of connections) connection.close();
  const { p50Ms, p99Ms } = latencies.quantiles();
  return {
    devices: state.accepted,
    seconds: elapsedS,
    p50Ms,
    p99Ms,
    errors: state.errors,
    firstError: state.firstError,
  };
}

function signedRequest({ keyId, signingKey, batchSize }: RegistrarOptions, size: number) {
  const devices = Array.from({ length: size }, deviceText);
  const body = batchSize === 1 ? (devices[0] ?? '') : `{"devices":[${devices.join(',')}]}`;
  const timestamp = Date.now();
  const signature = new Bun.CryptoHasher('sha256', signingKey).update(`${timestamp}.${body}`).digest('hex');
  return {
    path: batchSize === 1 ? '/v1/devices/register' : '/v1/devices/register/batch',
    headers: `Content-Type: application/json\r\nHongyan-Key-Id: ${keyId}\r\nHongyan-Timestamp: ${timestamp}\r\nHongyan-Signature: ${signature}\r\n`,
    body,
  };
}

function deviceText(): string {
  const [model, firmware] = [Math.floor(Math.random() * modelCount), Math.floor(Math.random() * firmwareCount)];
  return `{"device_token":"${crypto.randomUUID()}","model":"P${model}","firmware":"3.${firmware}.0","platform":"android"}`;
}
