// Builds openapi.json from the table of operations: it publishes the schemas that validate requests.

import { errorStatus } from '@hongyan/protocol/codes';
import { ContentSchema } from '@hongyan/protocol/content';
import { ConversationSchema, ConversationSummarySchema, MemberSchema } from '@hongyan/protocol/conversation';
import { EntrySchema } from '@hongyan/protocol/entry';
import { type EventType, eventSchemas, eventTypes } from '@hongyan/protocol/events';
import { AuthResultSchema } from '@hongyan/protocol/operations/accounts';
import { MessagePlaceSchema } from '@hongyan/protocol/operations/messages';
import type { OperationSpec } from '@hongyan/protocol/operations/operation';
import { type OperationName, operationNames, operations } from '@hongyan/protocol/operations/operations';
import { ProblemSchema } from '@hongyan/protocol/problem';
import { UserSchema } from '@hongyan/protocol/user';
import type { TSchema } from 'typebox';
import { titleOf } from '../../../http/problem.ts';
import { exampleOf, excludedFields } from './examples.ts';
import { hasBody, pathParams } from './request-input.ts';

export interface OpenapiOptions {
  readonly version: string;
  /** Empty: the server that sent the document. */
  readonly publicUrl: string;
}

type Json = Record<string, unknown>;
type ErrorStatusCode = keyof typeof errorStatus;

/** Schemas that are used more than once, by their name in the document. */
const named: Readonly<Record<string, TSchema>> = {
  AuthResult: AuthResultSchema,
  Content: ContentSchema,
  Conversation: ConversationSchema,
  ConversationSummary: ConversationSummarySchema,
  Member: MemberSchema,
  Message: EntrySchema,
  MessagePlace: MessagePlaceSchema,
  Problem: ProblemSchema,
  User: UserSchema,
};

/** OpenAPI 3.1, whose schemas are JSON Schema without changes. */
export function openapi({ version, publicUrl }: OpenapiOptions): Json {
  const schemas = new NamedSchemas(named);
  const paths: Record<string, Json> = {};
  for (const name of operationNames) {
    const spec: OperationSpec = operations[name];
    const { http } = spec;
    if (http === undefined) continue;
    paths[http.path] = { ...paths[http.path], [http.method.toLowerCase()]: describe(name, spec, schemas) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Hongyan',
      version,
      description: 'Instant messaging: the HTTP API. docs/protocol.md describes the WebSocket at /v1/ws.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: publicUrl === '' ? '.' : publicUrl }],
    tags: [...new Set(operationNames.flatMap((name) => tagOf(operations[name])))].map((name) => ({ name })),
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
        apiKey: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'hy_<key_id>_<secret>',
          description:
            "For the back end of an application. It acts for the user in the header Hongyan-User, or as the user 'system'. Each operation lists the scope that it needs.",
        },
        signature: {
          type: 'apiKey',
          in: 'header',
          name: 'Hongyan-Signature',
          description: signatureText,
        },
      },
      schemas: schemas.definitions(),
    },
    paths,
    webhooks: Object.fromEntries(eventTypes.map((type) => [type, { post: describeEvent(type, schemas) }])),
  };
}

/** [W3] The events that an application's back end receives; docs/webhooks.md describes the signature. */
function describeEvent(type: EventType, schemas: NamedSchemas): Json {
  const schema = eventSchemas[type];
  const header = (name: string, description: string, example: string) => ({
    ...{ name, in: 'header', required: true, description, schema: { type: 'string' }, example },
  });
  return {
    summary: type,
    tags: ['events'],
    parameters: [
      header(
        'webhook-id',
        'The id of the event: the same for each attempt',
        'evt_0199f3a2-7c20-7a01-8c3d-2f6f0b9d4e11',
      ),
      header('webhook-timestamp', 'Unix seconds of this attempt', '1764000123'),
      header(
        'webhook-signature',
        'The signature of Standard Webhooks',
        'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
      ),
    ],
    requestBody: {
      required: true,
      content: { 'application/json': { schema: schemas.refer(schema), example: exampleOf(schema) } },
    },
    responses: {
      '2XX': { description: 'Received: the event is not sent again' },
      '410': { description: 'Gone: the endpoint is disabled' },
      default: { description: 'Retried later' },
    },
  };
}

