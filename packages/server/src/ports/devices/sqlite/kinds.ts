// The kinds: pairs of model and firmware. Each kind is stored once with the number of its devices, so that counts need not read the
// devices.

import type { Database } from 'bun:sqlite';
import { assert } from '@hongyan/base/assert';
import { type Kind, kindName } from '../../../domain/registration.ts';

interface KindRow extends Kind {
  readonly no: number;
}

/** The maximum number of cached kinds. A full cache is cleared. */
const rememberedMax = 20_000;

export class Kinds {
  readonly #statements: ReturnType<typeof prepare>;
  readonly #byName = new Map<string, KindRow>();
  readonly #byNo = new Map<number, KindRow>();
  /** Changes of counts that are not written yet, because many devices of a slice have few kinds. */
  readonly #changes = new Map<number, number>();

  constructor(db: Database) {
    this.#statements = prepare(db);
  }

  of(no: number): KindRow {
    const known = this.#byNo.get(no) ?? this.#statements.byNo.get(no);
    assert(known, 'the kind of a device exists', no);
    return this.#remember(known);
  }

  /** Counts one more device of the kind. Returns the number of the kind. */
  count(kind: Kind): number {
    const { no } = this.#give(kind);
    this.#change(no, 1);
    return no;
  }

  uncount(no: number): void {
    this.#change(no, -1);
  }

  /** MUST be called before the commit. */
  flush(): void {
    for (const [no, change] of this.#changes) if (change !== 0) this.#statements.change.run(change, no);
    this.#changes.clear();
  }

  /** MUST be called after a rollback, because kinds of the batch no longer exist. */
  forget(): void {
    this.#byName.clear();
    this.#byNo.clear();
    this.#changes.clear();
  }

  #give({ model, firmware }: Kind): KindRow {
    const known = this.#byName.get(kindName({ model, firmware }));
    if (known !== undefined) return known;
    const row = this.#statements.byName.get(model, firmware) ?? this.#statements.insert.get(model, firmware);
    assert(row, 'a kind that was not found can be inserted');
    return this.#remember(row);
  }

  #remember(kind: KindRow): KindRow {
    if (this.#byNo.size >= rememberedMax) {
      this.#byNo.clear();
      this.#byName.clear();
    }
    this.#byNo.set(kind.no, kind);
    this.#byName.set(kindName(kind), kind);
    return kind;
  }

  #change(no: number, by: number): void {
    this.#changes.set(no, (this.#changes.get(no) ?? 0) + by);
  }
}

function prepare(db: Database) {
  return {
    byNo: db.prepare<KindRow, [number]>('SELECT no, model, firmware FROM kind WHERE no = ?'),
    byName: db.prepare<KindRow, [string, string]>(
      'SELECT no, model, firmware FROM kind WHERE model = ? AND firmware = ?',
    ),
    insert: db.prepare<KindRow, [string, string]>(
      'INSERT INTO kind(model, firmware, count) VALUES(?, ?, 0) RETURNING no, model, firmware',
    ),
    change: db.prepare<unknown, [number, number]>('UPDATE kind SET count = count + ? WHERE no = ?'),
  };
}
