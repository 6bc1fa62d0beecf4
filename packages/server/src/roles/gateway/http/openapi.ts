// openapi.json, generated from the routes: the schemas that check requests are the ones that are published.

import { Problem } from '@hongyan/protocol/http';
import type { TSchema } from 'typebox';
import type { Route } from './route.ts';

const json = (schema: TSchema, mediaType = 'application/json') => ({ content: { [mediaType]: { schema } } });

/** OpenAPI 3.1, whose schemas are JSON Schema as they are. */
export function openapi(routes: readonly Route[], { version }: { readonly version: string }) {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const { spec } of routes) {
    const operation = {
      summary: spec.summary,
      tags: [spec.tag],
      ...(spec.needsToken ? { security: [{ bearer: [] }] } : {}),
      parameters: [...parameters(spec.params, 'path'), ...parameters(spec.query, 'query')],
      ...(spec.body ? { requestBody: { required: true, ...json(spec.body) } } : {}),
      responses: {
        [spec.status]: { description: spec.summary, ...(spec.result ? json(spec.result) : {}) },
        default: {
          description: 'Problem details (RFC 9457) with the error code',
          ...json(Problem, 'application/problem+json'),
        },
      },
    };
    paths[spec.path] = { ...paths[spec.path], [spec.method.toLowerCase()]: operation };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Hongyan',
      version,
      description: 'Instant messaging: the HTTP surface. The WebSocket at /v1/ws is in docs/protocol.md.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } } },
    paths,
  };
}

function parameters(schema: TSchema | undefined, where: 'path' | 'query') {
  const { properties = {}, required = [] } = (schema ?? {}) as {
    properties?: Record<string, TSchema>;
    required?: readonly string[];
  };
  return Object.entries(properties).map(([name, property]) => ({
    name,
    in: where,
    required: where === 'path' || required.includes(name),
    schema: property,
  }));
}
