import { expect, test } from 'bun:test';
import { errorStatus } from '@hongyan/protocol/codes';
import { eventSchemas, eventTypes } from '@hongyan/protocol/events';
import type { OperationSpec } from '@hongyan/protocol/operations/operation';
import { operationNames, operations } from '@hongyan/protocol/operations/operations';
import type { TSchema } from 'typebox';
import Value from 'typebox/value';
import { exampleOf } from './examples.ts';
import { openapi } from './openapi.ts';
import { hasBody } from './request-input.ts';

interface Described {
  readonly operationId: string;
  readonly security?: unknown;
  readonly parameters: readonly {
    readonly name: string;
    readonly in: string;
    readonly schema: TSchema;
    readonly example?: unknown;
  }[];
  readonly requestBody?: { readonly content: Record<string, { readonly example: unknown }> };
  readonly responses: Record<
    string,
    { readonly description?: string; readonly content?: Record<string, { readonly example: unknown }> }
  >;
}
interface Document {
  readonly paths: Record<string, Record<string, Described>>;
  readonly webhooks: Record<string, Record<string, Pick<Described, 'requestBody'>>>;
  readonly servers: readonly { readonly url: string }[];
  readonly components: { readonly schemas: Record<string, TSchema> };
}

const document = openapi({ version: '1.2.3', publicUrl: '' }) as unknown as Document;
const described = Object.values(document.paths).flatMap((methods) => Object.values(methods));
const specs = new Map<string, OperationSpec>(operationNames.map((name) => [name, operations[name]]));
const specOf = ({ operationId }: Described): OperationSpec => specs.get(operationId) as OperationSpec;

test('every operation over HTTP is described once, under its name', () => {
  const expected = operationNames.filter((name) => specs.get(name)?.http !== undefined);
  expect(described.map(({ operationId }) => operationId).sort()).toEqual([...expected].sort());
});

test('every status of an operation is listed', () => {
  for (const each of described) {
    const spec = specOf(each);
    const { http, refusals, needs, scope, changes } = spec;
    const statuses = new Set([
      http?.status ?? 204,
      ...refusals.map((code) => errorStatus[code]),
      ...[400, 429, 500, 503],
      ...(needs === 'nothing' ? [] : [401]),
      // An API key where a token is needed, or the reverse, or one without the scope; an unknown user in Hongyan-User.
      ...(needs === 'nothing' || needs === 'signature' ? [] : [403]),
      ...(scope === undefined ? [] : [404]),
      ...(hasBody(spec) ? [413] : []),
      ...(changes ? [504] : []),
    ]);
    expect([each.operationId, Object.keys(each.responses).map(Number)]).toEqual([
      each.operationId,
      [...statuses].sort((a, b) => a - b),
    ]);
  }
});

test('[A10] token_revoked is listed where a token may be used', () => {
  for (const each of described) {
    const { needs } = specOf(each);
    const { description = '' } = each.responses['401'] ?? {};
    expect([each.operationId, description.includes('token_revoked')]).toEqual([each.operationId, needs === 'token']);
  }
});

test('every example is valid against the schema of its request or answer', () => {
  for (const each of described) {
    const { operationId, parameters, requestBody, responses } = each;
    const { input, output, http } = specOf(each);
    const body = requestBody?.content['application/json']?.example as object | undefined;
    const filled = parameters.filter(({ example }) => example !== undefined);
    const given = { ...Object.fromEntries(filled.map(({ name, example }) => [name, example])), ...body };
    expect([operationId, Value.Errors(input, given)]).toEqual([operationId, []]);
    const answer = responses[String(http?.status)]?.content?.['application/json']?.example;
    if (output !== undefined && http?.status !== undefined)
      expect([operationId, Value.Errors(output, answer)]).toEqual([operationId, []]);
  }
});

test('[W1] every type of event is among the webhooks, with an example of its schema', () => {
  const { webhooks } = document;
  expect(Object.keys(webhooks)).toEqual([...eventTypes]);
  for (const type of eventTypes) {
    const example = webhooks[type]?.post?.requestBody?.content['application/json']?.example;
    expect([type, Value.Errors(eventSchemas[type], example)]).toEqual([type, []]);
  }
});

test('every reference has a schema, and schemas that are used twice have a name', () => {
  const references = JSON.stringify(document).match(/"#\/components\/schemas\/[^"]+"/g) ?? [];
  expect(references.length).toBeGreaterThan(20);
  for (const reference of new Set(references)) {
    const name = reference.slice(1, -1).split('/').at(-1) ?? '';
    expect([name, Object.hasOwn(document.components.schemas, name)]).toEqual([name, true]);
  }
  expect(Object.keys(document.components.schemas)).toEqual(
    expect.arrayContaining(['Conversation', 'Member', 'Message', 'Problem', 'User', 'SendInput', 'SendOutput']),
  );
});

test('the server is the configured address, or the one that sent the document', () => {
  expect(document.servers).toEqual([{ url: '.' }]);
  expect(openapi({ version: '1', publicUrl: 'https://im.example.org' }).servers).toEqual([
    { url: 'https://im.example.org' },
  ]);
});

test('an example has the first of several fields that exclude each other', () => {
  expect(exampleOf(operations.send.input)).toMatchObject({ to: 'bob' });
  expect(exampleOf(operations.send.input)).not.toHaveProperty('conversation_id');
});

test('[A23] the callers are listed: a bearer of a token, a back end with a scope, either, or anyone', () => {
  const securityOf = (operationId: string) => described.find((each) => each.operationId === operationId)?.security;
  expect(securityOf('login')).toBeUndefined();
  expect(securityOf('getMe')).toEqual([{ bearer: [] }]);
  expect(securityOf('send')).toEqual([{ bearer: [] }, { apiKey: ['messages:send'] }]);
  expect(securityOf('mintToken')).toEqual([{ apiKey: ['tokens:mint'] }]);
  for (const each of described) {
    const namesUser = each.parameters.some(({ name }) => name === 'Hongyan-User');
    expect([each.operationId, namesUser]).toEqual([each.operationId, specOf(each).scope !== undefined]);
  }
});
