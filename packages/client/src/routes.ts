// Method and path of the operations that the library asks over HTTP. Written down, because the schemas of the operations table
// would be a dependency at run time; routes.test.ts compares them with that table.

import type { OperationName } from '@hongyan/protocol/operations/operations';

export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Parameters stand in braces, as in OpenAPI. */
  readonly path: string;
}

export const routes = {
  signup: { method: 'POST', path: '/v1/auth/signup' },
  login: { method: 'POST', path: '/v1/auth/login' },
  getUser: { method: 'GET', path: '/v1/users/{user_id}' },
  searchUsers: { method: 'GET', path: '/v1/users' },
  createConversation: { method: 'POST', path: '/v1/conversations' },
  getConversation: { method: 'GET', path: '/v1/conversations/{conversation_id}' },
  updateConversation: { method: 'PATCH', path: '/v1/conversations/{conversation_id}' },
  addMember: { method: 'PUT', path: '/v1/conversations/{conversation_id}/members/{user_id}' },
  setRole: { method: 'PATCH', path: '/v1/conversations/{conversation_id}/members/{user_id}' },
  removeMember: { method: 'DELETE', path: '/v1/conversations/{conversation_id}/members/{user_id}' },
  listMembers: { method: 'GET', path: '/v1/conversations/{conversation_id}/members' },
  listPinned: { method: 'GET', path: '/v1/conversations/{conversation_id}/pinned' },
  listReaders: { method: 'GET', path: '/v1/conversations/{conversation_id}/messages/{target_seq}/readers' },
  listReactions: { method: 'GET', path: '/v1/conversations/{conversation_id}/messages/{target_seq}/reactions' },
  getMessage: { method: 'GET', path: '/v1/messages/{msg_id}' },
  findMessage: { method: 'GET', path: '/v1/messages/by-client-id/{client_msg_id}' },
} as const satisfies Partial<Record<OperationName, Route>>;

export type RouteName = keyof typeof routes;
