// The page size that list operations take.

import Type from 'typebox';

/** Larger pages than limits.page_max are cut to it. */
export const limitSchema = Type.Optional(Type.Integer({ minimum: 1, maximum: 500 }));
