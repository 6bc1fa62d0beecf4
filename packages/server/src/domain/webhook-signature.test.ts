// The signature, against the published vectors of the Standard Webhooks specification.

import { expect, test } from 'bun:test';
import { formatSecret, parseSecret, signedHeaders } from './webhook-signature.ts';

/** Of the specification's libraries: "sign function works". */
const published = {
  secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
  id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
  timestampS: 1614265330,
  body: '{"test": 2432232314}',
  signature: 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
};

function keyOf(secret: string): Uint8Array {
  const key = parseSecret(secret);
  if (key === undefined) throw new Error('no secret');
  return key;
}

test('[W3] the published vector has the published signature, with and without the prefix of the secret', () => {
  for (const secret of [published.secret, published.secret.slice('whsec_'.length)])
    expect(signedHeaders(published, [keyOf(secret)])).toEqual({
      'webhook-id': published.id,
      'webhook-timestamp': '1614265330',
      'webhook-signature': published.signature,
    });
});

test('[W3] during a rotation there is a signature per secret, the newest first', () => {
  const fresh = new Uint8Array(32).fill(7);
  const both = signedHeaders(published, [fresh, keyOf(published.secret)])['webhook-signature'].split(' ');
  expect(both).toEqual([signedHeaders(published, [fresh])['webhook-signature'], published.signature]);
});

test('a secret is formatted and parsed; other text is refused', () => {
  const key = crypto.getRandomValues(new Uint8Array(32));
  expect(parseSecret(formatSecret(key))).toEqual(Buffer.from(key));
  const tooShort = formatSecret(new Uint8Array(23));
  const tooLong = formatSecret(new Uint8Array(65));
  for (const text of ['', 'whsec_', 'whsec_???', tooShort, tooLong, 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS!'])
    expect(parseSecret(text)).toBeUndefined();
});
