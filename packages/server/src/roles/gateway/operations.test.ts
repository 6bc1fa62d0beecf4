// Each operation over WebSocket and over HTTP, against a fake core: a valid input is answered as declared, an invalid one is refused.

import { afterAll, beforeAll, expect, test } from 'bun:test';
import { errorStatus } from '@hongyan/protocol/codes';
import { downSchemas } from '@hongyan/protocol/down';
import type { OperationSpec } from '@hongyan/protocol/operations/operation';
import { type OperationName, operationNames, operations } from '@hongyan/protocol/operations/operations';
import { refusal } from '@hongyan/protocol/refusals';
import { type Frame, WireClient } from '@hongyan/testing/wire-client';
import Value from 'typebox/value';
import { exampleOf } from './http/examples.ts';
import { hasBody } from './http/request-input.ts';
import { fakeApiKey, fakeCore } from './testing/fake-core.ts';
import { openTestGateway } from './testing/open-gateway.ts';

interface OpenApi {
  readonly paths: Record<string, Record<string, { readonly operationId: string; readonly responses: Responses }>>;
}
type Responses = Readonly<Record<string, { readonly description: string }>>;
/** Of each operation, as /openapi.json lists them. */
const responses = new Map<string, Responses>();

let opened: Awaited<ReturnType<typeof openTestGateway>>;
let wire: WireClient;
beforeAll(async () => {
  opened = await openTestGateway({
    core: {
      identifyKey: async (asked) =>
        asked.asUser === 'gone' ? refusal.noSuch('user gone') : fakeCore().core.identifyKey(asked),
    },
  });
  const { paths } = (await (await fetch(`${opened.url}/openapi.json`)).json()) as OpenApi;
  for (const each of Object.values(paths).flatMap((byMethod) => Object.values(byMethod)))
    responses.set(each.operationId, each.responses);
  wire = await WireClient.open({ url: opened.url, token: 'ann', userId: 'ann', deviceId: 'phone' });
});
afterAll(async () => {
  await wire.close();
  await opened.gateway.close();
});

/** Valid against the declared schema, and made from it. */
const validInput = (name: OperationName) => exampleOf(operations[name].input) as Record<string, unknown>;

