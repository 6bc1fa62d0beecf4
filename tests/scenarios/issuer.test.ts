// An application's own identity provider signs the tokens: its users come, chat and are logged out like any other.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { join } from 'node:path';
import { call } from '@hongyan/testing/http-client';
import { until } from '@hongyan/testing/until';
import { WireClient } from '@hongyan/testing/wire-client';
import { serve } from 'bun';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { Scrape } from '../scrape.ts';
import { dataFolder, killServers, removeDataFolders, type ServerProcess } from '../server-process.ts';
import { text } from './people.ts';
import { profiles } from './profiles.ts';

setDefaultTimeout(60_000);

describe.each(profiles)('an issuer on $name', (profile) => {
  let server: ServerProcess;
  let keys: object;
  let sign: (userId: string, claims?: object) => Promise<string>;

  beforeAll(async () => {
    const { publicKey, privateKey } = await generateKeyPair('EdDSA');
    const jwks = join(await dataFolder('issuer'), 'jwks.json');
    keys = { keys: [{ ...(await exportJWK(publicKey)), kid: 'k1' }] };
    await Bun.write(jwks, JSON.stringify(keys));
    sign = (userId, claims = {}) =>
      new SignJWT({ name: `${userId} by name`, ...claims })
        .setProtectedHeader({ alg: 'EdDSA', kid: 'k1' })
        .setSubject(userId)
        .setIssuer('https://id.example.org')
        .setAudience('chat')
        .setIssuedAt()
        .setExpirationTime('1h')
        .sign(privateKey);
    server = await start(jwks);
  });
  const start = (jwks: string) =>
    profile.start({
      HONGYAN_JWT_JWKS: jwks,
      HONGYAN_JWT_ISSUER: 'https://id.example.org',
      HONGYAN_JWT_AUDIENCE: 'chat',
      HONGYAN_SIGNUP_ENABLED: 'false',
    });

  afterAll(async () => {
    await killServers();
    await removeDataFolders();
  });

  test('[A3, A4] its users are created when they first come, in one spelling, and write to each other', async () => {
    const tokens = { ann: await sign('Ann'), ann2: await sign('ann'), bob: await sign('bob') };
    const me = await call(server.url, '/v1/me', { token: tokens.ann });
    expect(me.body).toEqual({ user_id: 'Ann', display_name: 'Ann by name' });
    expect((await call(server.url, '/v1/me', { token: tokens.ann2 })).body).toEqual(me.body);
    const bob = await WireClient.open({ url: server.url, token: tokens.bob, userId: 'bob', deviceId: 'b' });
    const ann = await WireClient.open({ url: server.url, token: tokens.ann2, userId: 'Ann', deviceId: 'a' });
    const outcome = await ann.send({ conversationId: 'd:Ann:bob', clientMsgId: 'k', content: text('hello') });
    expect(outcome).toMatchObject({ type: 'acked', seq: 1 });
    expect(await bob.next(({ type }) => type === 'message')).toMatchObject({ from: 'Ann', content: { text: 'hello' } });
    await Promise.all([ann.close(), bob.close()]);
  });

  test('[A3] a token for another audience, or of another key, is refused as unauthorized', async () => {
    const other = await sign('eve', { aud: 'mail' });
    expect((await call(server.url, '/v1/me', { token: `${other.slice(0, -4)}AAAA` })).body).toMatchObject({
      code: 'unauthorized',
    });
    const { privateKey } = await generateKeyPair('EdDSA');
    const forged = await new SignJWT({ sub: 'eve', iss: 'https://id.example.org', aud: 'chat' })
      .setProtectedHeader({ alg: 'EdDSA', kid: 'k1' })
      .setExpirationTime('1h')
      .sign(privateKey);
    expect(await call(server.url, '/v1/me', { token: forged })).toMatchObject({
      status: 401,
      body: { code: 'unauthorized' },
    });
  });

  test('[A10, A13] its tokens are revoked like any other', async () => {
    const [first, second] = [await sign('carl', { jti: '1' }), await sign('carl', { jti: '2' })];
    const carl = await WireClient.open({ url: server.url, token: first, userId: 'carl', deviceId: 'c' });
    expect((await call(server.url, '/v1/auth/logout', { token: first, method: 'POST' })).status).toBe(204);
    expect((await carl.closed).code).toBe(4201);
    expect((await call(server.url, '/v1/me', { token: first })).body).toMatchObject({ code: 'token_revoked' });
    expect((await call(server.url, '/v1/me', { token: second })).status).toBe(200);
  });

  test('[A5] a start does not wait for its issuer: its tokens are refused until the keys are there, which operators see', async () => {
    const provider = silentProvider(keys);
    try {
      const early = await start(provider.url);
      expect(provider.givenUp).toBe(0);
      const keysKnown = async () => (await Scrape.of(early)).sum('hongyan_issuer_keys');
      expect(await keysKnown()).toBe(0);
      provider.answers('unavailable');
      const token = await sign('dora');
      expect(await call(early.url, '/v1/me', { token })).toMatchObject({ status: 503, body: { code: 'unavailable' } });
      provider.answers('keys');
      await until(async () => (await keysKnown()) > 0, { withinMs: 30_000 });
      await until(async () => (await call(early.url, '/v1/me', { token })).status === 200, { withinMs: 30_000 });
      expect(early.output()).toContain('"keys of the issuer read"');
    } finally {
      provider.stop();
    }
  });
});

type Answer = 'nothing' | 'unavailable' | 'keys';

/** Takes questions and answers none of them until it is told to. */
function silentProvider(keys: object) {
  const told = Promise.withResolvers<void>();
  let answer: Answer = 'nothing';
  let givenUp = 0;
  const provider = serve({
    port: 0,
    hostname: '127.0.0.1',
    idleTimeout: 0,
    async fetch({ signal }) {
      signal.addEventListener('abort', () => givenUp++);
      if (answer === 'nothing') await told.promise;
      return Response.json(keys, { status: answer === 'keys' ? 200 : 503 });
    },
  });
  return {
    url: `${provider.url}jwks.json`,
    get givenUp() {
      return givenUp;
    },
    answers(now: Answer) {
      answer = now;
      told.resolve();
    },
    stop: () => provider.stop(true),
  };
}
