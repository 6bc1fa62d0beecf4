// Operations of users on their registered devices.

import { done, ok } from '@hongyan/base/result';
import type { Input, Output } from '@hongyan/protocol/operations/operations';
import { type Result, refusal } from '@hongyan/protocol/refusals';
import type { Caller } from '../../ports/core/core.ts';
import { deviceView } from '../../ports/devices/device-view.ts';
import type { CoreDeps } from './deps.ts';

export class OwnedDevices {
  readonly #devices: CoreDeps['devices'];

  constructor({ devices }: Pick<CoreDeps, 'devices'>) {
    this.#devices = devices;
  }

  /** The refusal is the same for a device of another user and for an unknown device. */
  async get({ userId }: Caller, { device_token }: Input<'getDevice'>): Promise<Result<Output<'getDevice'>>> {
    const device = await this.#devices.get(device_token);
    if (device?.userId?.toLowerCase() !== userId.toLowerCase()) return unknown();
    return ok(deviceView(device));
  }

  async bind({ userId }: Caller, { device_token, device_id }: Input<'bindDevice'>): Promise<Result<undefined>> {
    const outcome = await this.#devices.bind({
      deviceToken: device_token,
      userId,
      ...(device_id === undefined ? {} : { deviceId: device_id }),
    });
    if (outcome === 'no_device') return unknown();
    return outcome === 'taken' ? refusal.deviceTaken() : done;
  }

  async unbind({ userId }: Caller, { device_token }: Input<'unbindDevice'>): Promise<Result<undefined>> {
    const isFree = await this.#devices.unbind({ deviceToken: device_token, userId });
    return isFree ? done : unknown();
  }
}

const unknown = () => refusal.noSuch('such device of this user: registrations are stored with a short delay');
