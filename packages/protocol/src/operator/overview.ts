// What the operator API answers as overview: the state of the server and its last quarter of an hour.

/** What happened in the time up to `at`. */
export interface OverviewPoint {
  /** Unix milliseconds. */
  readonly at: number;
  readonly connections: number;
  readonly online_users: number;
  readonly messages_per_s: number;
  readonly refused_per_s: number;
  /** From a send to its acknowledgement; null: nothing was sent. */
  readonly ack_p50_ms: number | null;
  readonly ack_p99_ms: number | null;
  /** null: nothing was committed. */
  readonly entries_per_commit: number | null;
  /** Resident, of all processes. */
  readonly memory_bytes: number;
  /** CPU seconds per second, of all processes. */
  readonly cores: number;
}

export interface OverviewCheck {
  readonly status: 'ok' | 'degraded' | 'failed';
  readonly reason?: string;
}

export interface OverviewProcess {
  readonly name: string;
  readonly is_up: boolean;
  /** Clients connect to it. */
  readonly takes_clients: boolean;
  readonly connections: number;
  readonly memory_bytes: number;
  /** null: not measured yet. */
  readonly cores: number | null;
  readonly loop_lag_ms: number;
}

export interface OverviewQueue {
  readonly queue: string;
  readonly depth: number;
  readonly max: number;
}

export interface OverviewAnswer {
  readonly status: 'ready' | 'not ready';
  readonly checks: Readonly<Record<string, OverviewCheck>>;
  readonly version: string;
  /** Unix milliseconds. */
  readonly started_at: number;
  readonly connections_max: number;
  readonly disk: {
    readonly stores: readonly { readonly store: string; readonly bytes: number }[];
    readonly free_bytes: number;
    readonly bytes: number;
  };
  readonly processes: readonly OverviewProcess[];
  readonly queues: readonly OverviewQueue[];
  /** The time between two points. */
  readonly every_ms: number;
  readonly points: readonly OverviewPoint[];
}
