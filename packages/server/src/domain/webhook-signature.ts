// Signatures of webhooks by the Standard Webhooks specification: HMAC-SHA256 over id, time and body, in three headers.

/** Lets scanners recognise leaked secrets. The base64 of the key follows. */
const secretPrefix = 'whsec_';
/** The specification requires 24 to 64. */
export const secretBytes = 32;
const secretBytesMin = 24;
const secretBytesMax = 64;

export interface SignedMessage {
  /** The same for each attempt, so that receivers can drop repeats. */
  readonly id: string;
  /** Time of this attempt, in Unix seconds. */
  readonly timestampS: number;
  readonly body: string;
}

export type WebhookHeaders = Readonly<Record<'webhook-id' | 'webhook-timestamp' | 'webhook-signature', string>>;

export const formatSecret = (key: Uint8Array): string => `${secretPrefix}${Buffer.from(key).toString('base64')}`;

/** undefined: the text is not a valid secret by the specification. */
export function parseSecret(text: string): Uint8Array | undefined {
  const base64 = text.startsWith(secretPrefix) ? text.slice(secretPrefix.length) : text;
  const key = Buffer.from(base64, 'base64');
  const isExact = key.toString('base64').replace(/=+$/, '') === base64.replace(/=+$/, '');
  return isExact && key.length >= secretBytesMin && key.length <= secretBytesMax ? key : undefined;
}

/** [W3] One signature per key, newest first: during a rotation the receiver may know either key. */
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
