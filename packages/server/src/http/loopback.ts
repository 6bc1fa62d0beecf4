// Whether an address is of this machine alone.

import type { Address } from '@hongyan/base/address';

export const isLoopback = ({ hostname }: Address): boolean => /^(127\.|localhost$|::1$)/.test(hostname);
