// A registered device in the format of the wire protocol.

import type { Output } from '@hongyan/protocol/operations/operations';
import type { RegisteredDevice } from './devices.ts';

type View = Output<'getDevice'>;

export function deviceView(device: RegisteredDevice): View {
  return {
    device_token: device.deviceToken,
    model: device.model,
    firmware: device.firmware,
    ...(device.detailsJson === '' ? {} : (JSON.parse(device.detailsJson) as Partial<View>)),
    registered_at: device.registeredAtMs,
    ...(device.userId === undefined ? {} : { user_id: device.userId }),
    ...(device.deviceId === undefined ? {} : { device_id: device.deviceId }),
    ...(device.lastSeenMs === undefined ? {} : { last_seen: device.lastSeenMs }),
  };
}
