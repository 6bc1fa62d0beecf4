// What a move tells of itself while it runs.

export interface MoveProgress {
  readonly step: 'copying entries' | 'copying rows' | 'checking' | 'following' | 'switching';
  /** Of what: a table, conversations. */
  readonly what: string;
  readonly done: number;
  /** Absent where nobody knows it beforehand. */
  readonly of?: number;
}

export interface MoveReport {
  readonly conversations: number;
  readonly entries: number;
  /** By table of the cluster. */
  readonly rows: Readonly<Record<string, number>>;
  readonly tasks: number;
  /** Tasks that were given up. */
  readonly deadLetters: number;
  /** From asking the server to leave, or from taking its folder where none ran, until the cluster may start. */
  readonly switchMs: number;
  /** Of that, until the server had left. */
  readonly leavingMs: number;
}
