// The text of an API key, hy_<key_id>_<secret>, and what the server keeps of it: the id, and the hash of the secret. A secret is
// random, so that a plain hash of it cannot be guessed back; a slow one would be paid for with every request.

const prefix = 'hy_';

/** Tells a key from an access token wherever either may stand. */
export const isApiKey = (text: string): boolean => text.startsWith(prefix);

/** Random bytes that a new key is made of. */
export const apiKeyBytes = 32;
const idBytes = 6;

export interface ApiKeyText {
  readonly keyId: string;
  readonly secret: string;
}

/** `random`: of apiKeyBytes. */
export function newApiKey(random: Uint8Array): ApiKeyText {
  const hex = Buffer.from(random).toString('hex');
  return { keyId: hex.slice(0, idBytes * 2), secret: hex.slice(idBytes * 2) };
}

/** As its holder keeps it. */
export const formatApiKey = ({ keyId, secret }: ApiKeyText): string => `${prefix}${keyId}_${secret}`;

/** undefined for what is no key. */
export function parseApiKey(text: string): ApiKeyText | undefined {
  const [, keyId, secret] = /^hy_([A-Za-z0-9]{1,64})_([\x21-\x7e]{16,256})$/.exec(text) ?? [];
  return keyId === undefined || secret === undefined ? undefined : { keyId, secret };
}

/** SHA-256 as hex. The text of it is also the key of signatures, so that the server checks them without the secret. */
export const hashOfSecret = (secret: string): string => new Bun.CryptoHasher('sha256').update(secret).digest('hex');

/** In constant time. */
export function isSecretOf(hash: string, secret: string): boolean {
  const given = hashOfSecret(secret);
  let difference = given.length ^ hash.length;
  for (let at = 0; at < given.length; at++) difference |= given.charCodeAt(at) ^ hash.charCodeAt(at);
  return difference === 0;
}
