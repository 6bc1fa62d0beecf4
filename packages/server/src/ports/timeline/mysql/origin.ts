// The origin of an imported timeline. Positions of the source store stay valid, because clients keep their cursors.

import type { MysqlPool } from '../../../adapters/mysql/pool.ts';
import { parsePosition } from '../position.ts';
import type { Position } from '../timeline.ts';
import type { ShardVector } from './position-vector.ts';

/**
 * `origin` has a row once an import has begun. `through` is the position of the source, as a number, up to which all entries are imported.
 * `origin_position` maps positions of the source to the last commit of each shard when the import had reached them.
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
 * Translates a position of the source store into a vector: that of the newest recorded position that is not after it. All entries after the
 * position are after the vector. undefined when it is not a position of the source.
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

/** The newest recorded position of the source that is not after `number`, and the vector at that position. */
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
  /** The epoch of the source. An import from another store is rejected. */
  readonly epoch: string;
  readonly through: number;
  readonly isComplete: boolean;
}

/** undefined when no import has begun. */
export async function readMoveState(pool: Pick<MysqlPool, 'read'>): Promise<MoveState | undefined> {
  const [row] = await pool.read<{ epoch: Buffer; through: number; is_complete: number }>(
    'select epoch, through, is_complete from origin where id = 1',
  );
  return row && { epoch: row.epoch.toString(), through: row.through, isComplete: row.is_complete === 1 };
}
