// Part of the contract of the core: each operation, once accepted and once refused, matches its declaration.

import { expect, test } from 'bun:test';
import type { ClientMsgId, ConversationId, DeviceId, DeviceToken, MsgId } from '@hongyan/protocol/ids';
import type { OperationSpec } from '@hongyan/protocol/operations/operation';
import { type Input, operations } from '@hongyan/protocol/operations/operations';
import { until } from '@hongyan/testing/until';
import { Compile } from 'typebox/compile';
import type { AnonymousCaller, CallerOf, CoreOperation, CoreOperations, DeviceCaller } from '../core.ts';
import { accepted, type CoreTools, caller, direct, password, seq, user } from './gateway-side.ts';
import { signed } from './signed.ts';

interface Example<N extends CoreOperation> {
  readonly caller: CallerOf<N>;
  readonly input: Input<N>;
  /** An input that matches the schema but is refused. Absent: no such input exists. */
  readonly refused?: { readonly input: Input<N>; readonly code: string; readonly caller?: CallerOf<N> };
}
type Examples = { readonly [N in CoreOperation]: Example<N> };

export function everyOperation({ made, group, open, say }: CoreTools): void {
  test('each operation returns its declared output, and refuses with a declared code', async () => {
    const conversationId = await group('bob');
    const { msg_id } = accepted(await say('first'));
    await deviceIsStored(made().core);
    const examples = examplesOf({ conversationId, msgId: msg_id, device: await open('ann') });
    const names = Object.keys(examples) as CoreOperation[];
    expect(names.toSorted()).toEqual(
      Object.keys(operations)
        .filter((name) => name !== 'route')
        .toSorted() as CoreOperation[],
    );
    for (const name of names) await check(made().core, name, examples[name] as Example<typeof name>);
  });
}

async function check<N extends CoreOperation>(core: CoreOperations, name: N, example: Example<N>): Promise<void> {
  const { input, output, refusals }: OperationSpec = operations[name];
  const { refused } = example;
  if (refused) {
    expect({ name, fits: Compile(input).Check(refused.input) }).toEqual({ name, fits: true });
    const result = await core[name](refused.caller ?? example.caller, refused.input);
    expect({ name, ...result }).toMatchObject({ name, type: 'refused', code: refused.code });
    expect(['bad_request', ...refusals]).toContain(refused.code);
  }
  expect({ name, fits: Compile(input).Check(example.input) }).toEqual({ name, fits: true });
  const value: unknown = accepted(await core[name](example.caller, example.input));
  const errors = output === undefined ? [] : Compile(output).Errors(value);
  expect({ name, errors }).toEqual({ name, errors: [] });
  if (output === undefined) expect(value).toBeUndefined();
}

interface Facts {
  /** A group of ann and bob. */
  readonly conversationId: ConversationId;
  readonly msgId: MsgId;
  /** Of ann, with a session. */
  readonly device: DeviceCaller;
}

/** In the order in which they are called. */
function examplesOf(facts: Facts): Examples {
  return {
    ...accountExamples(),
    ...webhookExamples(),
    ...conversationExamples(facts),
    ...messageExamples(facts),
    ...deviceExamples(),
    ...liveExamples(facts),
  };
}

const ann = caller('ann');
const backEnd = { ...caller('system'), keyId: 'k1' };
const anyone: AnonymousCaller = { address: '127.0.0.1' };
const nowhere = 'g:nowhere' as ConversationId;
const nobody = user('nobody');

function accountExamples() {
  return {
    signup: {
      caller: anyone,
      input: { user_id: user('eve'), password, display_name: 'Eve 雁' },
      refused: { input: { user_id: user('ANN'), password }, code: 'conflict' },
    },
    login: {
      caller: anyone,
      input: { user_id: user('eve'), password },
      refused: { input: { user_id: nobody, password }, code: 'unauthorized' },
    },
    getMe: { caller: ann, input: {}, refused: { caller: caller('nobody'), input: {}, code: 'not_found' } },
    getUser: {
      caller: ann,
      input: { user_id: user('eve') },
      refused: { input: { user_id: nobody }, code: 'not_found' },
    },
    searchUsers: { caller: ann, input: { query: 'e' } },
    listOwnDevices: { caller: ann, input: {} },
    revokeOwnDevice: {
      caller: ann,
      input: { device_id: 'phone' as DeviceId },
      refused: { input: { device_id: 'unknown' as DeviceId }, code: 'not_found' },
    },
    mintToken: {
      caller: backEnd,
      input: { user_id: user('fay'), create: true, display_name: 'Fay', ttl_s: 60, tier: 'paid' },
      refused: { input: { user_id: nobody }, code: 'not_found' },
    },
    pullEvents: {
      caller: backEnd,
      input: { limit: 10 },
      refused: { input: { after: 'of another log' }, code: 'bad_request' },
    },
    putUser: {
      caller: backEnd,
      input: { user_id: user('fay'), display_name: 'Fay F', disabled: true, tier: null },
      refused: { input: { user_id: user('System') }, code: 'forbidden' },
    },
    logout: { caller: ann, input: {} },
    logoutAll: { caller: ann, input: {} },
  } satisfies Partial<Examples>;
}

