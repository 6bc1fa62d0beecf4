// The row-changes port: all changes of a table by any writer, read from the log of the database (change data capture).

type Row = Readonly<Record<string, unknown>>;

export interface RowChange {
  /** Absent for an inserted row. */
  readonly before?: Row;
  /** Absent for a deleted row. */
  readonly after?: Row;
}

export interface RowChanges {
  /**
   * Calls `handle` with batches of the changes of the table. MUST deliver each change at least once, in the order in which the changes
   * were committed, and also the changes that were made while no process followed. MUST deliver a batch again when `handle` rejects it,
   * so handlers are idempotent. Processes that follow the same table share its changes.
   */
  follow(handle: (changes: readonly RowChange[]) => Promise<void>): Promise<void>;
  close(): Promise<void>;
}
