// The event outlet that writes to the event log. It polls the log for whether events are recorded, because other processes change that
// too.

import { assert } from '@hongyan/base/assert';
import type { Clock, Timer } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import { eventIdOf } from '../../domain/event-id.ts';
import type { EventLog, NewEvent, PresenceChange, ReportedPosition } from './event-log.ts';
import type { EventOutlet, RegisteredDevice } from './event-outlet.ts';
import { recordingGap } from './source-events.ts';

export interface LogOutletOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Identifies this run of the process. */
  readonly run: string;
}

/** The maximum delay until this process notices that another one began or ended recording. */
export const outletLookEveryMs = 500;

export class LogOutlet implements EventOutlet {
  readonly #options: LogOutletOptions;
  #events: EventLog | undefined;
  #isWanted = false;
  /** A report could not be stored. A gap event follows as soon as the log accepts writes again. */
  #hasLost = false;
  #isFailing = false;
  #timer: Timer | undefined;
  #stopHearing: (() => void) | undefined;
  #looking: Promise<void> | undefined;

  constructor(options: LogOutletOptions) {
    this.#options = options;
  }

  get isWanted(): boolean {
    return this.#isWanted;
  }

  /** Before it, `isWanted` is false. Idempotent. */
  async start(events: EventLog): Promise<void> {
    if (this.#events) return;
    this.#events = events;
    await this.#look(events);
    this.#stopHearing = events.onEndpointChanged(() => void this.look());
    this.#timer = this.#options.clock.every(outletLookEveryMs, () => void this.look());
  }

  async stop(): Promise<void> {
    this.#timer?.cancel();
    this.#stopHearing?.();
    this.#isWanted = false;
    await this.#looking;
    this.#events = undefined;
  }

  /** A concurrent call waits for the first look and then looks again, because the first may have read an older state. */
  async look(): Promise<void> {
    await this.#looking;
    const events = this.#events;
    if (!events || this.#looking) return;
    this.#looking = this.#tryLook(events);
    await this.#looking;
    this.#looking = undefined;
  }

  async positions(batch: readonly ReportedPosition[]): Promise<void> {
    await this.#events
      ?.recordPositions(batch)
      .catch((error: unknown) => this.#lost('positions not noted for events', error));
  }

  async presence(changes: readonly PresenceChange[]): Promise<void> {
    await this.#events
      ?.recordPresence(changes, this.#options.run)
      .catch((error: unknown) => this.#lost('presence not noted for events', error));
  }

  async devices(registered: readonly RegisteredDevice[]): Promise<void> {
    await this.#events?.append({ events: registered.map(deviceEvent) });
  }

  async #tryLook(events: EventLog): Promise<void> {
    try {
      await this.#look(events);
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing)
        this.#options.log.warn('event log unavailable: the recording state is unchanged', { error });
      this.#isFailing = true;
    }
  }

  async #look(events: EventLog): Promise<void> {
    this.#isWanted = await events.isRecording();
    if (!this.#hasLost) return;
    // Reset first: a report that is lost while the gap is appended may come after it, and needs another gap.
    this.#hasLost = false;
    if (this.#isWanted) await this.#appendGap(events);
  }

  async #appendGap(events: EventLog): Promise<void> {
    try {
      await events.append({ events: [recordingGap('not_recorded', this.#options)] });
    } catch (error) {
      this.#hasLost = true;
      throw error;
    }
  }

  #lost(message: string, error: unknown): void {
    if (!this.#hasLost) this.#options.log.error(message, { error });
    this.#hasLost = true;
  }
}

function deviceEvent({ deviceToken, model, firmware, atMs }: RegisteredDevice): NewEvent {
  assert(deviceToken.length > 0, 'a registered device has a token');
  const data = {
    device_token: deviceToken,
    ...(model === undefined ? {} : { model }),
    ...(firmware === undefined ? {} : { firmware }),
    timestamp: atMs,
  };
  return {
    id: eventIdOf('device.registered', deviceToken, atMs),
    type: 'device.registered',
    atMs,
    lane: `device ${deviceToken}`,
    dataJson: JSON.stringify(data),
  };
}
