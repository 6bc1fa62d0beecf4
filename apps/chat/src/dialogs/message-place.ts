// The server's answer to "where is this message", as far as the dialog shows it. Other members' devices are theirs alone.

import type { MessageStatus, UserId } from '@hongyan/client/api';

export interface Place {
  readonly status: MessageStatus;
}

interface DevicePlace extends Place {
  readonly device_id: string;
  readonly name?: string;
  readonly online: boolean;
}

export interface MessagePlace {
  readonly delivered_count: number;
  readonly read_count: number;
  /** Members other than the sender; absent from servers that list all of them in `members`. */
  readonly recipient_count?: number;
  /** Members other than the sender. */
  readonly members: readonly (Place & { readonly user_id: UserId; readonly devices?: readonly DevicePlace[] })[];
  /** The reader's own. */
  readonly devices?: readonly DevicePlace[];
}

/** Never fewer than the counts beside it: a recipient may have left since. */
export function recipientsOf(place: MessagePlace): number {
  return Math.max(place.recipient_count ?? place.members.length, place.delivered_count, place.read_count);
}

export function ownDevicesOf({ devices, members }: MessagePlace, self: UserId): readonly DevicePlace[] {
  return devices ?? members.find((member) => member.user_id === self)?.devices ?? [];
}