const signatureText =
  'Hex of HMAC-SHA256 over the text of Hongyan-Timestamp (Unix milliseconds), a full stop and the exact body. ' +
  'The HMAC key is the hex text of SHA-256 of the secret of an API key; Hongyan-Key-Id contains the id of that API key.';

const tagOf = ({ http }: OperationSpec): readonly string[] => (http === undefined ? [] : [http.tag]);

function describe(name: OperationName, spec: OperationSpec, schemas: NamedSchemas): Json {
  const { http, summary } = spec;
  return {
    operationId: name,
    summary,
    tags: [http?.tag],
    ...securityOf(spec),
    parameters: parametersOf(spec, schemas),
    ...(hasBody(spec) ? { requestBody: requestBody(name, spec, schemas) } : {}),
    responses: { [http?.status ?? 204]: success(name, spec, schemas), ...problems(spec, schemas) },
  };
}

/** A token or an API key where the operation allows both. */
function securityOf({ needs, scope }: OperationSpec): Json {
  if (needs === 'nothing') return {};
  if (needs === 'signature') return { security: [{ signature: [] }] };
  const user = needs === 'key' ? [] : [{ bearer: [] }];
  return { security: [...user, ...(scope === undefined ? [] : [{ apiKey: [scope] }])] };
}

const asUserParameter = {
  name: 'Hongyan-User',
  in: 'header',
  required: false,
  description: 'With an API key: the user for whom the request is made. Default: system',
  schema: { type: 'string' },
  example: 'alice',
};

function parametersOf(spec: OperationSpec, schemas: NamedSchemas): Json[] {
  const { properties = {}, required = [] } = objectOf(spec.input);
  const params = pathParams(spec.http?.path ?? '');
  const excluded = excludedFields(spec.input);
  const parameters = Object.entries(properties)
    .filter(([name]) => params.includes(name) || !hasBody(spec))
    .map(
      ([name, schema]): Json => ({
        name,
        in: params.includes(name) ? 'path' : 'query',
        required: params.includes(name) || required.includes(name),
        schema: schemas.refer(schema),
        ...(excluded.has(name) ? {} : { example: exampleOf(schema, name) }),
      }),
    );
  return spec.scope === undefined ? parameters : [...parameters, asUserParameter];
}

function requestBody(name: OperationName, { input, http }: OperationSpec, schemas: NamedSchemas): Json {
  const params = pathParams(http?.path ?? '');
  const body = withoutProperties(input, params);
  const schema = schemas.define(`${capitalized(name)}Input`, body);
  return { required: true, content: { 'application/json': { schema, example: exampleOf(body) } } };
}

function success(name: OperationName, { summary, output, http }: OperationSpec, schemas: NamedSchemas): Json {
  if (output === undefined || http?.status === undefined) return { description: summary };
  const schema = schemas.define(`${capitalized(name)}Output`, output);
  return { description: summary, content: { 'application/json': { schema, example: exampleOf(output) } } };
}

/** The error codes of the operation, by status. */
function problems(spec: OperationSpec, schemas: NamedSchemas): Json {
  const byStatus = new Map<number, ErrorStatusCode[]>();
  for (const code of codesOf(spec)) byStatus.set(errorStatus[code], [...(byStatus.get(errorStatus[code]) ?? []), code]);
  const schema = schemas.refer(ProblemSchema);
  return Object.fromEntries(
    [...byStatus].sort(([a], [b]) => a - b).map(([status, codes]) => [status, problem(status, codes, schema)]),
  );
}

