// Addresses to which clients connect.

import Type from 'typebox';
import { operation } from './operation.ts';

export const routingOperations = {
  route: operation({
    summary: 'Addresses to which a client can connect, nearest first',
    input: Type.Object({}),
    output: Type.Object({
      addresses: Type.Array(Type.Object({ url: Type.String(), region: Type.Optional(Type.String()) })),
    }),
    refusals: [],
    needs: 'nothing',
    changes: false,
    http: { method: 'GET', path: '/v1/route', tag: 'routing', status: 200 },
  }),
} as const;
