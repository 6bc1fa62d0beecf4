// The layout of a data folder: the only place that knows its file names.

import { join } from 'node:path';

export interface DataLayout {
  /** The folder of the timeline's files. */
  readonly timeline: string;
  readonly directory: string;
  /** Devices: those registered, and those of sessions. Beside the directory, from which they were once carried over. */
  readonly devices: string;
  /** The task queue. */
  readonly tasks: string;
  /** API keys, and revocations of tokens. */
  readonly access: string;
  /** Exists once events have been recorded. */
  readonly events: string;
  /** Signs requests to before-send-url. */
  readonly beforeSendSecret: string;
  readonly secret: string;
  /** The bearer token of the operator listener. */
  readonly operatorToken: string;
  /** The address of the running server; exists while it runs. */
  readonly running: string;
  /** Stored profiles. */
  readonly profiles: string;
  /** Notices in force. */
  readonly notices: string;
  /** Exists after a migration into a cluster: the store is the cluster's from then on. */
  readonly moved: string;
  /** In a cluster: the secret by which gateways and cores authenticate each other. */
  readonly linkSecret: string;
  /** In a cluster: a folder for each of its processes on this machine. */
  readonly nodes: string;
  /** During a restore: files that are not in place yet. */
  readonly restoring: string;
  /** Sockets of a running server. */
  readonly run: string;
}

export function dataLayout(data: string): DataLayout {
  return {
    timeline: join(data, 'timeline'),
    directory: join(data, 'directory.db'),
    devices: join(data, 'devices.db'),
    tasks: join(data, 'tasks.db'),
    access: join(data, 'access.db'),
    events: join(data, 'events.db'),
    beforeSendSecret: join(data, 'before-send-secret'),
    secret: join(data, 'secret'),
    operatorToken: join(data, 'operator-token'),
    running: join(data, 'running.json'),
    profiles: join(data, 'profiles'),
    notices: join(data, 'notices.json'),
    moved: join(data, 'moved.json'),
    linkSecret: join(data, 'link-secret'),
    nodes: join(data, 'nodes'),
    restoring: join(data, 'restore.partial'),
    run: join(data, 'run'),
  };
}

/** Files of one store each; one that no server needed yet is not there. A store that is added belongs here: backups have what is listed. */
export const storeFiles = ({ directory, access, events, tasks, devices }: DataLayout): readonly string[] => [
  directory,
  access,
  events,
  tasks,
  devices,
];

/** What is not in a store and would be missed: without the secret every user has to log in again. */
export const secretFiles = ({ secret, operatorToken, beforeSendSecret }: DataLayout): readonly string[] => [
  secret,
  operatorToken,
  beforeSendSecret,
];
