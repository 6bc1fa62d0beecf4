// The life of a part of a process: started, drained, closed, in this order and each once.

export interface Service {
  /** Resolves when it serves. Rejects when it cannot; it is closed then. */
  start(): Promise<void>;
  /** Refuses new work; resolves when accepted work is done, at the latest soon after `deadlineMs` of the monotonic clock. */
  drain(deadlineMs: number): Promise<void>;
  /** Frees everything it holds, whether it was drained or not. Closing again is harmless. */
  close(): Promise<void>;
}
