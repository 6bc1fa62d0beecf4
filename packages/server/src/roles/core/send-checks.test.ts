// The check before sending, against an HTTP server: verdicts, repeats, and missing verdicts.

import { afterEach, beforeEach, expect, test } from 'bun:test';
import { systemClock } from '@hongyan/base/clock';
import { silentLog } from '@hongyan/base/log';
import { ok } from '@hongyan/base/result';
import type { Content } from '@hongyan/protocol/content';
import type { ClientMsgId, ConversationId } from '@hongyan/protocol/ids';
import { until } from '@hongyan/testing/until';
import { WebhookReceiver } from '@hongyan/testing/webhook-receiver';
import { formatSecret } from '../../domain/webhook-signature.ts';
import { GuardedOutbound } from '../../ports/outbound/guarded-outbound.ts';
import { HttpSendHook, type HttpSendHookOptions } from '../../ports/send-hook/http-send-hook.ts';
import type { SendHook } from '../../ports/send-hook/send-hook.ts';
import type { CoreLimits } from './deps.ts';
import { SendChecks } from './send-checks.ts';
import { accepted, caller, codeOf, openWorld, seq, user, type World } from './testing/world.ts';

const limits = { contentBytesMax: 200 } as CoreLimits;
const key = new Uint8Array(32).fill(9);
const direct = 'd:ann:bob' as ConversationId;
const text = (words: string): Content => ({ type: 'text', text: words });

let world: World;
let asked: WebhookReceiver;
const answer = (value: unknown) => Response.json(value);

async function open(more: Partial<HttpSendHookOptions> = {}, url = asked.url): Promise<void> {
  const sendHook = new HttpSendHook({
    ...{ url, key, timeoutMs: 5_000, whenSilent: 'closed', inFlightMax: 100, answerBytesMax: 10_000 },
    ...{ outbound: new GuardedOutbound({ mayReachPrivate: true }), clock: systemClock, log: silentLog },
    ...more,
  });
  world = await openWorld({ contentBytesMax: 200, given: (deps) => ({ ...deps, sendHook }) });
  await world.people('ann', 'bob');
}
const send = (id: string, words = 'x', more: object = {}) =>
  world.core.send(caller('ann'), { to: user('bob'), client_msg_id: id as ClientMsgId, content: text(words), ...more });
async function texts(): Promise<readonly unknown[]> {
  const page = await world.core.history(caller('ann'), { conversation_id: direct });
  // Without a message there is no conversation.
  return page.type === 'ok' ? page.value.entries.map(({ content }) => content.text) : [];
}

beforeEach(async () => {
  asked = new WebhookReceiver(() => answer({ action: 'allow' }));
  asked.secrets = [formatSecret(key)];
  await open();
});
afterEach(async () => {
  await world.close();
  await asked.stop();
});

test('[W11] each message is sent to the hook, signed, with all fields of its sender', async () => {
  accepted(await send('k', 'hello'));
  expect(asked.received).toMatchObject([
    {
      validSecrets: 1,
      event: {
        type: 'message.before_send',
        data: { conversation_id: direct, from: 'ann', client_msg_id: 'k', content: text('hello') },
      },
    },
  ]);
  expect(await texts()).toEqual(['hello']);
});

test('[W11] a refused message is not stored, and its sender receives the reason', async () => {
  asked.answering = () => answer({ action: 'refuse', reason: 'no advertising here' });
  expect(await send('k')).toMatchObject({ type: 'refused', code: 'forbidden', message: 'no advertising here' });
  expect(await texts()).toEqual([]);
});

test('[W11][D3] others read the replaced content; a repeat of the original is the same message, other content is a conflict', async () => {
  asked.answering = () => answer({ action: 'replace', content: text('****') });
  const first = accepted(await send('k', 'darn', { mentions: ['bob'] }));
  expect(await texts()).toEqual(['****']);
  expect(accepted(await send('k', 'darn', { mentions: ['bob'] }))).toEqual({ ...first, duplicate: true });
  expect(codeOf(await send('k', 'other', { mentions: ['bob'] }))).toBe('conflict');
  expect(asked.received).toHaveLength(1);
});

test('[W11][D3] the hook is not called again for a committed message', async () => {
  const first = accepted(await send('k', 'hello'));
  asked.answering = () => answer({ action: 'refuse' });
  expect(accepted(await send('k', 'hello'))).toEqual({ ...first, duplicate: true });
  expect(asked.received).toHaveLength(1);
});

