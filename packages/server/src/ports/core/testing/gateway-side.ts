// The gateway's side of the contract tests of the core: callers, ids, and shared tools.

import type { Content } from '@hongyan/protocol/content';
import type { ConversationId, DeviceId, Seq, UserId } from '@hongyan/protocol/ids';
import type { Input, Output } from '@hongyan/protocol/operations/operations';
import type { Result } from '@hongyan/protocol/refusals';
import type { EventBus } from '../../event-bus/event-bus.ts';
import type { Caller, Core, DeviceCaller } from '../core.ts';

export interface CoreUnderTest {
  /** Both as a gateway sees them, in front of a new core. */
  readonly core: Core;
  readonly bus: EventBus;
  /** Resolves when every event published so far was delivered. */
  settle(): Promise<void>;
  remove(): Promise<void>;
}

export interface CoreTools {
  made(): CoreUnderTest;
  /** Opens a session of the device. */
  open(id: string, device?: string): Promise<DeviceCaller>;
  send(from: string, input: Pick<Input<'send'>, 'to' | 'conversation_id'>, more?: SendMore): SendResult;
  /** ann writes to bob. */
  say(key: string, content?: Content): SendResult;
  /** ann creates a group with these members. */
  group(...members: readonly string[]): Promise<ConversationId>;
}
type SendMore = { readonly key?: string; readonly content?: Content };
type SendResult = Promise<Result<Output<'send'>>>;

export const user = (id: string): UserId => id as UserId;
export const seq = (value: number): Seq => value as Seq;
export const codeOf = (result: Result<unknown>): string => (result.type === 'ok' ? 'ok' : result.code);
/** The session must be opened before the first call: over the link, callers with a session are identified by its id. */
export const deviceCaller = (id: string, device = 'phone', session = `${id} ${device}`): DeviceCaller => ({
  userId: user(id),
  deviceId: device as DeviceId,
  sessionId: session,
  tokenId: `token of ${id}`,
  issuedAtMs: 1,
  expiresAtMs: 9e15,
  address: '127.0.0.1',
});
/** The user without a device, as in HTTP requests. */
export const caller = (id: string): Caller => ({
  userId: user(id),
  tokenId: `token of ${id}`,
  address: '127.0.0.1',
});

export function accepted<T>(result: Result<T>): T {
  if (result.type !== 'ok') throw new Error(`${result.type}: ${result.code} ${result.message}`);
  return result.value;
}

export const password = 'correct horse battery';
export const direct = 'd:ann:bob' as ConversationId;
