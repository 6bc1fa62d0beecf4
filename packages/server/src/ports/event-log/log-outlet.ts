// What the core and the workers report, on its way to the event log. Whether anybody wants it is looked up in the log, which other
// processes change too.

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
  /** Names this life of the process. */
  readonly run: string;
}

/** That recording began or ended in another process is noticed so late. */
export const outletLookEveryMs = 500;

export class LogOutlet implements EventOutlet {
  readonly #options: LogOutletOptions;
  #events: EventLog | undefined;
  #isWanted = false;
  /** Something could not be written down: it is told as a gap as soon as the log takes writes again. */
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

  /** Until then nothing is wanted. Again: nothing changes. */
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

  /** Of two looks at once the second waits for the first, which may have seen what was before. */
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
      ?.notePositions(batch)
      .catch((error: unknown) => this.#lost('positions not noted for events', error));
  }

  async presence(changes: readonly PresenceChange[]): Promise<void> {
    await this.#events
      ?.notePresence(changes, this.#options.run)
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
        this.#options.log.warn('the log of events cannot be asked: what is wanted stays as it was', { error });
      this.#isFailing = true;
    }
  }

  async #look(events: EventLog): Promise<void> {
    this.#isWanted = await events.isRecording();
    if (!this.#hasLost) return;
    // What is lost while the gap is written may be behind it: that is told by the next one.
    this.#hasLost = false;
    if (this.#isWanted) await this.#tellGap(events);
  }

  async #tellGap(events: EventLog): Promise<void> {
    try {
      await events.append({ events: [recordingGap('not_recorded', this.#options)] });
    } catch (error) {
      this.#hasLost = true;
      throw error;
    }
  }

  #lost(what: string, error: unknown): void {
    if (!this.#hasLost) this.#options.log.error(what, { error });
    this.#hasLost = true;
  }
}

function deviceEvent({ deviceToken, model, firmware, atMs }: RegisteredDevice): NewEvent {
  assert(deviceToken.length > 0, 'a registered device has its token');
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