test('[W11][D3] repeats during the check, or after a refusal, share one verdict', async () => {
  asked.answering = () => answer({ action: 'refuse' });
  const outcomes = await Promise.all([send('k'), send('k'), send('k')]);
  expect(outcomes.map(codeOf)).toEqual(['forbidden', 'forbidden', 'forbidden']);
  expect(codeOf(await send('k'))).toBe('forbidden');
  expect(asked.received).toHaveLength(1);
});

test('[W11] messages of one sender keep their order, however long each check takes', async () => {
  const held = Promise.withResolvers<void>();
  asked.answering = async ({ data }) => {
    if (data.client_msg_id === 'k1') await held.promise;
    return answer({ action: 'allow' });
  };
  const sends = ['k1', 'k2', 'k3'].map((id) => send(id, id));
  await until(() => asked.received.length === 2 && asked.openCount === 1);
  held.resolve();
  expect((await Promise.all(sends)).map((sent) => accepted(sent).seq)).toEqual([1, 2, 3].map(seq));
  expect(await texts()).toEqual(['k1', 'k2', 'k3']);
});

test('[W11] an edit is allowed or refused', async () => {
  const { seq: target_seq } = accepted(await send('k', 'mild'));
  const edit = (id: string, words: string) =>
    world.core.edit(caller('ann'), {
      ...{ conversation_id: direct, target_seq, client_msg_id: id as ClientMsgId, content: text(words) },
    });
  accepted(await edit('e1', 'still mild'));
  expect(asked.received[1]?.event).toMatchObject({
    type: 'message.before_edit',
    data: { target_seq, content: text('still mild') },
  });
  asked.answering = () => answer({ action: 'refuse', reason: 'too wild' });
  expect(await edit('e2', 'wild')).toMatchObject({ code: 'forbidden', message: 'too wild' });
  asked.answering = () => answer({ action: 'replace', content: text('tame') });
  expect(codeOf(await edit('e3', 'wilder'))).toBe('forbidden');
  expect(await texts()).toEqual(['still mild']);
});

test('[W11] an edit is checked in the name of its sender, whatever else the sender writes meanwhile', async () => {
  const { seq: target_seq } = accepted(await send('k', 'mild'));
  const input = { to: user('ann'), client_msg_id: 'of bob' as ClientMsgId, content: text('x') };
  accepted(await world.core.send(caller('bob'), input));
  asked.answering = () => answer({ action: 'refuse' });
  const edit = {
    ...{ conversation_id: direct, target_seq, client_msg_id: 'of bob' as ClientMsgId, content: text('wild') },
    ...{ from: 'bob', contentJson: '{}', deviceId: 'x' },
  };
  expect(codeOf(await world.core.edit(caller('ann'), edit))).toBe('forbidden');
  expect(asked.received.at(-1)?.event).toMatchObject({
    type: 'message.before_edit',
    data: { from: 'ann', content: text('wild') },
  });
});

test('[W11] content that no client may send is not accepted from the hook either', async () => {
  for (const content of [{ type: 'hongyan.title', title: 'x' }, { type: 'text' }, text('x'.repeat(300))]) {
    asked.answering = () => answer({ action: 'replace', content });
    expect(codeOf(await send(`k ${JSON.stringify(content).length}`))).toBe('forbidden');
  }
  expect(await texts()).toEqual([]);
});

test('[W11] any verdict other than allow blocks the message, even if missing verdicts allow it', async () => {
  await world.close();
  await open({ whenSilent: 'open' });
  const { seq: target_seq } = accepted(await send('k', 'mild'));
  const refusing = [
    { action: 'refuse', reason: 'x'.repeat(600) },
    { action: 'refuse', reason: null },
    { action: 'replace' },
    { action: 'replace', content: { type: 7 } },
  ];
  for (const [index, value] of refusing.entries()) {
    asked.answering = () => answer(value);
    const refused = await send(`k${index}`);
    expect([value, codeOf(refused)]).toEqual([value, 'forbidden']);
    expect(refused.type === 'refused' && refused.message.length).toBeLessThanOrEqual(500);
  }
  asked.answering = () => answer({ action: 'replace', content: text('tame') });
  const edit = await world.core.edit(caller('ann'), {
    ...{ conversation_id: direct, target_seq, client_msg_id: 'e' as ClientMsgId, content: text('wild') },
  });
  expect(codeOf(edit)).toBe('forbidden');
  expect(await texts()).toEqual(['mild']);
});

