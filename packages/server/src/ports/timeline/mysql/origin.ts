// Where the entries came from, when they were moved here from another store: that store's positions go on being understood, because
// clients keep their cursors.

import type { MysqlPool } from '../../../adapters/mysql/pool.ts';
import { parsePosition } from '../position.ts';
import type { Position } from '../timeline.ts';
import type { ShardVector } from './position-vector.ts';

/**
 * `origin` has a row from the beginning of a move on. `through`: the position of the other store, as its number, up to which everything
 * is here. `origin_position`: how far the shards were when everything up to a number was here.
 */
export const originTables: readonly string[] = [
  `create table if not exists origin (
    id tinyint primary key,
    epoch varbinary(32) not null,
    through bigint not null,
    is_complete tinyint not null
  )`,
  `create table if not exists origin_position (
    number bigint primary key,
    vector varbinary(255) not null
  )`,
];

/**
 * Where the shards were at the latest of the known moments that are not after a position of the store that this one continues: what was
 * committed after the position is after the vector. Undefined when it is no such position.
 */
export async function vectorOfOrigin(
  pool: MysqlPool,
  { epoch, position }: { readonly epoch: string; readonly position: Position },
): Promise<ShardVector | undefined> {
  const number = parsePosition(epoch, position);
  if (number === undefined) return undefined;
  const [row] = await pool.read<{ vector: Buffer }>(
    `select p.vector from origin o join origin_position p on p.number <= ?
     where o.id = 1 and o.is_complete = 1 and o.through >= ? order by p.number desc limit 1`,
    [number, number],
  );
  return row && parseNumbers(row.vector.toString());
}

/** The latest of the known moments that are not after a number of the other store: how far the shards were then. */
export async function momentBefore(
  pool: Pick<MysqlPool, 'read'>,
  number: number,
): Promise<{ readonly number: number; readonly vector: ShardVector } | undefined> {
  const [row] = await pool.read<{ number: number; vector: Buffer }>(
    'select number, vector from origin_position where number <= ? order by number desc limit 1',
    [number],
  );
  return row && { number: row.number, vector: parseNumbers(row.vector.toString()) };
}

export const formatNumbers = (vector: ShardVector): string => vector.join(' ');
const parseNumbers = (text: string): ShardVector => text.split(' ').map(Number);

export interface MoveState {
  /** Of the store that is moved: another one is refused. */
  readonly epoch: string;
  readonly through: number;
  readonly isComplete: boolean;
}

/** Undefined when nothing was ever moved into the database. */
export async function readMoveState(pool: Pick<MysqlPool, 'read'>): Promise<MoveState | undefined> {
  const [row] = await pool.read<{ epoch: Buffer; through: number; is_complete: number }>(
    'select epoch, through, is_complete from origin where id = 1',
  );
  return row && { epoch: row.epoch.toString(), through: row.through, isComplete: row.is_complete === 1 };
}