/** The id of the first endpoint in the test world. */
const endpoint_id = 'wh_BwcHBwcHBwcH';
const ofNoEndpoint = { input: { endpoint_id: 'wh_unknown' }, code: 'not_found' };

function webhookExamples() {
  const url = 'http://127.0.0.1:9/hooks';
  const ofEndpoint = { caller: backEnd, input: { endpoint_id }, refused: ofNoEndpoint };
  return {
    addWebhook: {
      caller: backEnd,
      input: { url, types: ['message.created'] },
      refused: { input: { url: 'ftp://127.0.0.1/' }, code: 'bad_request' },
    },
    listWebhooks: { caller: backEnd, input: {} },
    getWebhook: ofEndpoint,
    changeWebhook: {
      caller: backEnd,
      input: { endpoint_id, types: [], enabled: true },
      refused: { input: { endpoint_id, types: ['message.unknown'] }, code: 'bad_request' },
    },
    testWebhook: ofEndpoint,
    rotateWebhookSecret: ofEndpoint,
    replayWebhook: ofEndpoint,
    listWebhookAttempts: ofEndpoint,
    listWebhookDeadLetters: ofEndpoint,
    removeWebhook: ofEndpoint,
  } satisfies Partial<Examples>;
}

function conversationExamples({ conversationId: conversation_id }: Facts) {
  const inNowhere = { input: { conversation_id: nowhere }, code: 'not_member' };
  const cat = { conversation_id, user_id: user('cat') };
  const ofNobody = { input: { conversation_id, user_id: nobody }, code: 'not_found' };
  return {
    createConversation: {
      caller: ann,
      input: { kind: 'broadcast', title: '雁', members: [user('bob'), user('CAT')], history_visible: false },
      refused: { input: { kind: 'direct', with: nobody }, code: 'not_found' },
    },
    listConversations: {
      caller: ann,
      input: { limit: 500 },
      refused: { input: { cursor: 'foreign' }, code: 'bad_request' },
    },
    getConversation: { caller: ann, input: { conversation_id }, refused: inNowhere },
    updateConversation: {
      caller: ann,
      input: { conversation_id, title: 'new', rules: { post: 'members' as const }, history_visible: true },
      refused: { input: { conversation_id, title: ' ' }, code: 'bad_request' },
    },
    addMember: { caller: ann, input: cat, refused: ofNobody },
    setRole: {
      caller: ann,
      input: { ...cat, role: 'admin' as const },
      refused: { caller: caller('bob'), input: { ...cat, role: 'owner' as const }, code: 'forbidden' },
    },
    listMembers: { caller: ann, input: { conversation_id, limit: 1 }, refused: inNowhere },
    removeMember: { caller: ann, input: cat, refused: ofNobody },
  } satisfies Partial<Examples>;
}

function messageExamples({ conversationId: conversation_id, msgId, device }: Facts) {
  const unknownId = '01900000-0000-7000-8000-000000000000' as MsgId;
  const client_msg_id = 'second' as ClientMsgId;
  return {
    send: {
      caller: ann,
      input: { to: user('BOB'), client_msg_id, content: { type: 'text', text: 'x' } },
      refused: { input: { conversation_id, client_msg_id, content: { type: 'hongyan.x' } }, code: 'forbidden' },
    },
    sync: {
      caller: device,
      input: { full: true },
      refused: { input: { cursor: 'foreign' }, code: 'bad_request' },
    },
    history: {
      caller: ann,
      input: { conversation_id },
      refused: { input: { conversation_id: nowhere }, code: 'not_member' },
    },
    catchUp: {
      caller: ann,
      input: { conversation_id, after_seq: seq(0) },
      refused: { input: { conversation_id: nowhere, after_seq: seq(0) }, code: 'not_member' },
    },
    ...changeExamples(),
    ...privateExamples(conversation_id),
    getMessage: {
      caller: ann,
      input: { msg_id: msgId },
      refused: { input: { msg_id: unknownId }, code: 'not_found' },
    },
    findMessage: {
      caller: ann,
      input: { client_msg_id },
      refused: { input: { client_msg_id: 'unused' as ClientMsgId }, code: 'not_found' },
    },
    listReactions: {
      caller: ann,
      input: { conversation_id: direct, target_seq: seq(1), key: '👍' },
      refused: { input: { conversation_id: direct, target_seq: seq(99) }, code: 'not_found' },
    },
  } satisfies Partial<Examples>;
}

