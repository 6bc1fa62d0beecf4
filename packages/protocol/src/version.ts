// The wire's version. version.test.ts hashes every schema and fails until this number is bumped with a change.

/** Sent in `welcome.limits.protocol_version`. Fields may be added without a bump of the major path /v1. */
export const protocolVersion = 2;
