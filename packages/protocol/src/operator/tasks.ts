// What the operator API answers about the task queue.

export interface TaskCounts {
  readonly kind: string;
  readonly ready: number;
  readonly delayed: number;
  readonly claimed: number;
  readonly dead: number;
}

export interface DeadTask {
  readonly task_id: string;
  readonly kind: string;
  readonly error: string;
  readonly failures: number;
  /** Unix milliseconds. */
  readonly added_at: number;
  readonly died_at: number;
  /** Its first characters. */
  readonly payload: string;
  readonly payload_length: number;
}