function problem(status: number, codes: readonly ErrorStatusCode[], schema: unknown): Json {
  const [code = 'internal'] = codes;
  const example = { type: 'about:blank', title: titleOf(code), status, detail: 'What is wrong and what to do', code };
  const retryAfter = { description: 'Seconds', schema: { type: 'integer' }, example: 1 };
  return {
    description: codes.join(', '),
    ...(status === 503 ? { headers: { 'Retry-After': retryAfter } } : {}),
    ...(status === 429 ? { headers: { 'Retry-After': retryAfter, ...rateLimitHeaders } } : {}),
    content: { 'application/problem+json': { schema, example } },
  };
}

const rateLimitHeaders = {
  'RateLimit-Policy': {
    description: 'The limit: its name, its size in units (q), the seconds to refill it (w)',
    schema: { type: 'string' },
    example: '"free";q=20;w=2',
  },
  RateLimit: {
    description: 'The remaining units (r), the seconds until more are available (t)',
    schema: { type: 'string' },
    example: '"free";r=0;t=1',
  },
};

function codesOf(spec: OperationSpec): ReadonlySet<ErrorStatusCode> {
  return new Set<ErrorStatusCode>([
    'bad_request',
    ...authenticationCodesOf(spec),
    ...spec.refusals,
    ...(hasBody(spec) ? (['too_large'] as const) : []),
    'rate_limited',
    'internal',
    'unavailable',
    'overloaded',
    ...(spec.changes ? (['unknown_outcome'] as const) : []),
  ]);
}

/** The error codes for a bad credential, for one without the permission, and for a key that names an unknown user. */
function authenticationCodesOf({ needs, scope }: OperationSpec): readonly ErrorStatusCode[] {
  if (needs === 'nothing' || needs === 'signature') return [];
  return [
    'unauthorized',
    ...(needs === 'key' ? [] : (['token_revoked'] as const)),
    'forbidden',
    ...(scope === undefined ? [] : (['not_found'] as const)),
  ];
}

interface ObjectSchema {
  readonly properties?: Readonly<Record<string, TSchema>>;
  readonly required?: readonly string[];
}
const objectOf = (schema: TSchema): ObjectSchema => schema as ObjectSchema;

function withoutProperties(schema: TSchema, names: readonly string[]): TSchema {
  const { properties, required } = objectOf(schema);
  if (names.length === 0 || properties === undefined) return schema;
  const others = Object.entries(properties).filter(([name]) => !names.includes(name));
  return {
    ...schema,
    properties: Object.fromEntries(others),
    required: (required ?? []).filter((name) => !names.includes(name)),
  } as TSchema;
}

const capitalized = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1);

/** Replaces named schemas by references, at any depth. */
class NamedSchemas {
  readonly #names = new Map<string, string>();
  readonly #definitions = new Map<string, unknown>();

  constructor(schemas: Readonly<Record<string, TSchema>>) {
    for (const [name, schema] of Object.entries(schemas)) this.#names.set(JSON.stringify(schema), name);
    for (const [name, schema] of Object.entries(schemas)) this.#definitions.set(name, this.#inside(schema));
  }

  definitions(): Json {
    return Object.fromEntries([...this.#definitions].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** A schema that has a name keeps it. */
  define(name: string, schema: TSchema): unknown {
    const text = JSON.stringify(schema);
    if (!this.#names.has(text)) {
      this.#names.set(text, name);
      this.#definitions.set(name, this.#inside(schema));
    }
    return this.refer(schema);
  }

  refer(schema: unknown): unknown {
    if (typeof schema !== 'object' || schema === null) return schema;
    const name = this.#names.get(JSON.stringify(schema));
    return name === undefined ? this.#inside(schema) : { $ref: `#/components/schemas/${name}` };
  }

  #inside(schema: object): unknown {
    if (Array.isArray(schema)) return schema.map((item) => this.refer(item));
    return Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, this.refer(value)]));
  }
}
