// Method and path of the operations that the library asks over HTTP. Written down, because the schemas of the operations table
// would be a dependency at run time; routes.test.ts compares them with that table.

import type { OperationName } from '@hongyan/protocol/operations/operations';

/** Parameters stand in braces, as in OpenAPI. */
export type Route = `${'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'} /v1/${string}`;

export const routes = {
  signup: 'POST /v1/auth/signup',
  login: 'POST /v1/auth/login',
  logout: 'POST /v1/auth/logout',
  logoutAll: 'POST /v1/auth/logout-all',
  getMe: 'GET /v1/me',
  listOwnDevices: 'GET /v1/me/devices',
  revokeOwnDevice: 'DELETE /v1/me/devices/{device_id}',
  bindDevice: 'PUT /v1/devices/{device_token}/owner',
  unbindDevice: 'DELETE /v1/devices/{device_token}/owner',
  getUser: 'GET /v1/users/{user_id}',
  searchUsers: 'GET /v1/users',
  createConversation: 'POST /v1/conversations',
  getConversation: 'GET /v1/conversations/{conversation_id}',
  updateConversation: 'PATCH /v1/conversations/{conversation_id}',
  addMember: 'PUT /v1/conversations/{conversation_id}/members/{user_id}',
  setRole: 'PATCH /v1/conversations/{conversation_id}/members/{user_id}',
  removeMember: 'DELETE /v1/conversations/{conversation_id}/members/{user_id}',
  listMembers: 'GET /v1/conversations/{conversation_id}/members',
  listPinned: 'GET /v1/conversations/{conversation_id}/pinned',
  listReaders: 'GET /v1/conversations/{conversation_id}/messages/{target_seq}/readers',
  listReactions: 'GET /v1/conversations/{conversation_id}/messages/{target_seq}/reactions',
  getMessage: 'GET /v1/messages/{msg_id}',
  findMessage: 'GET /v1/messages/by-client-id/{client_msg_id}',
} as const satisfies Partial<Record<OperationName, Route>>;

export type RouteName = keyof typeof routes;
