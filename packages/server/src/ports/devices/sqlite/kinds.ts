// Models with their firmware: each pair stands once, with the number of its devices, which a count then reads instead of them.

import type { Database } from 'bun:sqlite';
import { assert } from '@hongyan/base/assert';

interface Kind {
  readonly no: number;
  readonly model: string;
  readonly firmware: string;
}

/** Remembered pairs; when there are more, all are forgotten and read again. */
const rememberedMax = 20_000;

export class Kinds {
  readonly #statements: ReturnType<typeof prepare>;
  readonly #byName = new Map<string, Kind>();
  readonly #byNo = new Map<number, Kind>();
  /** Not written yet: many devices of a slice are of few kinds. */
  readonly #changes = new Map<number, number>();

  constructor(db: Database) {
    this.#statements = prepare(db);
  }

  of(no: number): Kind {
    const known = this.#byNo.get(no) ?? this.#statements.byNo.get(no);
    assert(known, 'a device is of a kind that stands in the table', no);
    return this.#remember(known);
  }

  /** One more of it; returns its number. */
  count(model: string, firmware: string): number {
    const { no } = this.#give(model, firmware);
    this.#change(no, 1);
    return no;
  }

  uncount(no: number): void {
    this.#change(no, -1);
  }

  /** Before the commit. */
  flush(): void {
    for (const [no, change] of this.#changes) if (change !== 0) this.#statements.change.run(change, no);
    this.#changes.clear();
  }

  /** After a rollback: a kind it made is not there any more. */
  forget(): void {
    this.#byName.clear();
    this.#byNo.clear();
    this.#changes.clear();
  }

  #give(model: string, firmware: string): Kind {
    const known = this.#byName.get(`${model}\n${firmware}`);
    if (known !== undefined) return known;
    const row = this.#statements.byName.get(model, firmware) ?? this.#statements.insert.get(model, firmware);
    assert(row, 'a kind just looked for can be inserted');
    return this.#remember(row);
  }

  #remember(kind: Kind): Kind {
    if (this.#byNo.size >= rememberedMax) {
      this.#byNo.clear();
      this.#byName.clear();
    }
    this.#byNo.set(kind.no, kind);
    this.#byName.set(`${kind.model}\n${kind.firmware}`, kind);
    return kind;
  }

  #change(no: number, by: number): void {
    this.#changes.set(no, (this.#changes.get(no) ?? 0) + by);
  }
}

function prepare(db: Database) {
  return {
    byNo: db.prepare<Kind, [number]>('SELECT no, model, firmware FROM kind WHERE no = ?'),
    byName: db.prepare<Kind, [string, string]>('SELECT no, model, firmware FROM kind WHERE model = ? AND firmware = ?'),
    insert: db.prepare<Kind, [string, string]>(
      'INSERT INTO kind(model, firmware, count) VALUES(?, ?, 0) RETURNING no, model, firmware',
    ),
    change: db.prepare<unknown, [number, number]>('UPDATE kind SET count = count + ? WHERE no = ?'),
  };
}
