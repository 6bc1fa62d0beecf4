// The page size of list operations.

import Type from 'typebox';

/** Reduced to limits.page_max. */
export const limitSchema = Type.Optional(Type.Integer({ minimum: 1, maximum: 500 }));