/** Inputs that their schemas must refuse; `undefined`: every object is valid. */
const invalidInputs: Readonly<Record<OperationName, Record<string, unknown> | undefined>> = {
  signup: { user_id: 'no spaces', password: 'x' },
  login: { user_id: 'ann' },
  logout: undefined,
  logoutAll: undefined,
  listOwnDevices: undefined,
  revokeOwnDevice: { device_id: 'no spaces' },
  mintToken: { user_id: 'ann', ttl_s: 0 },
  pullEvents: { wait_s: 31 },
  listWebhooks: undefined,
  addWebhook: { url: '' },
  getWebhook: { endpoint_id: 'x'.repeat(65) },
  changeWebhook: { endpoint_id: 'wh_1', enabled: 'yes' },
  removeWebhook: { endpoint_id: 'x'.repeat(65) },
  testWebhook: { endpoint_id: 'x'.repeat(65) },
  rotateWebhookSecret: { endpoint_id: 'wh_1', overlap_hours: 721 },
  replayWebhook: { endpoint_id: 'wh_1', dead: 'all' },
  listWebhookAttempts: { endpoint_id: 'x'.repeat(65) },
  listWebhookDeadLetters: { endpoint_id: 'x'.repeat(65) },
  putUser: { user_id: 'ann', disabled: 'yes' },
  getMe: undefined,
  getUser: { user_id: 'no spaces' },
  searchUsers: { query: '' },
  registerDevice: { device_token: 'no', model: 'P1', firmware: '1' },
  registerDevices: { devices: [] },
  getDevice: { device_token: 'no' },
  bindDevice: { device_token: 'device-token', device_id: 'no spaces' },
  unbindDevice: { device_token: 'no' },
  createConversation: { kind: 'channel' },
  listConversations: { limit: 0 },
  getConversation: { conversation_id: 'x:1' },
  updateConversation: { conversation_id: 'g:1', rules: { post: 'nobody' } },
  addMember: { conversation_id: 'g:1', user_id: 'no spaces' },
  removeMember: { conversation_id: 'x:1', user_id: 'ann' },
  setRole: { conversation_id: 'g:1', user_id: 'ann', role: 'king' },
  listMembers: { conversation_id: 'g:1', limit: 501 },
  send: { to: 'bob', conversation_id: 'g:1', client_msg_id: 'k', content: { type: 'x' } },
  sync: { limit: -1 },
  history: { conversation_id: 'g:1', after_seq: 1, before_seq: 2 },
  catchUp: { conversation_id: 'g:1', after_seq: -1 },
  edit: { conversation_id: 'g:1', target_seq: 1, client_msg_id: 'k', content: { text: 'no type' } },
  recall: { conversation_id: 'g:1', target_seq: 1, client_msg_id: '' },
  react: { conversation_id: 'g:1', target_seq: 1, client_msg_id: 'k', key: '👍', op: 'toggle' },
  pin: { conversation_id: 'g:1', target_seq: -1, client_msg_id: 'k' },
  unpin: { conversation_id: 'g:1', target_seq: 1 },
  listPinned: { conversation_id: 'x:1' },
  setPrivate: { client_msg_id: 'k', change: { type: 'pin', conversation_id: 'g:1' } },
  privateState: { limit: 0 },
  getMessage: { msg_id: '1' },
  findMessage: { client_msg_id: 'k'.repeat(65) },
  listReactions: { conversation_id: 'g:1', target_seq: 1, key: '' },
  delivered: { conversation_id: 'g:1', seq: 0.5 },
  read: { conversation_id: 'g:1', seq: -1 },
  listReaders: { conversation_id: 'g:1', target_seq: 1, state: 'seen' },
  typing: { conversation_id: '' },
  presence: { user_ids: 'ann' },
  route: undefined,
};

const specOf = (name: OperationName): OperationSpec => operations[name];
const overHttp = operationNames.filter((name) => specOf(name).http !== undefined);
const overFrames = operationNames.filter((name) => specOf(name).frame !== undefined);

test('every operation can be reached, and its example is a valid input', () => {
  expect(new Set([...overHttp, ...overFrames])).toEqual(new Set(operationNames));
  for (const name of operationNames)
    expect([name, Value.Check(operations[name].input, validInput(name))]).toEqual([name, true]);
});

test.each(overHttp)('%s over HTTP', async (name) => {
  const { needs, output, http, scope } = specOf(name);
  const answer = await request(name, validInput(name));
  expect(answer.status).toBe(http?.status ?? 204);
  const text = await answer.text();
  if (http?.status === undefined) expect(text).toBe('');
  else if (output) expect(Value.Errors(output, JSON.parse(text))).toEqual([]);
  if (name !== 'route')
    expect(opened.asked.at(-1)).toMatchObject({
      name,
      ...callerOf(needs),
    });
  if (needs === 'key') expect((await request(name, validInput(name), 'ann')).status).toBe(403);
  if (needs !== 'nothing' && needs !== 'key' && needs !== 'signature') {
    const asBackEnd = await request(name, validInput(name), fakeApiKey);
    expect([name, asBackEnd.status]).toEqual([name, scope === undefined ? 403 : (http?.status ?? 204)]);
  }
  if (needs !== 'nothing') expect((await request(name, validInput(name), '')).status).toBe(401);
  if (scope !== undefined)
    expect((await request(name, validInput(name), fakeApiKey, { 'hongyan-user': 'gone' })).status).toBe(404);
  const invalid = invalidInputs[name];
  if (invalid === undefined) return;
  const count = opened.asked.length;
  const refused = await request(name, invalid);
  expect(await refused.json()).toMatchObject({ status: errorStatus.bad_request, code: 'bad_request' });
  expect(opened.asked).toHaveLength(count);
});

