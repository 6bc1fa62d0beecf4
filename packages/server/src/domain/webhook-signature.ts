// The signature of a webhook by the Standard Webhooks specification: HMAC-SHA256 over id, time and body, in three headers.

/** In front of a secret, so that scanners for leaked secrets know it. The rest is base64 of the key. */
const secretPrefix = 'whsec_';
/** The specification asks for 24 to 64. */
export const secretBytes = 32;
const secretBytesMin = 24;
const secretBytesMax = 64;

export interface SignedMessage {
  /** The same for each attempt: receivers drop what they have seen. */
  readonly id: string;
  /** Of this attempt, in Unix seconds. */
  readonly timestampS: number;
  readonly body: string;
}

export type WebhookHeaders = Readonly<Record<'webhook-id' | 'webhook-timestamp' | 'webhook-signature', string>>;

export const formatSecret = (key: Uint8Array): string => `${secretPrefix}${Buffer.from(key).toString('base64')}`;

/** undefined when it is no secret of the specification. */
export function parseSecret(text: string): Uint8Array | undefined {
  const base64 = text.startsWith(secretPrefix) ? text.slice(secretPrefix.length) : text;
  const key = Buffer.from(base64, 'base64');
  const isExact = key.toString('base64').replace(/=+$/, '') === base64.replace(/=+$/, '');
  return isExact && key.length >= secretBytesMin && key.length <= secretBytesMax ? key : undefined;
}

/** [W3] One signature for each key, newest first: while a secret rotates a receiver may know either. */
export function signedHeaders({ id, timestampS, body }: SignedMessage, keys: readonly Uint8Array[]): WebhookHeaders {
  const signatures = keys.map((key) => {
    const hmac = new Bun.CryptoHasher('sha256', key);
    return `v1,${hmac.update(`${id}.${timestampS}.${body}`).digest('base64')}`;
  });
  return {
    'webhook-id': id,
    'webhook-timestamp': String(timestampS),
    'webhook-signature': signatures.join(' '),
  };
}
