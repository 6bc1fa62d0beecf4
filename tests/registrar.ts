// An application's back end that registers devices: its API key, and requests signed with it.

import { silentLog } from '@hongyan/base/log';
import type { ApiKeyScope } from '@hongyan/protocol/api-key';
import { openAccess } from '@hongyan/server/compose/commands/folder-stores';
import { hashOfSecret, parseApiKey } from '@hongyan/server/domain/api-key';

export class Registrar {
  readonly #url: string;
  readonly #keyId: string;
  readonly #secretHash: string;
  #lastMs = 0;

  /** With a key of its own, beside the running server or before its start. */
  static async create(
    { url, dataDir }: { readonly url: string; readonly dataDir: string },
    { keyId = 'registrar', scopes = ['devices:register'] }: { keyId?: string; scopes?: readonly ApiKeyScope[] } = {},
  ): Promise<Registrar> {
    const secretHash = hashOfSecret(`secret of ${keyId}`);
    const access = await openAccess({ data: dataDir, revocationsMax: 1_000 }, silentLog);
    await access.createKey({ keyId, name: keyId, scopes, secretHash, createdAtMs: Date.now() });
    await access.close();
    return new Registrar(url, keyId, secretHash);
  }

  /** With a key that the server made. */
  static of(url: string, key: string): Registrar {
    const parsed = parseApiKey(key);
    if (parsed === undefined) throw new Error('this is no API key');
    return new Registrar(url, parsed.keyId, hashOfSecret(parsed.secret));
  }

  private constructor(url: string, keyId: string, secretHash: string) {
    this.#url = url;
    this.#keyId = keyId;
    this.#secretHash = secretHash;
  }

  /** Of a body as text; each time another one, because a signature is used once. */
  headers(body: string, more: Readonly<Record<string, string>> = {}): Record<string, string> {
    this.#lastMs = Math.max(Date.now(), this.#lastMs + 1);
    const timestamp = more['hongyan-timestamp'] ?? String(this.#lastMs);
    const signature = new Bun.CryptoHasher('sha256', this.#secretHash).update(`${timestamp}.${body}`).digest('hex');
    return {
      ...{ 'content-type': 'application/json', 'hongyan-key-id': this.#keyId },
      ...{ 'hongyan-timestamp': timestamp, 'hongyan-signature': signature },
      ...more,
    };
  }

  /** Signs the body and posts it. */
  post(
    path: 'register' | 'register/batch',
    body: unknown,
    more: Readonly<Record<string, string>> = {},
  ): Promise<Response> {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    return this.send(path, text, this.headers(text, more));
  }

  send(
    path: 'register' | 'register/batch',
    body: string | Uint8Array,
    headers: Record<string, string>,
  ): Promise<Response> {
    return fetch(`${this.#url}/v1/devices/${path}`, { method: 'POST', body: body as BodyInit, headers });
  }
}
