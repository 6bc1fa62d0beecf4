// The version of the wire protocol. version.test.ts hashes every schema, and fails until the hash, and if needed the version, is updated.

/** Sent in `welcome.limits.protocol_version`. Fields may be added without a bump of the major path /v1. */
export const protocolVersion = 2;
