// Examples in openapi.json: a plausible value for each field by its name, so that a reader sees a conversation instead of random text.

import type { TSchema } from 'typebox';

const byField: Readonly<Record<string, unknown>> = {
  access_token: 'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbGljZSJ9.…',
  after: 'alice',
  after_seq: 40,
  as_of_seq: 43,
  before_seq: 42,
  client_msg_id: '0199f3a2-7c1e-7d3a-9a55-6f2b8f0c1d2e',
  content: { type: 'text', text: 'Dinner at seven?' },
  conversation_count: 12,
  conversation_id: 'd:alice:bob',
  count: 38,
  created_at: 1_764_000_000_000,
  cursor: 'c1.1764000000000',
  delivered_count: 1,
  delivered_seq: 41,
  device_id: 'phone-1',
  accepted: 100,
  app_version: '2.4.1',
  device_token: 'f3b1c9de-6f0e-4c1a-9d57-2b7f4e1a90cc',
  firmware: '3.2.0',
  index: 3,
  last_seen: 1_764_000_100_000,
  locale: 'de-CH',
  model: 'P1',
  platform: 'android',
  registered_at: 1_764_000_000_000,
  timezone: 'Europe/Zurich',
  display_name: 'Alice Jones',
  duplicate: true,
  edited: 43,
  endpoint_id: 'wh_q3Zk0c1fVt2y',
  expect_seq: 0,
  expires_in: 604_800,
  first_seq: 1,
  from: 'alice',
  has_more: false,
  id: 'evt_0199f3a2-7c20-7a01-8c3d-2f6f0b9d4e11',
  key: '👍',
  keys: ['👍'],
  kind: 'direct',
  last_count: 38,
  last_seq: 41,
  limit: 50,
  member_count: 2,
  mentions: ['bob'],
  msg_id: '0199f3a2-7c20-7a01-8c3d-2f6f0b9d4e11',
  name: 'Chrome on Windows',
  online: true,
  password: 'correct horse battery staple',
  pinned: true,
  position: '7c2f90a1b3d4.1204',
  query: 'ali',
  read_count: 1,
  read_seq: 40,
  reason: 'sent to the wrong chat',
  recipient_count: 1,
  region: 'eu-west',
  role: 'owner',
  seq: 41,
  status: 'ack',
  target_msg_id: '0199f3a2-7c1f-7b62-9c3d-6b0f1d2e3f40',
  target_seq: 41,
  text: 'Dinner at seven?',
  through_seq: 43,
  timestamp: 1_764_000_123_456,
  title: 'Weekend plans',
  to: 'bob',
  token_type: 'Bearer',
  unread: 1,
  unread_mentions: 0,
  url: 'https://im.example.org',
  user_count: 1,
  user_id: 'alice',
  user_ids: ['bob'],
  with: 'bob',
};

interface Shape {
  readonly type?: string;
  readonly const?: unknown;
  readonly format?: string;
  readonly examples?: readonly unknown[];
  readonly anyOf?: readonly TSchema[];
  readonly oneOf?: readonly { readonly required?: readonly string[] }[];
  readonly not?: { readonly required?: readonly string[] };
  readonly properties?: Readonly<Record<string, TSchema>>;
  readonly items?: TSchema;
}

/** Returns a value of the schema. `field` is the name of its property. */
export function exampleOf(schema: TSchema, field?: string): unknown {
  const { const: constant, format, examples, anyOf, properties, items, type } = schema as Shape;
  if (constant !== undefined) return constant;
  if (examples !== undefined) return examples[0];
  if (format === 'date-time') return '2025-11-24T16:02:03.456Z';
  if (field !== undefined && !isOneOf(anyOf, byField[field])) return exampleOf(schema);
  if (field !== undefined && Object.hasOwn(byField, field)) return byField[field];
  if (anyOf?.[0] !== undefined) return exampleOf(anyOf[0], field);
  if (properties !== undefined) return objectExample(schema as Shape, properties);
  // All other lists of strings are user ids.
  if (items !== undefined) return [exampleOf(items, (items as Shape).type === 'string' ? 'user_id' : undefined)];
  return type === 'boolean' ? true : type === 'integer' || type === 'number' ? 1 : 'text';
}

/** Whether the value is one of the schema's constants; true for a schema without constants. */
function isOneOf(anyOf: Shape['anyOf'], value: unknown): boolean {
  const constants = (anyOf ?? []).map((choice) => (choice as Shape).const);
  return constants.length === 0 || constants.includes(undefined) || constants.includes(value);
}

/** An example contains the first of several fields that exclude each other. */
function objectExample(shape: Shape, properties: Readonly<Record<string, TSchema>>): unknown {
  const excluded = excludedFields(shape);
  return Object.fromEntries(
    Object.entries(properties)
      .filter(([name]) => !excluded.has(name))
      .map(([name, property]) => [name, exampleOf(property, name)]),
  );
}

/** The fields that exclude another one, without the first of each group. */
export function excludedFields(schema: TSchema | Shape): ReadonlySet<string> {
  const { oneOf = [], not } = schema as Shape;
  return new Set([...oneOf.slice(1).flatMap(({ required = [] }) => required), ...(not?.required?.slice(1) ?? [])]);
}