test('[W11] other fields do not invalidate a verdict; replacing content must be exact, or the message is refused', async () => {
  await world.close();
  await open({ whenSilent: 'open' });
  const deep = `${'['.repeat(60)}${']'.repeat(60)}`;
  const verdicts = [
    ['{"action":"refuse","reason":"no","case_id":9223372036854775807}', 'forbidden', 'no'],
    [`{"action":"refuse","reason":"no","detail":${deep}}`, 'forbidden', 'no'],
    [`{"action":"replace","content":{"type":"x","n":[9223372036854775807]}}`, 'forbidden'],
    [`{"action":"replace","\\u0063ontent":{"type":"x","n":[9223372036854775807]},"n":1}`, 'forbidden'],
    [`{"action":"replace","content":{"type":"x","deep":${deep}}}`, 'forbidden'],
    [
      `{"action":"replace","case_id":9223372036854775807,"detail":${deep},"content":{"type":"text","text":"tame"}}`,
      'ok',
    ],
    ['{"action":"allow","case_id":9223372036854775807}', 'ok'],
  ] as const;
  for (const [index, [said, code, reason]] of verdicts.entries()) {
    asked.answering = () => new Response(said);
    const sent = await send(`k${index}`, 'mild');
    expect([said, codeOf(sent)]).toEqual([said, code]);
    if (reason !== undefined) expect(sent).toMatchObject({ message: reason });
  }
  expect(await texts()).toEqual(['tame', 'mild']);
});

test('[W11] without a verdict messages fail for now, or are accepted, as configured', async () => {
  const silences = [
    () => 500,
    () => 302,
    () => answer({ action: 'maybe' }),
    () => new Response('no JSON'),
    () => new Response('x'.repeat(20_000)),
  ];
  for (const [index, silence] of silences.entries()) {
    asked.answering = silence;
    expect(codeOf(await send(`k${index}`))).toBe('unavailable');
  }
  asked.answering = () => answer({ action: 'allow' });
  // A hook that did not respond is called again.
  accepted(await send('k0'));
  await world.close();
  await open({ whenSilent: 'open', timeoutMs: 50 });
  asked.answering = () => new Promise(() => {});
  accepted(await send('k', 'passed unseen'));
  expect(await texts()).toEqual(['passed unseen']);
});

test('[W11] a dead hook is not called for a while, and requests in flight are limited', async () => {
  asked.answering = () => 500;
  for (let count = 0; count < 12; count++) expect(codeOf(await send(`k${count}`))).toBe('unavailable');
  expect(asked.received).toHaveLength(10);
  await world.close();
  await open({ inFlightMax: 1 });
  const held = Promise.withResolvers<void>();
  asked.answering = async () => {
    await held.promise;
    return answer({ action: 'allow' });
  };
  const first = send('a');
  await until(() => asked.openCount === 1);
  const input = { to: user('ann'), client_msg_id: 'b' as ClientMsgId, content: text('x') };
  expect(codeOf(await world.core.send(caller('bob'), input))).toBe('overloaded');
  held.resolve();
  accepted(await first);
});

test('[W11] verdicts are cached up to a limit in bytes: beyond it the oldest are requested again', async () => {
  const asked: string[] = [];
  const hook: SendHook = {
    check: async ({ clientMsgId }) => {
      asked.push(clientMsgId);
      return ok({ type: 'replace', content: text('y'.repeat(150)) });
    },
    fingerprint: (words) => words,
  };
  const { timeline } = world;
  const checks = new SendChecks({ timeline, limits, log: silentLog }, hook, 2_000);
  const check = (id: string) =>
    checks.edit({ conversationId: direct, from: user('ann'), clientMsgId: id as ClientMsgId, contentJson: '{}' });
  for (const id of ['k1', 'k2', 'k3', 'k1', 'k2', 'k3']) await check(id);
  expect(asked).toEqual(['k1', 'k2', 'k3']);
  for (let index = 4; index < 8; index++) await check(`k${index}`);
  asked.splice(0);
  for (const id of ['k7', 'k1']) await check(id);
  expect(asked).toEqual(['k1']);
});
