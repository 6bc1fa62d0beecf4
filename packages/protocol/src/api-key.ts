// What an API key may do: the scopes that operations name, and that a key is given when it is created.

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
