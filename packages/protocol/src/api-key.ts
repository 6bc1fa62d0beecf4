// The scopes of API keys: an operation names the scope it needs, and a key gets its scopes at creation.

export const apiKeyScopes = [
  'tokens:mint',
  'users:manage',
  'conversations:manage',
  'messages:send',
  'devices:register',
  'events:read',
  'webhooks:manage',
] as const;

export type ApiKeyScope = (typeof apiKeyScopes)[number];
