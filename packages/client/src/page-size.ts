// How many items to ask for at a time: a page that is too much for the line is lost with the connection, each time anew, so the next
// page is half as large.

import { toClientError } from './client-error.ts';

export class PageSize {
  readonly #max: number;
  #size: number;

  constructor(max: number) {
    this.#max = max;
    this.#size = max;
  }

  async ask<T>(request: (limit: number) => Promise<T>): Promise<T> {
    const limit = this.#size;
    try {
      const page = await request(limit);
      this.#size = Math.min(this.#max, limit * 2);
      return page;
    } catch (error) {
      if (toClientError(error).code === 'unavailable') this.#size = Math.max(1, Math.floor(limit / 2));
      throw error;
    }
  }
}