test.each(overFrames)('%s as a frame', async (name) => {
  const { frame } = specOf(name);
  const sent = { ...validInput(name), type: frame?.up };
  if (frame?.down === undefined) wire.raw(JSON.stringify(sent));
  else {
    const answer = await wire.request(sent);
    const schema = downSchemas[frame.down as keyof typeof downSchemas];
    expect(Value.Errors(schema, answer)).toEqual([]);
  }
  expect(await wire.ping()).toBe(true);
  expect(opened.asked.at(-1)).toMatchObject({ name, caller: { userId: 'ann', deviceId: 'phone' } });
  const count = opened.asked.length;
  const refused = (await wire.request({ ...invalidInputs[name], type: frame?.up })) as Frame;
  expect(refused).toMatchObject({ type: 'error', code: 'bad_request' });
  expect(opened.asked).toHaveLength(count);
});

test('a query parameter that is given twice is refused', async () => {
  const ask = (query: string) =>
    fetch(`${opened.url}/v1/events?${query}`, { headers: { authorization: `Bearer ${fakeApiKey}` } });
  const count = opened.asked.length;
  for (const query of ['types=user.online&types=user.offline', 'types=a&limit=3&t%79pes=a', 'limit=3&limit=3']) {
    const refused = await ask(query);
    expect(refused.status).toBe(400);
    expect(await refused.json()).toMatchObject({
      code: 'bad_request',
      detail: expect.stringMatching(/^give "(types|limit)" once: separate several values by commas$/),
    });
  }
  expect(opened.asked).toHaveLength(count);
  // Unknown parameters are ignored.
  expect((await ask('types=user.online,user.offline&x=1&x=2')).status).toBe(200);
  expect(opened.asked.at(-1)).toMatchObject({ name: 'pullEvents', input: { types: 'user.online,user.offline' } });
});

/** The fake core does not look at it. */
const signature = { 'hongyan-key-id': 'key', 'hongyan-timestamp': '1', 'hongyan-signature': 'a'.repeat(64) };

function callerOf(needs: OperationSpec['needs']) {
  if (needs === 'nothing') return {};
  if (needs === 'signature') return { caller: { keyId: 'key', signedAtMs: 1 } };
  return { caller: { userId: needs === 'key' ? 'system' : 'ann' } };
}

async function request(
  name: OperationName,
  input: Record<string, unknown>,
  token = specOf(name).needs === 'key' ? fakeApiKey : 'ann',
  more: Record<string, string> = {},
): Promise<Response> {
  const spec = specOf(name);
  const { method, path } = spec.http ?? { method: 'GET', path: '' };
  const rest = { ...input };
  const filled = path.replace(/\{(\w+)\}/g, (_match, param: string) => {
    const value = rest[param];
    delete rest[param];
    return encodeURIComponent(String(value));
  });
  const query = new URLSearchParams(Object.entries(rest).map(([key, value]) => [key, String(value)]));
  const headers = new Headers(token !== '' && spec.needs === 'signature' ? { ...signature, ...more } : more);
  if (token !== '' && spec.needs !== 'signature') headers.set('authorization', `Bearer ${token}`);
  const answer = await fetch(`${opened.url}${filled}${hasBody(spec) ? '' : `?${query}`}`, {
    method,
    headers,
    ...(hasBody(spec) ? { body: JSON.stringify(rest) } : {}),
  });
  await expectListed(name, answer.clone());
  return answer;
}

async function expectListed(name: OperationName, answer: Response): Promise<void> {
  const codes = responses.get(name)?.[answer.status]?.description;
  expect([name, answer.status, codes]).toEqual([name, answer.status, expect.any(String)]);
  if (!answer.ok)
    expect([name, codes?.split(', ')]).toContainEqual(expect.arrayContaining([(await answer.json()).code]));
}
