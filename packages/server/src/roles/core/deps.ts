// The options of a core: ports, clock, limits.

import type { Clock } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import type { MsgId } from '@hongyan/protocol/ids';
import type { ChangeLimits } from '../../domain/message-change.ts';
import type { Access } from '../../ports/access/access.ts';
import type { CommandConsumer, CommandProducer } from '../../ports/command-log/command-log.ts';
import type { Devices } from '../../ports/devices/devices.ts';
import type { Directory, SharedDirectory, SoleDirectory } from '../../ports/directory/directory.ts';
import type { EventBus } from '../../ports/event-bus/event-bus.ts';
import type { EventOutlet } from '../../ports/event-log/event-outlet.ts';
import type { EventReader } from '../../ports/event-log/event-reader.ts';
import type { WebhookAdministration } from '../../ports/event-log/webhook-administration.ts';
import type { RateLimiter } from '../../ports/rate-limiter/rate-limiter.ts';
import type { SendHook } from '../../ports/send-hook/send-hook.ts';
import type { SessionRegistry } from '../../ports/session-registry/session-registry.ts';
import type { TaskProducer } from '../../ports/task-queue/task-queue.ts';
import type { Feed } from '../../ports/timeline/feed.ts';
import type { SharedTimeline, Timeline } from '../../ports/timeline/timeline.ts';
import type { Tokens } from '../../ports/tokens/tokens.ts';
import type { Tracing } from '../../tracing/tracing.ts';
import type { CoreMeter } from './meter.ts';
import type { Notices } from './notices.ts';
import type { SeenSignaturesOptions } from './seen-signatures.ts';
import type { StoredBytes } from './stored-bytes.ts';
import type { UserTiers } from './user-tiers.ts';

export interface CoreLimits {
  readonly contentBytesMax: number;
  readonly pageMax: number;
  /** Upper limit for the wait of a request for events. */
  readonly eventsWaitMsMax: number;
  /** A page that would become larger ends earlier. */
  readonly pageBytesMax: number;
  readonly groupMembersMax: number;
  readonly conversationsPerUserMax: number;
  readonly membersInlineMax: number;
  /** In conversations with more members, receipts are pushed only to the reader's devices, and senders query counts. */
  readonly receiptsPushMax: number;
  /** Per address; 0 = without limit. */
  readonly addressLoginsPerMinute: number;
  /** Per address; 0 = without limit. */
  readonly addressSignupsPerHour: number;
  /** Conversations with more members cannot be mentioned as a whole. */
  readonly mentionAllMax: number;
  /** For requests signed with an API key. */
  readonly signatures: SeenSignaturesOptions;
  /** For edits, reactions and pins. */
  readonly changes: ChangeLimits;
}

/** Stores that only this core writes. It can compare them to find positions that a crash left unwritten. */
export interface SoleStores {
  readonly type: 'sole';
  readonly timeline: Timeline & { readonly feed: Feed };
  readonly directory: SoleDirectory;
}

/** Stores that several cores write: each core claims partitions of the command log, and its writes are fenced. */
export interface SharedStores {
  readonly type: 'shared';
  readonly timeline: SharedTimeline;
  readonly directory: SharedDirectory;
}

export type CoreStores = SoleStores | SharedStores;

/** What a core is started with. */
export interface CoreOptions {
  readonly commands: CommandProducer & CommandConsumer;
  readonly stores: CoreStores;
  readonly access: Access;
  readonly devices: Devices;
  readonly tasks: TaskProducer;
  readonly bus: EventBus;
  /** Receives positions and presence as events, because no timeline contains them. */
  readonly outlet: EventOutlet;
  /** Absent: events cannot be pulled. */
  readonly eventReader?: Pick<EventReader, 'pull'> | undefined;
  /** Absent: the server has no webhooks. */
  readonly webhooks?: WebhookAdministration | undefined;
  /** Absent: messages are accepted without an external check. */
  readonly sendHook?: SendHook | undefined;
  readonly registry: SessionRegistry;
  readonly tokens: Pick<Tokens, 'sign'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly meter: CoreMeter;
  /** Absent: nothing is traced. */
  readonly tracing?: Tracing | undefined;
  readonly newMsgId: () => MsgId;
  readonly limits: CoreLimits;
  /** For attempts to log in and sign up. */
  readonly rateLimiter: RateLimiter;
  readonly storedBytes: Pick<StoredBytes, 'charge'>;
  readonly isSignupEnabled: boolean;
  readonly notices: Pick<Notices, 'inForce'>;
  /** Maximal lifetime of tokens. */
  readonly tokenTtlS: number;
  readonly tiers: Pick<UserTiers, 'check' | 'set'>;
  /** Whether users authenticated by an issuer are created on their first request. */
  readonly mayIssuerCreate: boolean;
}

/** What the services of a core use. Most of them need only what both types of stores have in common. */
export interface CoreDeps extends CoreOptions {
  readonly timeline: Timeline;
  readonly directory: Directory;
}
