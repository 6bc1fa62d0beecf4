// What the operator API answers about webhooks: the answers of the operations of back ends.

import type { Output } from '../operations/operations.ts';

export type WebhookEndpoint = Output<'getWebhook'>;
export type WebhookEndpoints = Output<'listWebhooks'>;
export type WebhookAttempt = Output<'listWebhookAttempts'>['attempts'][number];
export type WebhookDeadLetter = Output<'listWebhookDeadLetters'>['dead_letters'][number];
export type WebhookTestOutcome = Output<'testWebhook'>;
