// The users port: accounts, their credentials, and the search for users.

import type { UserId } from '@hongyan/protocol/ids';

export interface UserRecord {
  /** In the case in which it was created. Ids that differ only in case are the same id. */
  readonly userId: UserId;
  readonly displayName: string;
  readonly createdAtMs: number;
  /** The user cannot authenticate. Default false. */
  readonly isDisabled?: boolean;
}

export interface NewUser extends Omit<UserRecord, 'isDisabled'> {
  /** An argon2id PHC string. Absent: the user cannot log in with a password. */
  readonly passwordHash?: string | undefined;
}

/** MUST compare user ids without regard to the case of ASCII letters, and return them in the case in which they were created. */
export interface Users {
  /** false when the id exists; then nothing is changed. */
  createUser(user: NewUser): Promise<boolean>;
  /** Keyed by the requested ids. Unknown users are absent. */
  getUsers(userIds: readonly UserId[]): Promise<ReadonlyMap<UserId, UserRecord>>;
  /** Undefined fields do not change. false when the user does not exist. */
  updateUser(change: {
    readonly userId: UserId;
    readonly displayName?: string | undefined;
    readonly isDisabled?: boolean | undefined;
  }): Promise<boolean>;
  /** undefined for an unknown user, and for a user without a password. */
  getPasswordHash(userId: UserId): Promise<string | undefined>;
  /** false when the user does not exist. */
  setPasswordHash(change: { readonly userId: UserId; readonly passwordHash: string }): Promise<boolean>;
  /** The tier that was set for the user. undefined when none was set, and for an unknown user. */
  getTier(userId: UserId): Promise<string | undefined>;
  /** undefined removes the tier. false when the user does not exist. */
  setTier(change: { readonly userId: UserId; readonly tier: string | undefined }): Promise<boolean>;
  /**
   * First the users whose id starts with the query, ordered by id. Then the users whose display name, read from the beginning of one of its
   * words, starts with the query, ordered by that word: "jones" and "alice j" both find "Alice Jones". In scripts without spaces (Chinese,
   * Japanese, Korean, Thai …) every letter begins a word. Query and names are compared folded (domain/fold.ts).
   *
   * The cost MUST be O(limit), independent of the number of matches.
   */
  searchUsers(request: { readonly query: string; readonly limit: number }): Promise<readonly UserRecord[]>;
  /** Ascending by id, after `after` (exclusive). */
  listUsers(request: { readonly after?: UserId; readonly limit: number }): Promise<readonly UserRecord[]>;
}
