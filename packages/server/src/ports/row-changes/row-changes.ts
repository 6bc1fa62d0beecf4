// The row-changes port: what was changed in a table, whoever did it, told from the database's own log.

type Row = Readonly<Record<string, unknown>>;

export interface RowChange {
  /** Absent: the row is new. */
  readonly before?: Row;
  /** Absent: the row is gone. */
  readonly after?: Row;
}

export interface RowChanges {
  /**
   * Calls `handle` with the changes of the table in their order, a batch at a time and each at least once, also those that were made while
   * nobody listened. A batch that `handle` rejects comes again. Several processes share the work.
   */
  follow(handle: (changes: readonly RowChange[]) => Promise<void>): Promise<void>;
  close(): Promise<void>;
}