/** For the first message in the direct conversation of ann and bob. */
function privateExamples(conversation_id: ConversationId) {
  const key = (client_msg_id: string) => ({ client_msg_id: client_msg_id as ClientMsgId });
  const pin = { type: 'pin' as const, pinned: true };
  return {
    setPrivate: {
      caller: ann,
      input: { ...key('private'), change: { ...pin, conversation_id } },
      refused: { input: { ...key('refused'), change: { ...pin, conversation_id: nowhere } }, code: 'not_member' },
    },
    privateState: { caller: ann, input: { limit: 1 } },
  } satisfies Partial<Examples>;
}

function changeExamples() {
  const at = (key: string, target = 1) => ({
    conversation_id: direct,
    target_seq: seq(target),
    client_msg_id: `change ${key}` as ClientMsgId,
  });
  const content = { type: 'text', text: 'corrected' };
  return {
    edit: {
      caller: ann,
      input: { ...at('1'), content, expect_seq: seq(0) },
      refused: { input: { ...at('2', 99), content }, code: 'not_found' },
    },
    react: {
      caller: caller('bob'),
      input: { ...at('3'), key: '👍', op: 'add' as const },
      refused: { input: { ...at('4'), key: '\uFE0F', op: 'add' as const }, code: 'bad_request' },
    },
    pin: {
      caller: ann,
      input: at('7'),
      refused: { input: at('8', 99), code: 'not_found' },
    },
    unpin: {
      caller: ann,
      input: at('9'),
      refused: { input: at('10', 99), code: 'not_found' },
    },
    listPinned: {
      caller: ann,
      input: { conversation_id: direct },
      refused: { input: { conversation_id: nowhere }, code: 'not_member' },
    },
    recall: {
      caller: ann,
      input: { ...at('5'), reason: 'wrong chat' },
      refused: { caller: caller('bob'), input: at('6'), code: 'forbidden' },
    },
  } satisfies Partial<Examples>;
}

const known = { device_token: 'token-known' as DeviceToken, model: 'P1', firmware: '1.0' };
const unknown = { device_token: 'token-unknown' as DeviceToken };

/** Waits until a worker has stored the registration. */
async function deviceIsStored(core: CoreOperations): Promise<void> {
  accepted(await core.registerDevice(signed(known), known));
  await until(async () => (await core.bindDevice(ann, known)).type === 'ok');
}

function deviceExamples() {
  const registration = { ...known, locale: 'de' };
  const batch = { devices: [registration, { device_token: 'no' }] };
  return {
    registerDevice: {
      caller: signed(registration),
      input: registration,
      refused: { caller: { ...signed(registration), body: 'another' }, input: registration, code: 'unauthorized' },
    },
    registerDevices: {
      caller: signed(batch),
      input: batch,
      refused: { caller: signed(batch, { keyId: 'mailer' }), input: batch, code: 'forbidden' },
    },
    bindDevice: {
      caller: ann,
      input: { device_token: known.device_token, device_id: 'phone' as DeviceId },
      refused: { caller: caller('bob'), input: { device_token: known.device_token }, code: 'conflict' },
    },
    getDevice: {
      caller: ann,
      input: { device_token: known.device_token },
      refused: { input: unknown, code: 'not_found' },
    },
    unbindDevice: {
      caller: ann,
      input: { device_token: known.device_token },
      refused: { input: unknown, code: 'not_found' },
    },
  } satisfies Partial<Examples>;
}

function liveExamples({ device }: Facts) {
  const beyond = { input: { conversation_id: direct, seq: seq(99) }, code: 'bad_request' };
  return {
    delivered: { caller: device, input: { conversation_id: direct, seq: seq(1) }, refused: beyond },
    read: { caller: device, input: { conversation_id: direct, seq: seq(2) }, refused: beyond },
    listReaders: {
      caller: device,
      input: { conversation_id: direct, target_seq: seq(1), state: 'delivered' as const },
      refused: { input: { conversation_id: direct, target_seq: seq(99) }, code: 'not_found' },
    },
    typing: {
      caller: device,
      input: { conversation_id: direct },
      refused: { input: { conversation_id: nowhere }, code: 'not_member' },
    },
    presence: { caller: device, input: { user_ids: [user('ann'), nobody] } },
  } satisfies Partial<Examples>;
}
