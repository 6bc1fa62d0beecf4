// API keys: hy_<key_id>_<secret>. The server stores the id and a hash of the secret. Secrets are random, so a fast hash is safe; a slow
// one would make every request expensive.

const prefix = 'hy_';

/** Distinguishes an API key from an access token where both are accepted. */
export const isApiKey = (text: string): boolean => text.startsWith(prefix);

/** Number of random bytes in a new key. */
export const apiKeyBytes = 32;
const idBytes = 6;

export interface ApiKeyText {
  readonly keyId: string;
  readonly secret: string;
}

/** `random` has apiKeyBytes bytes. */
export function newApiKey(random: Uint8Array): ApiKeyText {
  const hex = Buffer.from(random).toString('hex');
  return { keyId: hex.slice(0, idBytes * 2), secret: hex.slice(idBytes * 2) };
}

/** The text that the holder of the key stores. */
export const formatApiKey = ({ keyId, secret }: ApiKeyText): string => `${prefix}${keyId}_${secret}`;

/** undefined: the text is not an API key. */
export function parseApiKey(text: string): ApiKeyText | undefined {
  const [, keyId, secret] = /^hy_([A-Za-z0-9]{1,64})_([\x21-\x7e]{16,256})$/.exec(text) ?? [];
  return keyId === undefined || secret === undefined ? undefined : { keyId, secret };
}

/** SHA-256 in hex. This text is also the key of signatures, so that the server can verify them without the secret. */
export const hashOfSecret = (secret: string): string => new Bun.CryptoHasher('sha256').update(secret).digest('hex');

/** Compares in constant time. */
export function isSecretOf(hash: string, secret: string): boolean {
  const given = hashOfSecret(secret);
  let difference = given.length ^ hash.length;
  for (let at = 0; at < given.length; at++) difference |= given.charCodeAt(at) ^ hash.charCodeAt(at);
  return difference === 0;
}
