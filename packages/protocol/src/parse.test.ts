import { expect, test } from 'bun:test';
import { testSeed } from '@hongyan/testing/seed';
import fc from 'fast-check';
import { type OperationName, operations } from './operations/operations.ts';
import { depthMax, isShallow, itemsMax, parseFrame, parseInput } from './parse.ts';
import { upSchemas } from './up.ts';

const send = { type: 'send', id: 1, to: 'bob', client_msg_id: 'k1', content: { type: 'text', text: 'hi' } };
const nested = (depth: number): unknown => (depth === 0 ? {} : { a: nested(depth - 1) });

test('a valid frame is returned unchanged, including unknown fields', () => {
  const frame = { ...send, extra: true };
  expect(parseFrame(JSON.stringify(frame))).toEqual({ type: 'ok', frame: frame as never });
});

test.each([
  ['not JSON', '{', undefined],
  ['nesting that no parser should hold', '['.repeat(100_000), undefined],
  ['an array', '[]', undefined],
  ['null', 'null', undefined],
  ['no type', '{"id":4}', 4],
  ['an unknown type', '{"type":"teleport","id":5}', 5],
  ['a type from the prototype', '{"type":"constructor"}', undefined],
  ['a missing field', JSON.stringify({ ...send, client_msg_id: undefined }), 1],
  ['an empty key', JSON.stringify({ ...send, client_msg_id: '' }), 1],
  ['a key that is too long', JSON.stringify({ ...send, client_msg_id: 'k'.repeat(65) }), 1],
  ['a user id with a quote', JSON.stringify({ ...send, to: "x' OR 1=1 --" }), 1],
  ['a conversation id with three colons', JSON.stringify({ ...send, to: undefined, conversation_id: 'd:a:b:c' }), 1],
  ['a content without a type', JSON.stringify({ ...send, content: { text: 'x' } }), 1],
  ['a negative limit', '{"type":"history","id":7,"conversation_id":"g:x","limit":-1}', 7],
  ['a fraction as seq', '{"type":"history","id":8,"conversation_id":"g:x","after_seq":1.5}', 8],
  ['a seq beyond safe integers', '{"type":"read","conversation_id":"g:x","seq":1e300}', undefined],
  ['too many presence ids', JSON.stringify({ type: 'presence', id: 9, user_ids: Array(501).fill('a') }), 9],
  ['a number that would be changed', '{"type":"presence","id":9007199254740993,"user_ids":[]}', '9007199254740993'],
  ['both targets of a send', JSON.stringify({ ...send, conversation_id: 'g:x' }), 1],
  ['neither target of a send', JSON.stringify({ ...send, to: undefined }), 1],
  ['both bounds of a page', '{"type":"history","id":3,"conversation_id":"g:x","after_seq":1,"before_seq":9}', 3],
  ['content nested too deep', JSON.stringify({ ...send, content: { type: 'x', a: nested(depthMax) } }), 1],
])('%s is a bad_request that repeats the id if there is one', (_name, text, id) => {
  const parsed = parseFrame(text);
  expect(parsed.type === 'refused' && { code: parsed.refusal.code, id: parsed.id }).toEqual({
    code: 'bad_request',
    id: id === undefined ? undefined : String(id),
  });
});

const parsedMessage = (frame: object) => {
  const parsed = parseFrame(JSON.stringify(frame));
  return parsed.type === 'refused' ? parsed.refusal.message : undefined;
};
const inputMessage = (name: OperationName, value: unknown) => {
  const parsed = parseInput(name, value);
  return parsed.type === 'ok' ? undefined : parsed.message;
};
const idRule = 'input/members/0: 1–64 of letters, digits, _ . @ -; not "." or "..". Ids are case-insensitive';

test.each([
  ['both targets', parsedMessage({ ...send, conversation_id: 'g:x' }), 'send: Exactly one of to and conversation_id'],
  ['no target', parsedMessage({ ...send, to: undefined }), 'send: Exactly one of to and conversation_id'],
  ['no target, nor content', parsedMessage({ ...send, to: undefined, content: 1 }), 'send/content: must be object'],
  [
    'content without a type',
    parsedMessage({ ...send, content: {} }),
    'send/content: must have required properties type',
  ],
  [
    'both bounds',
    inputMessage('history', { conversation_id: 'g:x', after_seq: 1, before_seq: 2 }),
    'input: At most one of after_seq and before_seq',
  ],
  [
    'a group without a title',
    inputMessage('createConversation', { kind: 'group', members: [] }),
    'input: must have required properties title',
  ],
  [
    'a direct conversation with no other',
    inputMessage('createConversation', { kind: 'direct' }),
    'input: must have required properties with',
  ],
  ['an id that is none', inputMessage('createConversation', { kind: 'group', title: 'x', members: ["'"] }), idRule],
  [
    'a kind that is none',
    inputMessage('createConversation', { kind: 'party' }),
    'input/kind: must be one of "direct", "group", "broadcast"',
  ],
  ['no object', inputMessage('send', 7), 'input: must be object'],
])('the refusal of %s says what is wrong', (_name, message, expected) => {
  expect(message).toBe(expected);
});

test('a list that is too long is traversed once', () => {
  let reads = 0;
  const devices = new Proxy(Array(100_000).fill(1), {
    get(list, key) {
      if (typeof key === 'string' && /^\d+$/.test(key)) reads++;
      return Reflect.get(list, key);
    },
  });
  expect(inputMessage('registerDevices', { devices })).toBe('input/devices: must not have more than 1000 items');
  expect(reads).toBeLessThan(2 * devices.length);
});

test('no list of an input may be longer than what is checked to explain a refusal', () => {
  const bounds = JSON.stringify([operations, upSchemas]).matchAll(/"maxItems":(\d+)/g);
  expect(Math.max(...Array.from(bounds, ([, max]) => Number(max)))).toBe(itemsMax);
});

test('depth is measured without recursion', () => {
  expect(isShallow(nested(depthMax - 1))).toBe(true);
  expect(isShallow(nested(depthMax + 1))).toBe(false);
  let deep: unknown = {};
  for (let i = 0; i < 200_000; i++) deep = [deep];
  expect(isShallow(deep)).toBe(false);
});

test('no input makes the parser throw, and every accepted frame has a known type', () => {
  const seed = testSeed('parse');
  const almost = fc.record(
    {
      type: fc.oneof(fc.constantFrom(...Object.keys(upSchemas)), fc.string()),
      id: fc.oneof(fc.integer(), fc.anything()),
      to: fc.anything(),
      conversation_id: fc.oneof(fc.constant('g:x'), fc.anything()),
      client_msg_id: fc.oneof(fc.string(), fc.anything()),
      content: fc.oneof(fc.record({ type: fc.string() }), fc.anything()),
      seq: fc.oneof(fc.integer(), fc.double()),
      limit: fc.anything(),
    },
    { requiredKeys: [] },
  );
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.json(),
    almost.map((value) => JSON.stringify(value)),
  );
  fc.assert(
    fc.property(text, (input) => {
      const parsed = parseFrame(input);
      if (parsed.type === 'ok') expect(Object.keys(upSchemas)).toContain(parsed.frame.type);
      else expect(parsed.refusal.message.length).toBeGreaterThan(0);
    }),
    { seed, numRuns: 2000 },
  );
});
