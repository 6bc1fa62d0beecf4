// What the core is given: its ports, time, and its limits.

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
  /** A request for events waits no longer. */
  readonly eventsWaitMsMax: number;
  /** Further entries or conversations of a page wait for the next one. */
  readonly pageBytesMax: number;
  readonly groupMembersMax: number;
  readonly conversationsPerUserMax: number;
  readonly membersInlineMax: number;
  /** Above this many members receipts go to their owner only; senders ask for counts. */
  readonly receiptsPushMax: number;
  /** Of one address; 0 = without limit. */
  readonly addressLoginsPerMinute: number;
  readonly addressSignupsPerHour: number;
  /** Larger conversations cannot be mentioned as a whole. */
  readonly mentionAllMax: number;
  /** Of requests signed with an API key. */
  readonly signatures: SeenSignaturesOptions;
  /** Of edits, reactions and pins. */
  readonly changes: ChangeLimits;
}

/** Stores that several cores write. */
export interface SharedStores {
  readonly timeline: SharedTimeline;
  readonly directory: SharedDirectory;
}

/** Stores that this core alone writes. */
export interface SoleStores {
  readonly timeline: Timeline & { readonly feed: Feed };
  readonly directory: SoleDirectory;
}

export interface CoreDeps {
  readonly commands: CommandProducer & CommandConsumer;
  readonly timeline: Timeline;
  readonly directory: Directory;
  /** The same two, where several cores write them. Absent: this process alone does. */
  readonly shared?: SharedStores | undefined;
  /** The same two, where they can tell what a crash left unwritten in the one of what is in the other. */
  readonly sole?: SoleStores | undefined;
  readonly access: Access;
  readonly devices: Devices;
  readonly tasks: TaskProducer;
  readonly bus: EventBus;
  /** Told of positions and presence, which are in no timeline. */
  readonly outlet: EventOutlet;
  /** Absent: events are not pulled. */
  readonly eventReader?: Pick<EventReader, 'pull'> | undefined;
  /** Absent: events are not sent. */
  readonly webhooks?: WebhookAdministration | undefined;
  /** Absent: nobody is asked before a message is accepted. */
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
  /** Of attempts to log in and sign up. */
  readonly rateLimiter: RateLimiter;
  readonly storedBytes: Pick<StoredBytes, 'charge'>;
  readonly isSignupEnabled: boolean;
  readonly notices: Pick<Notices, 'inForce'>;
  /** Of tokens, at most. */
  readonly tokenTtlS: number;
  readonly tiers: Pick<UserTiers, 'check' | 'set'>;
  /** Users whom an issuer vouches for are created when they first come. */
  readonly mayIssuerCreate: boolean;
}
