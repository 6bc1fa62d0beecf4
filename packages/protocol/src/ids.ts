// The identifiers on the wire: their brands and their schemas.

import type { Brand } from '@hongyan/base/brand';
import Type from 'typebox';

export type UserId = Brand<string, 'UserId'>;
export type DeviceId = Brand<string, 'DeviceId'>;
/** The token of a registered device: unique among all devices, known only to the device and its back end. */
export type DeviceToken = Brand<string, 'DeviceToken'>;
export type ConversationId = Brand<string, 'ConversationId'>;
export type MsgId = Brand<string, 'MsgId'>;
export type ClientMsgId = Brand<string, 'ClientMsgId'>;
/** Position in a conversation's timeline: 1, 2, 3 … without holes (D2). 0 is "before the first". */
export type Seq = Brand<number, 'Seq'>;

/** "." and ".." are excluded: HTTP clients remove them from paths. */
export const userIdPattern = '^(?!\\.{1,2}$)[A-Za-z0-9_.@-]{1,64}$';

export const UserIdSchema = Type.Unsafe<UserId>(
  Type.String({
    pattern: userIdPattern,
    description: '1–64 of letters, digits, _ . @ -; not "." or "..". Ids are case-insensitive',
  }),
);
/** The sender of messages that an application's back end sends on behalf of no user. Nobody can log in as this user. */
export const systemUserId = 'system' as UserId;
export const isSystemUser = (userId: UserId): boolean => userId.toLowerCase() === systemUserId;

export const DeviceIdSchema = Type.Unsafe<DeviceId>(
  Type.String({ pattern: userIdPattern, description: 'One installed client; 1–64 of letters, digits, _ . @ -' }),
);
export const DeviceTokenSchema = Type.Unsafe<DeviceToken>(
  Type.String({
    pattern: '^(?!\\.{1,2}$)[A-Za-z0-9_.:@=+~-]{8,256}$',
    description: 'Identifies a registered device, unique among all devices; 8–256 of letters, digits, _ . : @ = + ~ -',
  }),
);
export const ConversationIdSchema = Type.Unsafe<ConversationId>(
  Type.String({
    minLength: 3,
    maxLength: 131,
    pattern: '^(d:[A-Za-z0-9_.@-]{1,64}:[A-Za-z0-9_.@-]{1,64}|[gu]:[A-Za-z0-9_.@-]{1,64})$',
    description:
      'd: + both user ids sorted, joined by ":"; groups and broadcasts g: + id; the private timeline of a user u: + user id',
  }),
);
export const MsgIdSchema = Type.Unsafe<MsgId>(
  Type.String({
    pattern: '^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$',
    description: 'UUIDv7 given by the server',
  }),
);
export const ClientMsgIdSchema = Type.Unsafe<ClientMsgId>(
  Type.String({
    minLength: 1,
    maxLength: 64,
    pattern: '^(?!\\.{1,2}$)',
    description: "The sender's idempotency key (D3)",
  }),
);
export const SeqSchema = Type.Unsafe<Seq>(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }));
