// The users port: accounts, their credentials, and the search for people.

import type { UserId } from '@hongyan/protocol/ids';

export interface UserRecord {
  /** As it was created: ids that differ in the case of letters alone are one id. */
  readonly userId: UserId;
  readonly displayName: string;
  readonly createdAtMs: number;
  /** The user is not let in. Absent: no. */
  readonly isDisabled?: boolean;
}

export interface NewUser extends Omit<UserRecord, 'isDisabled'> {
  /** An argon2id PHC string. Absent: the user cannot log in with a password. */
  readonly passwordHash?: string | undefined;
}

/** MUST compare user ids without regard to the case of ASCII letters, and return them as they were created. */
export interface Users {
  /** false when the id is taken: nothing is changed then. */
  createUser(user: NewUser): Promise<boolean>;
  /** Keyed by the ids as given; an unknown user is absent. */
  getUsers(userIds: readonly UserId[]): Promise<ReadonlyMap<UserId, UserRecord>>;
  /** What is undefined stays. false when there is no such user. */
  updateUser(change: {
    readonly userId: UserId;
    readonly displayName?: string | undefined;
    readonly isDisabled?: boolean | undefined;
  }): Promise<boolean>;
  /** undefined = unknown user, or one without a password. */
  getPasswordHash(userId: UserId): Promise<string | undefined>;
  /** false when there is no such user. */
  setPasswordHash(change: { readonly userId: UserId; readonly passwordHash: string }): Promise<boolean>;
  /** The tier that was set for the user; undefined = none, or an unknown user. */
  getTier(userId: UserId): Promise<string | undefined>;
  /** undefined takes it away. false when there is no such user. */
  setTier(change: { readonly userId: UserId; readonly tier: string | undefined }): Promise<boolean>;
  /**
   * Users whose id starts with the query, by id; then users of whom a word of the display name does, by that word: "jones" and
   * "alice j" find "Alice Jones". In text written without spaces (Chinese, Japanese, Korean, Thai …) every letter begins a
   * word. Query and names are compared folded (domain/fold.ts). Cost MUST be O(limit), independent of the number of matches.
   */
  searchUsers(request: { readonly query: string; readonly limit: number }): Promise<readonly UserRecord[]>;
  /** By id ascending, after `after` (exclusive). */
  listUsers(request: { readonly after?: UserId; readonly limit: number }): Promise<readonly UserRecord[]>;
}
