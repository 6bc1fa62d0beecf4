// Whether a host name or an address is of this machine alone. A dual-stack socket reports IPv4 peers as ::ffff:127.0.0.1.

export const isLoopback = (hostname: string): boolean => /^((::ffff:)?127\.|localhost$|::1$)/.test(hostname);
